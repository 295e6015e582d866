/* answer_cost.c - a query over and over, so that callgrind can say what one costs.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   valgrind --tool=callgrind --toggle-collect=answer_query build/release/bin/answer_cost CONFIG NAME TYPE [CLIENT/LENGTH [COUNT]]
 *
 * Instructions collected, divided by COUNT (default 1000), is the cost of one. Without CLIENT the query has no EDNS; with it, an
 * OPT record with ECS, whose address moves on by one block a query; "-" is an OPT record without options. NAME may hold a "%u" for a number that counts up
 * (random names below a zone). Without callgrind, the time is printed. */
#include <ldns/rr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dnsd/answer.h"
#include "dnsd/config/config.h"
#include "dnsd/wire/bytes.h"
#include "dnsd/wire/name.h"
#include "geo/survey.h"
#include "router/latency.h"

static void must(enum status status, const char *what)
{
    if (status == OK) return;
    fprintf(stderr, "%s: %s\n", what, status_name(status));
    exit(1);
}

static void make_world(const char *path, struct world *world)
{
    struct problems problems;
    struct config *config;
    struct zones *zones;
    struct atlas *atlas;
    struct latencies *latencies;
    struct snapshot *snapshot;
    struct answers *answers;
    char error[SURVEY_ERROR_MAX];
    problems_init(&problems);
    must(config_load(path, &problems, &config), path);
    must(zones_load(config, &problems, &zones), "zones");
    must(survey_atlas(&config->geo, &config->model, &atlas, error), "atlas");
    must(latencies_new(&config->model, atlas, &latencies), "latencies");
    must(snapshot_new(&config->model, &snapshot), "snapshot");
    snapshot_derive(&config->model, NULL, snapshot);
    for (size_t i = 0; i < config->model.plan_count; i++) {
        struct steering_input input = {.model = &config->model, .plan = &config->model.plans[i], .atlas = atlas,
                                       .latencies = latencies, .snapshot = snapshot};
        struct decisions *decisions;
        struct chart *chart;
        must(decisions_new(&input, &decisions), "decisions");
        must(chart_new(atlas, decisions, &chart), "chart");
        world->decisions[i] = decisions;
        world->charts[i] = chart;
    }
    must(answers_new(zones, &config->model, snapshot, &answers), "answers");
    world->zones = zones;
    world->answers = answers;
    printf("%zu zones, %zu names, %zu bytes; answers %zu bytes\n", zones_count(zones), zones_name_count(zones),
           zones_bytes(zones), answers_bytes(answers));
}

static size_t make_query(uint8_t *query, const char *pattern, unsigned number, unsigned type, const char *client)
{
    char text[256];
    struct name name;
    snprintf(text, sizeof text, pattern, number);
    must(name_parse(text, strlen(text), NULL, &name), text);
    memset(query, 0, 12);
    query[5] = 1;
    memcpy(query + 12, name.bytes, name.size);
    size_t at = 12u + name.size;
    bytes_put16(query + at, type);
    bytes_put16(query + at + 2, CLASS_IN);
    at += 4;
    if (client == NULL) return at;
    query[11] = 1;
    uint8_t *opt = query + at;
    memset(opt, 0, 11);
    bytes_put16(opt + 1, TYPE_OPT);
    bytes_put16(opt + 3, 1232);
    if (strcmp(client, "-") == 0) return at + 11;
    struct prefix prefix;
    must(prefix_parse_loose(client, &prefix), client);
    size_t bytes = (prefix.length + 7u) / 8;
    if (bytes >= 2) bytes_put16(prefix.address.bytes + 1, bytes_get16(prefix.address.bytes + 1) + number);
    bytes_put16(opt + 9, 8 + (unsigned)bytes);
    bytes_put16(opt + 11, OPTION_ECS);
    bytes_put16(opt + 13, 4 + (unsigned)bytes);
    bytes_put16(opt + 15, prefix.address.family);
    opt[17] = prefix.length;
    opt[18] = 0;
    memcpy(opt + 19, prefix.address.bytes, bytes);
    return at + 19 + bytes;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: %s CONFIG NAME TYPE [CLIENT/LENGTH [COUNT]]\n", argv[0]);
        return 2;
    }
    static struct world world;
    static struct counters counters;
    static uint8_t queries[256][512];
    size_t sizes[256];
    uint8_t reply[ANSWER_UDP_MAX];
    unsigned count = argc > 5 ? (unsigned)atoi(argv[5]) : 1000;
    struct client client = {.address = {.family = FAMILY_IPV4, .bytes = {53, 1, 2, 3}}, .transport = TRANSPORT_UDP};
    make_world(argv[1], &world);
    for (unsigned i = 0; i < 256; i++)
        sizes[i] = make_query(queries[i], argv[2], i, ldns_get_rr_type_by_name(argv[3]), argc > 4 ? argv[4] : NULL);
    /* by a pointer that the linker cannot see through, so that there is a function for callgrind to see */
    size_t (*volatile answer)(const struct world *, struct counters *, const struct client *, const uint8_t *, size_t, uint8_t *,
                              size_t) = answer_query;
    struct timespec from, to;
    size_t written = 0;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (unsigned i = 0; i < count; i++)
        written += answer(&world, &counters, &client, queries[i % 256], sizes[i % 256], reply, sizeof reply);
    clock_gettime(CLOCK_MONOTONIC, &to);
    double ns = (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
    printf("%u queries, %zu bytes of answers, rcode %u, %.1f ns each\n", count, written, reply[3] & 15u, ns / count);
    return 0;
}
