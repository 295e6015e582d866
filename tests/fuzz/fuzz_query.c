/* fuzz_query.c - any bytes as a query: the answer is well-formed, no larger than allowed, and about the question.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte chooses transport, family and room; the rest is the query. The world is fixed: all kinds of names and two
 * services, one with hostnames, and strategies. ldns must be able to parse every answer. */
#include <ldns/packet.h>
#include <ldns/wire2host.h>

#include "dnsd/wire/bytes.h"
#include "dnsd/wire/name.h"
#include "tests/unit/dnsd/world_fixture.h"

static const char zone[] =
    "$ORIGIN example.test.\n$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\n@ NS ns.elsewhere.\nns A 192.0.2.1\n"
    "www A 192.0.2.2\nwww TXT x\na.b.ent A 192.0.2.3\n*.w A 192.0.2.4\n*.w CAA 0 issue \"x\"\n*.c CNAME www\nl CNAME l\n"
    "alias CNAME api\nout CNAME x.elsewhere.\nd NS ns.d\nd NS far\nns.d A 192.0.2.5\nns.d AAAA 2001:db8::5\nd DS 1 8 2 00\n"
    "dn DNAME w\ndl DNAME dl\ndd DNAME dn\nlong DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb\n";
static const char child[] = "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.6\n";
static const char yaml[] =
    "pop: {name: fuzz}\nfleet: test\nlisten: [\"127.0.0.1@5353\"]\n"
    "zones: [{origin: example.test, file: zone}, {origin: child.example.test, file: child}]\n"
    "regions:\n  - {name: us, location: {latitude: 39, longitude: -77}, strategy: consistent_hash,\n"
    "     endpoints: [{name: a, addresses: [192.0.2.7, '2001:db8::7']}, {name: a2, addresses: [192.0.2.17]}]}\n"
    "  - {name: eu, location: {latitude: 53, longitude: -6}, endpoints: [{name: b, addresses: [192.0.2.8]}]}\n"
    "  - {name: cdn, location: {latitude: 53, longitude: -6}, strategy: round_robin,\n"
    "     endpoints: [{name: c, hostname: www.example.test}, {name: c2, hostname: x.dd.example.test}]}\n"
    "services:\n  - {name: api.example.test, ttl_s: 30, regions: [us, eu], policy: default}\n"
    "  - {name: '*.m.example.test', ttl_s: 30, regions: [us, cdn], policy: default}\n"
    "policies: [{name: default, steering: nearest}]\n";

static struct world_fixture *fixture_once(void)
{
    static struct world_fixture fixture;
    if (fixture.zones == NULL) {
        static char many[32768];
        size_t used = (size_t)snprintf(many, sizeof many, "%s", zone);
        for (int i = 0; i < 200; i++) used += (size_t)snprintf(many + used, sizeof many - used, "many A 10.0.0.%d\n", i);
        for (int i = 0; i < 15; i++)
            used += (size_t)snprintf(many + used, sizeof many - used, "cut NS n%d.cut\nn%d.cut A 10.0.0.%d\n", i, i, i);
        world_fixture_open(&fixture, yaml, (struct fixture_file[]){{"zone", many}, {"child", child}}, 2);
        for (size_t i = 0; i < fixture.path_count; i++) unlink(fixture.paths[i]);
        rmdir(fixture.directory);
    }
    return &fixture;
}

static void must(bool holds, const char *what)
{
    if (holds) return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct counters counters;
    static uint8_t *reply;
    if (reply == NULL) reply = malloc(ANSWER_MAX);
    if (size < 1 || size > 65536 || reply == NULL) return 0;
    struct client client = {.transport = data[0] & 1 ? TRANSPORT_TCP : TRANSPORT_UDP,
                            .address = {.family = data[0] & 2 ? FAMILY_IPV6 : FAMILY_IPV4, .bytes = {53, 1, 2, 3}}};
    size_t room = client.transport == TRANSPORT_TCP ? ANSWER_MAX : data[0] & 4 ? 512 : ANSWER_UDP_MAX;
    uint8_t *query = malloc(size), *exact = malloc(room); /* exact sizes, for the sanitizer */
    if (query == NULL || exact == NULL) abort();
    size_t query_size = size - 1;
    memcpy(query, data + 1, query_size);
    size_t written = answer_query(&fixture_once()->world, &counters, &client, query, query_size, exact, room);
    must(written <= room, "no more than the room");
    if (written > 0) {
        ldns_pkt *packet = NULL;
        must(written >= HEADER_SIZE, "a header");
        must(query_size >= HEADER_SIZE && (query[2] & 0x80) == 0, "an answer to a query only");
        must(memcmp(exact, query, 2) == 0, "the same id");
        must((exact[2] & 0xf9) == (0x80 | (query[2] & 0x79)) || (exact[2] & 0x7) != 0, "QR, the same opcode and RD");
        must(ldns_wire2pkt(&packet, exact, written) == LDNS_STATUS_OK, "an answer that parses");
        if (bytes_get16(exact + 4) != 0) {
            struct name name;
            must(name_take(query + HEADER_SIZE, query_size - HEADER_SIZE, &name) == OK, "a question that was one");
            must(memcmp(exact + HEADER_SIZE, query + HEADER_SIZE, name.size + 4u) == 0, "the same question");
        }
        if (!ldns_pkt_edns(packet) && client.transport == TRANSPORT_UDP)
            must(written <= UDP_SIZE_MIN, "512 bytes without EDNS");
        must(written <= 1232 || client.transport == TRANSPORT_TCP, "1232 bytes over UDP");
        ldns_pkt_free(packet);
    }
    free(query);
    free(exact);
    return 0;
}
