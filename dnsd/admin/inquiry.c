/* inquiry.c - a question put to the live answering code, and its answer in words.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The counters are scratch ones, so that looking does not count; they also tell which region the answering code chose. */
#include "dnsd/admin/inquiry.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* OpenSSL, which ldns includes, has a type of the name of one of our codes. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <ldns/ldns.h>
#undef ERR_STATE

#include "dnsd/answer.h"

#define QUERY_MAX 600 /* header 12, question 259, OPT 11, client subnet 24 at most */
#define OPTION_ECS 8  /* RFC 7871 */
#define OPTION_EDE 15 /* RFC 8914 */
#define EDNS_PAYLOAD 1232

/* ---- the query ---- */

static uint8_t *put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

/* Returns the size. Layouts: RFC 1035 section 4.1, RFC 6891 section 6.1.2, RFC 7871 section 6. */
static size_t query_write(const ldns_rdf *name, uint16_t type, const struct prefix *client, uint8_t out[QUERY_MAX])
{
    size_t subnet_size = (client->length + 7u) / 8u;
    memset(out, 0, 12);
    out[5] = 1;  /* QDCOUNT */
    out[11] = 1; /* ARCOUNT: OPT */
    uint8_t *at = out + 12;
    memcpy(at, ldns_rdf_data(name), ldns_rdf_size(name));
    at = put16(put16(at + ldns_rdf_size(name), type), LDNS_RR_CLASS_IN);
    *at++ = 0; /* OPT: root */
    at = put16(put16(at, LDNS_RR_TYPE_OPT), EDNS_PAYLOAD);
    at = put16(put16(at, 0), 0); /* extended RCODE, version, flags */
    at = put16(at, (unsigned)(8 + subnet_size));
    at = put16(put16(at, OPTION_ECS), (unsigned)(4 + subnet_size));
    at = put16(at, client->address.family);
    *at++ = client->length;
    *at++ = 0;
    memcpy(at, client->address.bytes, subnet_size);
    return (size_t)(at + subnet_size - out);
}

/* ---- the answer ---- */

static void strip_and_lower(const char *text, char out[ROUTE_NAME_MAX])
{
    size_t size = strnlen(text, ROUTE_NAME_MAX - 1);
    if (size > 1 && text[size - 1] == '.') size--;
    for (size_t i = 0; i < size; i++) out[i] = (char)tolower((unsigned char)text[i]);
    out[size] = '\0';
}

static char *record_text(const ldns_rr *rr)
{
    char *text = ldns_rr2str(rr);
    if (text == NULL) return NULL;
    text[strcspn(text, "\n")] = '\0';
    for (char *at = text; *at != '\0'; at++) {
        if (*at == '\t') *at = ' ';
    }
    return text;
}

static size_t read_section(const ldns_rr_list *list, char *out[INQUIRY_RECORD_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < ldns_rr_list_rr_count(list) && count < INQUIRY_RECORD_MAX; i++) {
        out[count] = record_text(ldns_rr_list_rr(list, i));
        if (out[count] != NULL) count++;
    }
    return count;
}

static void read_chain(const ldns_rr_list *list, struct inquiry *inquiry)
{
    strip_and_lower(inquiry->name, inquiry->chain[0]);
    inquiry->chain_count = 1;
    for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(list, i);
        uint32_t ttl_s = ldns_rr_ttl(rr);
        if (i == 0 || ttl_s < inquiry->ttl_s) inquiry->ttl_s = ttl_s;
        if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_CNAME || inquiry->chain_count == INQUIRY_CHAIN_MAX) continue;
        char *target = ldns_rdf2str(ldns_rr_rdf(rr, 0));
        if (target == NULL) continue;
        strip_and_lower(target, inquiry->chain[inquiry->chain_count++]);
        free(target);
    }
}

/* RFC 8914 section 4: those that an authority gives. */
static const char *extended_name(unsigned code)
{
    switch (code) {
    case 14: return "Not Ready";
    case 18: return "Prohibited";
    case 20: return "Not Authoritative";
    case 21: return "Not Supported";
    case 24: return "Invalid Data";
    default: return "Other";
    }
}

static void read_option(unsigned code, const uint8_t *data, size_t size, struct inquiry *inquiry)
{
    if (code == OPTION_ECS && size >= 4) {
        inquiry->has_ecs = true;
        inquiry->ecs_source = data[2];
        inquiry->ecs_scope = data[3];
    }
    if (code == OPTION_EDE && size >= 2) {
        unsigned number = (unsigned)data[0] << 8 | data[1];
        snprintf(inquiry->extended, sizeof inquiry->extended, "%u %s%s%.*s", number, extended_name(number),
                 size > 2 ? ": " : "", (int)(size - 2), (const char *)data + 2);
    }
}

