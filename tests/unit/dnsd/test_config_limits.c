/* test_config_limits.c - every size is bounded: at its limit it is taken, one above it is refused by name.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dnsd/config/config.h"
#include "dnsd/config/document.h"
#include "router/steering.h"

#define ZONE "zones: [{origin: example.com, file: z}]\n"

struct text {
    char *bytes;
    size_t size;
};

/* A text written by `write`, which is handed how many of its things to make. */
static struct text make(void (*write)(FILE *out, unsigned count), unsigned count)
{
    struct text text = {0};
    FILE *out = open_memstream(&text.bytes, &text.size);
    assert_non_null(out);
    write(out, count);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* Parse; *first is set to the first problem's line, "" when there is none. Frees the text. */
static enum status parse(struct text text, char first[512], struct config **config)
{
    struct problems problems;
    problems_init(&problems);
    enum status status = config_parse("f", text.bytes, text.size, &problems, config);
    first[0] = '\0';
    if (problems.count > 0) problem_format(&problems.list[0], first, 512);
    problems_fini(&problems);
    free(text.bytes);
    return status;
}

static void check(void (*write)(FILE *out, unsigned count), unsigned limit, const char *expected)
{
    char first[512];
    struct config *config = NULL;
    enum status status = parse(make(write, limit), first, &config);
    if (status != OK) print_error("%s\n", first);
    assert_int_equal(status, OK);
    config_release(config);
    assert_int_equal(parse(make(write, limit + 1), first, &config), ERR_SYNTAX);
    assert_string_equal(first, expected);
}

static void write_regions(FILE *out, unsigned count)
{
    fputs(ZONE "regions:\n", out);
    for (unsigned i = 0; i < count; i++)
        fprintf(out, "- {name: r%u, country: US, endpoints: [{name: e%u, addresses: [192.0.2.1]}]}\n", i, i);
}

static void write_endpoints(FILE *out, unsigned count)
{
    fputs(ZONE "regions:\n- name: half\n  country: US\n  endpoints:\n", out);
    for (unsigned i = 0; i < count; i++) {
        if (i == count / 2) fputs("- name: other\n  country: US\n  endpoints:\n", out);
        fprintf(out, "  - {name: e%u, addresses: [10.0.%u.%u]}\n", i, i / 256, i % 256);
    }
}

static void write_strategy_endpoints(FILE *out, unsigned count)
{
    fputs(ZONE "regions:\n- name: r\n  country: US\n  strategy: weighted\n  endpoints:\n", out);
    for (unsigned i = 0; i < count; i++) fprintf(out, "  - {name: e%u, addresses: [10.0.%u.%u]}\n", i, i / 256, i % 256);
}

/* Services of 40 answers each: ten endpoints that are named four at a time. */
static void write_choices(FILE *out, unsigned count)
{
    fputs(ZONE "regions:\n- name: r\n  country: US\n  strategy: weighted\n  per_answer: 4\n  endpoints:\n", out);
    for (unsigned i = 0; i < 10; i++) fprintf(out, "  - {name: e%u, addresses: [10.0.0.%u]}\n", i, i);
    fputs("services:\n", out);
    for (unsigned i = 0; i < count; i++) fprintf(out, "- {name: s%u.example.com}\n", i);
}

static void write_services(FILE *out, unsigned count)
{
    write_regions(out, 1);
    fputs("services:\n", out);
    for (unsigned i = 0; i < count; i++) fprintf(out, "- {name: s%u.example.com}\n", i);
}

static void write_policies(FILE *out, unsigned count)
{
    fputs(ZONE "policies:\n", out);
    for (unsigned i = 0; i < count; i++) fprintf(out, "- {name: p%u}\n", i);
}

static void write_plans(FILE *out, unsigned count)
{
    write_regions(out, 20);
    fputs("services:\n", out);
    for (unsigned i = 0; i < count; i++)
        fprintf(out, "- {name: s%u.example.com, regions: [r%u, r%u]}\n", i, i / 19, i % 19 + (i % 19 >= i / 19));
}

static void write_weighted(FILE *out, unsigned count)
{
    write_regions(out, count);
    fputs("policies: [{name: shares, steering: weighted}]\n"
          "services:\n- {name: s.example.com, policy: shares}\n",
          out);
}

static void write_weighted_by_name(FILE *out, unsigned count)
{
    write_regions(out, 40);
    fputs("services:\n- {name: s.example.com, policy: shares}\n"
          "policies:\n- name: shares\n  steering: weighted\n  weights: {r39: 0, ",
          out);
    for (unsigned i = 0; i < count; i++) fprintf(out, "r%u: 1, ", i);
    fputs("}\n", out);
}

static void write_rules(FILE *out, unsigned count)
{
    write_regions(out, 1);
    fputs("policies:\n- name: p\n  places:\n", out);
    for (unsigned i = 0; i < count; i++) fprintf(out, "  - {match: {asn: %u}, prefer: [r0]}\n", i + 1);
}

static void write_pins(FILE *out, unsigned count)
{
    fputs(ZONE "pins:\n", out);
    for (unsigned i = 0; i < count; i++) fprintf(out, "- {asn: %u, place: {country: US}}\n", i + 1);
}

static void write_pin_lists(FILE *out, unsigned count)
{
    fputs(ZONE "pins:\n- {asn: [1], place: {country: US}}\n- place: {country: US}\n  asn: [", out);
    for (unsigned i = 1; i < count; i++) fprintf(out, "%u, ", i + 1);
    fputs("]\n", out);
}

/* Half in a rule, half in pins: the limit is of both together. */
static void write_networks(FILE *out, unsigned count)
{
    write_regions(out, 1);
    fputs("policies:\n- name: p\n  places:\n  - prefer: r0\n    match:\n      prefix: [", out);
    for (unsigned i = 0; i < count / 2; i++) fprintf(out, "10.%u.%u.0/24, ", i / 256, i % 256);
    fputs("]\npins:\n- place: {country: US}\n  prefix: [", out);
    for (unsigned i = 0; i < count - count / 2; i++) fprintf(out, "\"2001:db8:%x::/48\", ", i);
    fputs("]\n", out);
}

static void write_listen(FILE *out, unsigned count)
{
    fputs(ZONE "listen: [", out);
    for (unsigned i = 0; i < count; i++) fprintf(out, "127.0.0.1@%u, ", i + 1000);
    fputs("]\n", out);
}

static void sizes_of_the_model(void **state)
{
    (void)state;
    check(write_regions, REGION_MAX, "f:3: regions: 256 of them: at most 255");
    check(write_endpoints, ENDPOINT_MAX, "f:3: regions: 4097 endpoints in all: at most 4096");
    check(write_strategy_endpoints, STRATEGY_ENDPOINT_MAX,
          "f:5: regions[0].strategy: weighted: `all`: a region with a strategy has at most 256 endpoints, this one 257");
    check(write_choices, STRATEGY_CHOICE_MAX / 40,
          "f:5019: services[5000]: s5000.example.com: at most 200000 answers by strategies: the endpoints of each service's "
          "regions with a `strategy`, times `per_answer`, in all");
    check(write_services, SERVICE_MAX, "f:5: services: 10001 of them: at most 10000");
    check(write_policies, POLICY_MAX - 1, "f:3: policies: 256 of them: at most 255");
    check(write_plans, PLAN_MAX, "f:280: services[256]: at most 256 different pairs of policy and regions");
    check(write_weighted, DECISION_SHARE_MAX,
          "f:22: services[0]: s.example.com: at most 16 regions with a weight, for the policy shares is weighted");
    check(write_weighted_by_name, DECISION_SHARE_MAX,
          "f:44: services[0]: s.example.com: at most 16 regions with a weight, for the policy shares is weighted");
    check(write_rules, RULE_MAX, "f:7: policies[0].places: 257 of them: at most 256");
    check(write_pins, PIN_MAX, "f:3: pins: 32769 of them: at most 32768");
    check(write_pin_lists, PIN_MAX, "f:3: pins: 32769 prefixes and AS numbers: at most 32768");
    check(write_networks, NETWORK_MAX,
          "f: 32769 prefixes are named by rules, pins and the latency table: at most 32768");
    check(write_listen, 64, "f:2: listen: 65 of them: at most 64");
}

/* Everything at its limit at once is one configuration. */
static void write_everything(FILE *out, unsigned count)
{
    (void)count;
    fputs("zones:\n", out);
    for (unsigned i = 0; i < SERVICE_MAX; i++) fprintf(out, "- {origin: z%u.example, file: %u.zone}\n", i, i);
    fputs("regions:\n", out);
    for (unsigned i = 0; i < REGION_MAX; i++) {
        fprintf(out, "- name: r%u\n  country: US\n  endpoints:\n", i);
        for (unsigned j = 0; j < ENDPOINT_MAX / REGION_MAX; j++)
            fprintf(out, "  - {name: e%u-%u, addresses: [10.0.0.%u], probe: {kind: tcp, address: 10.0.0.%u@80}}\n", i,
                    j, j, j);
    }
    fputs("services:\n", out);
    for (unsigned i = 0; i < SERVICE_MAX; i++)
        fprintf(out, "- {name: s.z%u.example, regions: r%u}\n", i, i % REGION_MAX);
    fputs("pins:\n", out);
    for (unsigned i = 0; i < PIN_MAX; i++)
        fprintf(out, "- {prefix: 10.%u.%u.0/24, place: {latitude: 1, longitude: 2}, regions: r%u}\n", i / 256, i % 256,
                i % REGION_MAX);
}

static void everything_at_its_limit_is_taken(void **state)
{
    (void)state;
    char first[512];
    struct config *config = NULL;
    struct text text = make(write_everything, 0);
    assert_true(text.size < DOCUMENT_SIZE_MAX / 2); /* as document.h says */
    assert_int_equal(parse(text, first, &config), OK);
    assert_int_equal(config->model.pin_count, PIN_MAX);
    assert_int_equal(config->model.service_count, SERVICE_MAX);
    config_release(config);
}

static void refused(struct text text, const char *expected)
{
    char first[512];
    struct config *config = NULL;
    assert_int_equal(parse(text, first, &config), ERR_SYNTAX);
    assert_string_equal(first, expected);
}

static void write_spaces(FILE *out, unsigned count)
{
    for (unsigned i = 0; i < count; i++) fputc('\n', out);
}

static void write_values(FILE *out, unsigned count)
{
    for (unsigned i = 0; i < count; i++) fputs("- \n", out);
}

static void write_anchors(FILE *out, unsigned count)
{
    for (unsigned i = 0; i < count; i++) fprintf(out, "- &a%u 1\n", i);
}

static void write_nesting(FILE *out, unsigned count)
{
    for (unsigned i = 0; i < count; i++) fputc('[', out);
}

/* A region of many endpoints, many times; nothing but aliases, which cost no text. */
static void write_bomb(FILE *out, unsigned count)
{
    fputs("regions: [&r {name: r, endpoints: [&e {name: a}", out);
    for (unsigned i = 0; i < count; i++) fputs(",*e", out);
    fputs("]}", out);
    for (unsigned i = 0; i < REGION_MAX - 1; i++) fputs(",*r", out);
    fputs("]\n", out);
}

/* Rules with the same long list, again and again in policies that are the same. */
static void write_scalar_bomb(FILE *out, unsigned count)
{
    fputs("policies: [&p {name: p, places: [&m {match: {asn: [&n 1", out);
    for (unsigned i = 0; i < 9000; i++) fputs(",*n", out);
    fputs("]}}", out);
    for (unsigned i = 0; i < count; i++) fputs(",*m", out);
    fputs("]}", out);
    for (unsigned i = 0; i < count; i++) fputs(",*p", out);
    fputs("]\n", out);
}

static void sizes_of_the_document(void **state)
{
    (void)state;
    refused(make(write_spaces, DOCUMENT_SIZE_MAX + 1), "f: larger than 16777216 bytes");
    refused(make(write_values, DOCUMENT_NODE_MAX + 1), "f:1000000: more than 1000000 values");
    refused(make(write_anchors, DOCUMENT_ANCHOR_MAX + 1), "f:257: more than 256 anchors");
    refused(make(write_nesting, 100000), "f:1: nested deeper than 16 levels");
}

static void alias_bombs_are_bounded(void **state)
{
    (void)state;
    refused(make(write_bomb, 2000), "f:1: what stands up to here takes too much memory");
    refused(make(write_scalar_bomb, 250), "f:1: what stands up to here takes too much memory");
}

static void a_value_is_not_endless(void **state)
{
    (void)state;
    char first[512];
    struct config *config = NULL;
    struct text text = {.size = 5000, .bytes = malloc(5000)};
    assert_non_null(text.bytes);
    memset(text.bytes, 'a', text.size);
    memcpy(text.bytes, "fleet: ", 7);
    assert_int_equal(parse(text, first, &config), ERR_SYNTAX);
    assert_non_null(strstr(first, "aaa...: at most 2048 bytes"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_of_the_model),     cmocka_unit_test(everything_at_its_limit_is_taken),
        cmocka_unit_test(sizes_of_the_document),  cmocka_unit_test(alias_bombs_are_bounded),
        cmocka_unit_test(a_value_is_not_endless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
