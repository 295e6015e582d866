/* ask.h - asking answer_query, with answers decoded by ldns: an eye of its own on what was written.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   struct asked a = ask(&fixture.world, &(struct question){.name = "www.example.com.", .type = LDNS_RR_TYPE_A});
 *   assert_string_equal(a.answer, "www.example.com. 3600 IN A 192.0.2.1\n");
 *
 * Every answer is checked on the way: it parses, has the query's id and question (case included), keeps to its limit. Included
 * after cmocka. */
#ifndef ASK_H
#define ASK_H

#include <ldns/packet.h>
#include <ldns/rr.h>
#include <ldns/wire2host.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/answer.h"
#include "dnsd/wire/bytes.h"
#include "dnsd/wire/name.h"

/* of ldns/host2str.h, which brings OpenSSL's headers and their ERR_STATE along */
char *ldns_rr2str(const ldns_rr *rr);

#define ASK_SECTION_MAX 262144

enum ask_edns { ASK_PLAIN, ASK_EDNS };

struct question {
    const char *name;
    unsigned type;
    unsigned class;     /* 0: IN */
    unsigned flags;     /* of the header */
    enum ask_edns edns; /* ASK_EDNS, or any of the following set */
    unsigned udp_size;  /* 0: 1232 */
    unsigned version;
    bool dnssec_ok;
    bool nsid;
    const char *ecs;    /* "192.0.2.0/24" */
    const char *from;   /* client's address; NULL: 127.0.0.1 */
    enum transport transport;
};

struct asked {
    size_t size; /* 0: silence */
    unsigned rcode; /* 12 bits */
    bool authoritative, truncated, recursion_desired;
    char answer[ASK_SECTION_MAX]; /* lines "owner TTL class type data", in order */
    char authority[ASK_SECTION_MAX];
    char additional[ASK_SECTION_MAX]; /* without OPT */
    bool edns, dnssec_ok;
    unsigned udp_size;
    char options[512];            /* "code:hex " each */
    uint8_t bytes[ANSWER_MAX];
};

static inline size_t ask_write(const struct question *question, uint8_t *out)
{
    struct name name;
    assert_int_equal(name_parse(question->name, strlen(question->name), NULL, &name), OK);
    memset(out, 0, 12);
    bytes_put16(out, 0xbeef);
    bytes_put16(out + 2, question->flags);
    bytes_put16(out + 4, 1);
    memcpy(out + 12, name.bytes, name.size);
    uint8_t *at = out + 12 + name.size;
    bytes_put16(at, question->type);
    bytes_put16(at + 2, question->class != 0 ? question->class : CLASS_IN);
    at += 4;
    if (question->edns == ASK_PLAIN && question->udp_size == 0 && question->version == 0 && !question->dnssec_ok &&
        !question->nsid && question->ecs == NULL)
        return (size_t)(at - out);
    uint8_t *opt = at;
    bytes_put16(out + 10, 1);
    memset(opt, 0, 11);
    bytes_put16(opt + 1, TYPE_OPT);
    bytes_put16(opt + 3, question->udp_size != 0 ? question->udp_size : 1232);
    opt[6] = (uint8_t)question->version;
    opt[7] = question->dnssec_ok ? 0x80 : 0;
    at += 11;
    if (question->nsid) {
        bytes_put16(at, OPTION_NSID);
        bytes_put16(at + 2, 0);
        at += 4;
    }
    if (question->ecs != NULL) {
        struct prefix prefix;
        assert_int_equal(prefix_parse(question->ecs, &prefix), OK);
        size_t size = (prefix.length + 7u) / 8;
        bytes_put16(at, OPTION_ECS);
        bytes_put16(at + 2, 4 + (unsigned)size);
        bytes_put16(at + 4, prefix.address.family);
        at[6] = prefix.length;
        at[7] = 0;
        memcpy(at + 8, prefix.address.bytes, size);
        at += 8 + size;
    }
    bytes_put16(opt + 9, (unsigned)(at - opt) - 11);
    return (size_t)(at - out);
}

