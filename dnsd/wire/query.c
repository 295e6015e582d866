/* query.c - what a query asks, read where it lies.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What NSD and Knot call malformed is malformed; where they differ, the stricter reading: nothing after the last record, no
 * records before the question's answer (RFC 9619 is of the same mind), OPT owned by the root. */
#include "dnsd/wire/query.h"

#include "dnsd/wire/bytes.h"

#define RR_FIXED 10 /* type, class, TTL, size of the data */

/* The question: one uncompressed name, its type and class. */
static inline bool parse_question(const uint8_t *bytes, size_t size, struct query *query)
{
    size_t room = HEADER_SIZE + NAME_SIZE_MAX + QUESTION_FIXED;
    if (room > size) room = size;
    if (room < HEADER_SIZE + 1 + QUESTION_FIXED) return false;
    room -= QUESTION_FIXED;
    size_t at = HEADER_SIZE;
    unsigned pointer = 0;
    for (unsigned label; (label = bytes[at]) != 0;) { /* at most 127 labels fit */
        pointer |= label;
        at += label + 1;
        if (at >= room) return false;
    }
    if (pointer > LABEL_SIZE_MAX) return false;
    at++;
    query->name_size = (uint16_t)(at - HEADER_SIZE);
    query->question_size = (uint16_t)(at - HEADER_SIZE + QUESTION_FIXED);
    query->type = bytes_get16(bytes + at);
    query->class = bytes_get16(bytes + at + 2);
    return true;
}

/* RFC 7871 6 and 7.1.2: family, lengths, no bits beyond the prefix, no scope in a query. */
static bool parse_ecs(const uint8_t *option, size_t size, struct query_ecs *ecs)
{
    if (size < 8) return false;
    unsigned family = bytes_get16(option + 4);
    unsigned source = option[6];
    unsigned width = family == FAMILY_IPV4 ? 32 : family == FAMILY_IPV6 ? 128 : 0;
    size_t address_size = (source + 7) / 8;
    if (family > FAMILY_IPV6 || source > width || option[7] != 0 || size != 8 + address_size) return false;
    if (source % 8 != 0 && (option[size - 1] & (0xff >> source % 8)) != 0) return false;
    ecs->option = option;
    ecs->size = (uint16_t)size;
    ecs->source = (uint8_t)source;
    if (source == 0) return true;
    ecs->address.family = (enum family)family;
    memset(ecs->address.bytes, 0, sizeof ecs->address.bytes);
    memcpy(ecs->address.bytes, option + 8, address_size);
    return true;
}

static inline bool parse_options(const uint8_t *options, size_t size, struct query *query)
{
    while (size > 0) {
        if (size < 4) return false;
        unsigned code = bytes_get16(options);
        size_t whole = (size_t)bytes_get16(options + 2) + 4;
        if (whole > size) return false;
        if (code == OPTION_ECS) {
            if (query->ecs.option == NULL && !parse_ecs(options, whole, &query->ecs)) return false;
        } else if (code == OPTION_NSID) {
            query->wants_nsid = true;
        }
        options += whole;
        size -= whole;
    }
    return true;
}

/* An OPT record that begins `size` bytes. Returns its size, 0: there is none; what is wrong inside it is bad_options. */
static inline size_t parse_opt(const uint8_t *opt, size_t size, struct query *query)
{
    if (size < EDNS_FIXED || opt[0] != 0 || bytes_get16(opt + 1) != TYPE_OPT) return 0;
    size_t data = bytes_get16(opt + 9);
    if (data > size - EDNS_FIXED) return 0;
    query->has_edns = true;
    query->udp_size = bytes_get16(opt + 3);
    query->edns_version = opt[6];
    query->dnssec_ok = (opt[7] & (EDNS_FLAG_DO >> 8)) != 0;
    /* of a version that we do not know, the options may mean anything (RFC 6891 6.1.3) */
    query->bad_options = query->edns_version == 0 && !parse_options(opt + EDNS_FIXED, data, query);
    return EDNS_FIXED + data;
}

/* Where the labels that begin `size` bytes end: at a 0, at a pointer, at something else or beyond all bytes. */
static size_t labels_end(const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    while (at < size && bytes[at] != 0 && bytes[at] <= LABEL_SIZE_MAX) at += (size_t)bytes[at] + 1;
    return at;
}