static void read_options(const ldns_rdf *options, struct inquiry *inquiry)
{
    if (options == NULL) return;
    const uint8_t *data = ldns_rdf_data(options);
    size_t room = ldns_rdf_size(options);
    while (room >= 4) {
        size_t size = (size_t)data[2] << 8 | data[3];
        if (size > room - 4) return;
        read_option((unsigned)data[0] << 8 | data[1], data + 4, size, inquiry);
        data += 4 + size;
        room -= 4 + size;
    }
}

static enum status read_answer(const uint8_t *bytes, size_t size, struct inquiry *inquiry)
{
    ldns_pkt *packet = NULL;
    if (size == 0) return OK;
    if (ldns_wire2pkt(&packet, bytes, size) != LDNS_STATUS_OK) return ERR_MEMORY; /* our own bytes parse */
    inquiry->answered = true;
    inquiry->authoritative = ldns_pkt_aa(packet);
    unsigned rcode = ldns_pkt_edns_extended_rcode(packet) * 16u + ldns_pkt_get_rcode(packet);
    const ldns_lookup_table *name = ldns_lookup_by_id(ldns_rcodes, (int)rcode);
    if (name != NULL) {
        snprintf(inquiry->rcode, sizeof inquiry->rcode, "%s", name->name);
    } else {
        snprintf(inquiry->rcode, sizeof inquiry->rcode, "RCODE%u", rcode);
    }
    inquiry->record_count = read_section(ldns_pkt_answer(packet), inquiry->records);
    inquiry->authority_count = read_section(ldns_pkt_authority(packet), inquiry->authority);
    read_chain(ldns_pkt_answer(packet), inquiry);
    read_options(ldns_pkt_edns_data(packet), inquiry);
    ldns_pkt_free(packet);
    return OK;
}

static void read_counters(const struct counters *counters, struct inquiry *inquiry)
{
    inquiry->steered = counter_read(&counters->values[COUNTER_STEERED]) > 0;
    for (size_t region = 0; region < REGION_MAX; region++) {
        if (counter_read(&counters->regions[region]) > 0) inquiry->region = (region_id)region;
    }
}

/* ---- both ---- */

static enum status ask(const struct world *world, const struct explain_question *question, const ldns_rdf *name,
                       struct inquiry *inquiry)
{
    uint8_t query[QUERY_MAX];
    size_t query_size = query_write(name, question->type, &question->client, query);
    struct counters *counters = calloc(1, sizeof *counters);
    uint8_t *reply = malloc(ANSWER_MAX);
    enum status status = ERR_MEMORY;
    if (counters != NULL && reply != NULL) {
        /* over TCP nothing is cut; the client is its own resolver, should the server look at the source */
        struct client client = {.address = question->client.address, .transport = TRANSPORT_TCP};
        size_t size = answer_query(world, counters, &client, query, query_size, reply, ANSWER_MAX);
        status = read_answer(reply, size, inquiry);
        read_counters(counters, inquiry);
    }
    free(reply);
    free(counters);
    return status;
}

enum status inquiry_make(const struct world *world, const struct explain_question *question, struct inquiry **out)
{
    ldns_rdf *name = NULL;
    if (ldns_str2rdf_dname(&name, question->name) != LDNS_STATUS_OK) return ERR_SYNTAX;
    struct inquiry *inquiry = calloc(1, sizeof *inquiry);
    char *text = ldns_rdf2str(name);
    enum status status = ERR_MEMORY;
    if (inquiry != NULL && text != NULL) {
        strip_and_lower(text, inquiry->name);
        strip_and_lower(text, inquiry->chain[0]);
        inquiry->chain_count = 1;
        inquiry->region = ID_NONE;
        status = ask(world, question, name, inquiry);
    }
    free(text);
    ldns_rdf_deep_free(name);
    if (status != OK) {
        inquiry_free(inquiry);
        return status;
    }
    *out = inquiry;
    return OK;
}

void inquiry_free(struct inquiry *inquiry)
{
    if (inquiry == NULL) return;
    for (size_t i = 0; i < inquiry->record_count; i++) free(inquiry->records[i]);
    for (size_t i = 0; i < inquiry->authority_count; i++) free(inquiry->authority[i]);
    free(inquiry);
}

void inquiry_type_format(uint16_t type, char out[INQUIRY_TYPE_MAX])
{
    char *text = ldns_rr_type2str((ldns_rr_type)type);
    snprintf(out, INQUIRY_TYPE_MAX, "%s", text == NULL ? "?" : text);
    free(text);
}