static inline void ask_lines(const ldns_rr_list *list, char out[ASK_SECTION_MAX])
{
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
        char *text = ldns_rr2str(ldns_rr_list_rr(list, i));
        assert_non_null(text);
        for (char *c = text; *c != 0; c++)
            if (*c == '\t') *c = ' ';
        used += (size_t)snprintf(out + used, ASK_SECTION_MAX - used, "%s", text);
        assert_true(used < ASK_SECTION_MAX);
        free(text);
    }
}

/* Decode an answer of at least a header into `asked`; fails the test when ldns does not like it. */
static inline void ask_decode(const uint8_t *bytes, size_t size, struct asked *asked)
{
    ldns_pkt *packet = NULL;
    assert_int_equal(ldns_wire2pkt(&packet, bytes, size), LDNS_STATUS_OK);
    asked->rcode = ldns_pkt_get_rcode(packet) | (unsigned)ldns_pkt_edns_extended_rcode(packet) << 4;
    asked->authoritative = ldns_pkt_aa(packet);
    asked->truncated = ldns_pkt_tc(packet);
    asked->recursion_desired = ldns_pkt_rd(packet);
    assert_true(ldns_pkt_qr(packet));
    assert_false(ldns_pkt_ra(packet) || ldns_pkt_ad(packet) || ldns_pkt_cd(packet));
    ask_lines(ldns_pkt_answer(packet), asked->answer);
    ask_lines(ldns_pkt_authority(packet), asked->authority);
    ask_lines(ldns_pkt_additional(packet), asked->additional);
    asked->edns = ldns_pkt_edns(packet);
    asked->dnssec_ok = ldns_pkt_edns_do(packet);
    asked->udp_size = ldns_pkt_edns_udp_size(packet);
    asked->options[0] = 0;
    const ldns_rdf *data = ldns_pkt_edns_data(packet);
    size_t used = 0;
    for (size_t at = 0; data != NULL && at + 4 <= ldns_rdf_size(data);) {
        const uint8_t *option = ldns_rdf_data(data) + at;
        size_t whole = 4 + (size_t)bytes_get16(option + 2);
        assert_true(at + whole <= ldns_rdf_size(data));
        used += (size_t)snprintf(asked->options + used, sizeof asked->options - used, "%u:", bytes_get16(option));
        for (size_t i = 4; i < whole; i++)
            used += (size_t)snprintf(asked->options + used, sizeof asked->options - used, "%02x", option[i]);
        used += (size_t)snprintf(asked->options + used, sizeof asked->options - used, " ");
        at += whole;
    }
    ldns_pkt_free(packet);
}

static inline struct counters *ask_counters(void)
{
    static struct counters counters;
    return &counters;
}

/* Raw bytes in, the answer's size out; the query stands in an allocation of its exact size. */
static inline size_t ask_bytes(const struct world *world, const uint8_t *query, size_t size, const struct client *client,
                               uint8_t *reply, size_t room)
{
    uint8_t *exact = malloc(size > 0 ? size : 1);
    assert_non_null(exact);
    if (size > 0) memcpy(exact, query, size);
    size_t written = answer_query(world, ask_counters(), client, exact, size, reply, room);
    free(exact);
    return written;
}

/* Static: it is large, and one at a time is enough for most tests. */
static inline struct asked *ask(const struct world *world, const struct question *question)
{
    static struct asked asked;
    uint8_t query[1024];
    size_t size = ask_write(question, query);
    struct client client = {.transport = question->transport};
    assert_int_equal(address_parse(question->from != NULL ? question->from : "127.0.0.1", &client.address), OK);
    memset(&asked, 0, sizeof asked);
    size_t room = question->transport == TRANSPORT_TCP ? ANSWER_MAX : ANSWER_UDP_MAX;
    uint8_t *reply = malloc(room);
    assert_non_null(reply);
    asked.size = ask_bytes(world, query, size, &client, reply, room);
    assert_true(asked.size <= room);
    memcpy(asked.bytes, reply, asked.size);
    free(reply);
    if (asked.size == 0) return &asked;
    assert_true(asked.size >= 12);
    assert_memory_equal(asked.bytes, query, 2);
    if (bytes_get16(asked.bytes + 4) != 0) {
        size_t whole = name_size(query + 12) + 4;
        assert_memory_equal(asked.bytes + 12, query + 12, whole);
    }
    ask_decode(asked.bytes, asked.size, &asked);
    return &asked;
}

#endif
