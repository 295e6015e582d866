/* mmdb_writer.h - writes small MaxMind DBs for tests: either version, any record size, aliases.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MERIDIAN_MMDB_WRITER_H
#define MERIDIAN_MMDB_WRITER_H

#include "tests/unit/geo/geo_fixture.h"

#define WRITER_EMPTY (-1)
#define WRITER_DATA ((int64_t)1 << 40) /* records from here on are data offsets, below it nodes */

struct mmdb_writer {
    unsigned ip_version;
    unsigned record_bits;
    int64_t (*records)[2]; /* by node */
    size_t node_count;
    size_t node_capacity;
    uint8_t *data;
    size_t size;
    size_t capacity;
};

static inline void writer_bytes(struct mmdb_writer *writer, const void *bytes, size_t size)
{
    if (writer->size + size > writer->capacity) {
        writer->capacity = (writer->size + size) * 2;
        writer->data = realloc(writer->data, writer->capacity);
        assert_non_null(writer->data);
    }
    if (size > 0) memcpy(writer->data + writer->size, bytes, size);
    writer->size += size;
}

/* The control bytes of a value; sizes here stay below 285. */
static inline void writer_head(struct mmdb_writer *writer, unsigned type, size_t size)
{
    uint8_t head[3] = {(uint8_t)((type <= 7 ? type : 0) << 5 | (size < 29 ? size : 29))};
    size_t used = 1;
    if (type > 7) head[used++] = (uint8_t)(type - 7);
    if (size >= 29) head[used++] = (uint8_t)(size - 29);
    writer_bytes(writer, head, used);
}

static inline void writer_string(struct mmdb_writer *writer, const char *text)
{
    writer_head(writer, 2, strlen(text));
    writer_bytes(writer, text, strlen(text));
}

static inline void writer_map(struct mmdb_writer *writer, size_t count)
{
    writer_head(writer, 7, count);
}

/* type: 5 uint16, 6 uint32, 9 uint64 */
static inline void writer_uint(struct mmdb_writer *writer, unsigned type, uint64_t value)
{
    uint8_t bytes[8];
    size_t size = 0;
    while (size < 8 && value >> (8 * size) != 0) size++;
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    writer_head(writer, type, size);
    writer_bytes(writer, bytes, size);
}

static inline void writer_double(struct mmdb_writer *writer, double value)
{
    uint64_t bits;
    uint8_t bytes[8];
    memcpy(&bits, &value, 8);
    for (size_t i = 0; i < 8; i++) bytes[i] = (uint8_t)(bits >> (56 - 8 * i));
    writer_head(writer, 3, 8);
    writer_bytes(writer, bytes, 8);
}

/* A City record as MaxMind shapes it. Returns its offset. */
static inline size_t writer_city(struct mmdb_writer *writer, const char *continent, const char *country,
                                 const char *subdivision, double latitude, double longitude, unsigned radius_km)
{
    size_t offset = writer->size;
    writer_map(writer, 4);
    writer_string(writer, "continent");
    writer_map(writer, 1);
    writer_string(writer, "code");
    writer_string(writer, continent);
    writer_string(writer, "country");
    writer_map(writer, 1);
    writer_string(writer, "iso_code");
    writer_string(writer, country);
    writer_string(writer, "location");
    writer_map(writer, 3);
    writer_string(writer, "accuracy_radius");
    writer_uint(writer, 5, radius_km);
    writer_string(writer, "latitude");
    writer_double(writer, latitude);
    writer_string(writer, "longitude");
    writer_double(writer, longitude);
    writer_string(writer, "subdivisions");
    writer_head(writer, 11, 1);
    writer_map(writer, 1);
    writer_string(writer, "iso_code");
    writer_string(writer, subdivision);
    return offset;
}

static inline size_t writer_asn(struct mmdb_writer *writer, uint32_t asn)
{
    size_t offset = writer->size;
    writer_map(writer, 1);
    writer_string(writer, "autonomous_system_number");
    writer_uint(writer, 6, asn);
    return offset;
}

static inline int64_t writer_node(struct mmdb_writer *writer, int64_t fill)
{
    if (writer->node_count == writer->node_capacity) {
        writer->node_capacity = writer->node_capacity == 0 ? 256 : writer->node_capacity * 2;
        writer->records = realloc(writer->records, writer->node_capacity * sizeof *writer->records);
        assert_non_null(writer->records);
    }
    writer->records[writer->node_count][0] = fill;
    writer->records[writer->node_count][1] = fill;
    return (int64_t)writer->node_count++;
}