/* Size of the uncompressed name that begins `size` bytes; 0: there is none. */
static size_t plain_name(const uint8_t *bytes, size_t size)
{
    size_t end = labels_end(bytes, size);
    return end < size && end < NAME_SIZE_MAX && bytes[end] == 0 ? end + 1 : 0;
}

/* Size of any record that begins `size` bytes, its owner compressed or not; 0: there is none. */
static size_t whole_record(const uint8_t *record, size_t size)
{
    size_t end = labels_end(record, size);
    if (end >= size || (record[end] != 0 && record[end] < 0xc0)) return 0;
    size_t fixed = end + (record[end] == 0 ? 1 : 2);
    if (fixed + RR_FIXED > size) return 0;
    size_t whole = fixed + RR_FIXED + bytes_get16(record + fixed + 8);
    return whole <= size ? whole : 0;
}

/* A TSIG record that must fill `size` bytes (RFC 8945 4.2). */
static bool parse_tsig(const uint8_t *record, size_t size, struct query *query)
{
    size_t name = plain_name(record, size); /* of the owner */
    if (name == 0 || name + RR_FIXED > size) return false;
    const uint8_t *fixed = record + name;
    size_t data = size - name - RR_FIXED;
    if (bytes_get16(fixed) != TYPE_TSIG || bytes_get16(fixed + 2) != CLASS_ANY || bytes_get32(fixed + 4) != 0 ||
        bytes_get16(fixed + 8) != data)
        return false;
    const uint8_t *rdata = fixed + RR_FIXED;
    size_t at = plain_name(rdata, data); /* algorithm, time and fudge, MAC, id and error, other data */
    if (at == 0 || at + 10 > data) return false;
    at += 10 + (size_t)bytes_get16(rdata + at + 8);
    if (at + 6 > data || at + 6 + bytes_get16(rdata + at + 4) != data) return false;
    query->tsig = fixed;
    query->tsig_name_size = (uint16_t)name;
    return true;
}

/* Records after the question where they are not just one OPT: OPT, TSIG or both, and for IXFR one SOA before them. */
static bool parse_records(const uint8_t *bytes, size_t size, struct query *query)
{
    size_t at = HEADER_SIZE + query->question_size;
    unsigned authority = bytes_get16(bytes + 8), additional = bytes_get16(bytes + 10);
    if (bytes_get16(bytes + 6) != 0 || additional > 2) return false;
    if (authority == 1 && query->type == TYPE_IXFR) {
        /* RFC 1995 3: the SOA that the client has. Transfers are refused whatever it says, so its inside does not matter. */
        size_t soa = whole_record(bytes + at, size - at);
        if (soa == 0) return false;
        at += soa;
    } else if (authority != 0) {
        return false;
    }
    while (additional > 0) {
        size_t opt = query->has_edns ? 0 : parse_opt(bytes + at, size - at, query);
        if (opt == 0) break;
        at += opt;
        additional--;
    }
    if (additional == 1) return parse_tsig(bytes + at, size - at, query);
    return additional == 0 && at == size;
}

enum query_form query_parse(const uint8_t *bytes, size_t size, struct query *query)
{
    query->type = 0;
    query->question_size = 0;
    query->udp_size = 0;
    query->edns_version = 0;
    query->has_edns = query->bad_options = query->dnssec_ok = query->wants_nsid = false;
    query->tsig = NULL;
    query->ecs.option = NULL;
    query->ecs.source = 0;
    unsigned questions = bytes_get16(bytes + 4);
    if (questions > 1 || (questions == 1 && !parse_question(bytes, size, query))) return QUERY_MALFORMED;
    size_t end = HEADER_SIZE + query->question_size;
    uint64_t counts = bytes_word(bytes + 4);
    if (counts == UINT64_C(0x0000000000000100)) return size == end ? QUERY_SOUND : QUERY_MALFORMED;
    bool whole = counts == UINT64_C(0x0100000000000100) && size > end && parse_opt(bytes + end, size - end, query) == size - end;
    if (!whole) {
        query->has_edns = false;
        whole = parse_records(bytes, size, query);
        query->has_edns = query->has_edns && whole; /* else nothing of it is to be trusted */
    }
    return whole && questions == 1 && !query->bad_options ? QUERY_SOUND : QUERY_MALFORMED;
}