static inline void writer_init(struct mmdb_writer *writer, unsigned ip_version, unsigned record_bits)
{
    *writer = (struct mmdb_writer){.ip_version = ip_version, .record_bits = record_bits};
    (void)writer_node(writer, WRITER_EMPTY);
}

static inline unsigned writer_bit(const struct mmdb_writer *writer, const struct prefix *prefix, unsigned index)
{
    if (prefix->address.family == FAMILY_IPV4 && writer->ip_version == 6) {
        if (index < 96) return 0;
        index -= 96;
    }
    return prefix->address.bytes[index / 8] >> (7 - index % 8) & 1;
}

/* Put a record at a prefix, over what was there; narrower ones must come later. Whoever was there keeps the
 * rest. */
static inline void writer_put(struct mmdb_writer *writer, const struct prefix *prefix, int64_t record)
{
    unsigned length = prefix->length + (prefix->address.family == FAMILY_IPV4 && writer->ip_version == 6 ? 96u : 0u);
    int64_t node = 0;
    assert_true(length > 0);
    for (unsigned i = 0; i + 1 < length; i++) {
        unsigned bit = writer_bit(writer, prefix, i);
        int64_t next = writer->records[node][bit];
        if (next == WRITER_EMPTY || next >= WRITER_DATA) {
            int64_t made = writer_node(writer, next);
            writer->records[node][bit] = made;
            next = made;
        }
        node = next;
    }
    writer->records[node][writer_bit(writer, prefix, length - 1)] = record;
}

static inline void writer_insert(struct mmdb_writer *writer, const char *prefix_text, size_t data_offset)
{
    struct prefix prefix = prefix_of(prefix_text);
    writer_put(writer, &prefix, WRITER_DATA + (int64_t)data_offset);
}

/* Make a prefix another name of the IPv4 tree, which must have networks already. */
static inline void writer_alias(struct mmdb_writer *writer, const char *prefix_text)
{
    struct prefix prefix = prefix_of(prefix_text);
    int64_t node = 0;
    for (unsigned i = 0; i < 96; i++) node = writer->records[node][0];
    writer_put(writer, &prefix, node);
}

static inline void writer_tree(const struct mmdb_writer *writer, struct mmdb_writer *out)
{
    for (size_t node = 0; node < writer->node_count; node++) {
        uint64_t value[2];
        uint8_t bytes[8];
        for (unsigned side = 0; side < 2; side++) {
            int64_t record = writer->records[node][side];
            value[side] = record == WRITER_EMPTY  ? writer->node_count
                          : record >= WRITER_DATA ? writer->node_count + 16 + (uint64_t)(record - WRITER_DATA)
                                                  : (uint64_t)record;
        }
        unsigned each = writer->record_bits / 8; /* whole bytes of one record */
        for (unsigned i = 0; i < each; i++) {
            bytes[i] = (uint8_t)(value[0] >> (8 * (each - 1 - i)));
            bytes[writer->record_bits / 4 - each + i] = (uint8_t)(value[1] >> (8 * (each - 1 - i)));
        }
        if (writer->record_bits == 28) bytes[3] = (uint8_t)((value[0] >> 24 & 15) << 4 | (value[1] >> 24 & 15));
        writer_bytes(out, bytes, writer->record_bits / 4);
    }
}

/* Write the file, to be unlinked by the caller, and free the writer. */
static inline void writer_finish(struct mmdb_writer *writer, const char *kind, char path[64])
{
    struct mmdb_writer out = {0};
    const uint8_t separator[16] = {0};
    writer_tree(writer, &out);
    writer_bytes(&out, separator, sizeof separator);
    writer_bytes(&out, writer->data, writer->size);
    writer_bytes(&out, "\xab\xcd\xefMaxMind.com", 14);
    writer_map(&out, 9);
    writer_string(&out, "node_count");
    writer_uint(&out, 6, writer->node_count);
    writer_string(&out, "record_size");
    writer_uint(&out, 5, writer->record_bits);
    writer_string(&out, "ip_version");
    writer_uint(&out, 5, writer->ip_version);
    writer_string(&out, "database_type");
    writer_string(&out, kind);
    writer_string(&out, "languages");
    writer_head(&out, 11, 1);
    writer_string(&out, "en");
    writer_string(&out, "binary_format_major_version");
    writer_uint(&out, 5, 2);
    writer_string(&out, "binary_format_minor_version");
    writer_uint(&out, 5, 0);
    writer_string(&out, "build_epoch");
    writer_uint(&out, 9, 1750000000); /* 2025-06-15 */
    writer_string(&out, "description");
    writer_map(&out, 1);
    writer_string(&out, "en");
    writer_string(&out, "for a test");
    file_write(path, out.data, out.size);
    free(out.data);
    free(writer->data);
    free(writer->records);
}

#endif
