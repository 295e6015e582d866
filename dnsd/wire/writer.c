/* writer.c - a DNS message under construction.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/wire/writer.h"

#include <string.h>

#include "dnsd/wire/bytes.h"

static void put(struct writer *writer, const void *bytes, size_t size)
{
    if (writer->status != OK) return;
    if (size > WRITER_SIZE_MAX - writer->size) {
        writer->status = ERR_LIMIT;
        return;
    }
    if (size > 0) memcpy(writer->bytes + writer->size, bytes, size);
    writer->size += size;
}

static void put16(struct writer *writer, unsigned value)
{
    uint8_t bytes[2];
    bytes_put16(bytes, value);
    put(writer, bytes, sizeof bytes);
}

/* Does the name that begins at `offset` of the message equal the uncompressed `name`? */
static bool names_equal(const struct writer *writer, size_t offset, const uint8_t *name)
{
    const uint8_t *at = writer->bytes + offset;
    /* every pointer written leads backwards, so this ends */
    for (;;) {
        if (*at >= 0xc0) {
            at = writer->bytes + (bytes_get16(at) & POINTER_MAX);
            continue;
        }
        if (*at != *name) return false;
        if (*at == 0) return true;
        for (uint8_t i = 1; i <= *name; i++)
            if (bytes_lower(at[i]) != bytes_lower(name[i])) return false;
        at += *at + 1;
        name += *name + 1;
    }
}

/* Where one of the first `known` names equals this one; 0: none does. */
static size_t find_name(const struct writer *writer, size_t known, const uint8_t *name)
{
    for (size_t i = 0; i < known; i++)
        if (names_equal(writer, writer->names[i], name)) return writer->names[i];
    return 0;
}

static void remember_name(struct writer *writer, size_t offset)
{
    if (writer->name_count < WRITER_NAME_MAX && offset < WRITER_TARGET_MAX)
        writer->names[writer->name_count++] = (uint16_t)offset;
}

static void put_pointer(struct writer *writer, size_t target)
{
    if (writer->pointer_count == WRITER_POINTER_MAX) {
        writer->status = ERR_LIMIT;
        return;
    }
    writer->pointers[writer->pointer_count++] = (uint16_t)writer->size;
    put16(writer, 0xc000 | (unsigned)target);
}

static void put_name(struct writer *writer, const uint8_t *name)
{
    size_t known = writer->name_count; /* without this one, which has no end yet */
    for (; *name != 0; name += *name + 1) {
        size_t target = find_name(writer, known, name);
        if (target != 0 && writer->pointer_count < WRITER_POINTER_MAX) {
            put_pointer(writer, target);
            return;
        }
        remember_name(writer, writer->size);
        put(writer, name, (size_t)*name + 1);
    }
    put(writer, name, 1);
}

/* RDATA, with the names of RFC 1035's types compressed. What does not look as its type demands goes as it is. */
static void put_rdata(struct writer *writer, uint16_t type, const uint8_t *rdata, size_t size)
{
    size_t fixed = 0;
    size_t names = 1;
    if (type == TYPE_MX) fixed = 2;
    else if (type == TYPE_SOA) names = 2;
    else if (type != TYPE_NS && type != TYPE_CNAME && type != TYPE_PTR) names = 0;
    if (names > 0 && fixed < size) {
        put(writer, rdata, fixed);
        rdata += fixed;
        size -= fixed;
        for (struct name name; names > 0 && name_take(rdata, size, &name) == OK; names--) {
            put_name(writer, name.bytes);
            rdata += name.size;
            size -= name.size;
        }
    }
    put(writer, rdata, size);
}

void writer_start(struct writer *writer, const uint8_t *name, bool wildcard)
{
    writer->status = OK;
    writer->size = 0;
    writer->wildcard = wildcard;
    writer->question_size = name_size(name);
    writer->pointer_count = writer->name_count = writer->mark_count = 0;
    memset(writer->counts, 0, sizeof writer->counts);
    memset(writer->bytes, 0, HEADER_SIZE);
    writer->size = HEADER_SIZE;
    put(writer, name, writer->question_size);
    put16(writer, 0);
    put16(writer, CLASS_IN);
    const uint8_t *label = name;
    if (wildcard && *label != 0) label += *label + 1;
    for (; *label != 0; label += *label + 1) remember_name(writer, HEADER_SIZE + (size_t)(label - name));
}

void writer_record(struct writer *writer, enum section section, const uint8_t *owner, uint16_t type, uint32_t ttl,
                   const uint8_t *rdata, size_t rdata_size)
{
    if (section == SECTION_ADDITIONAL && writer->counts[section] == WRITER_ADDITIONAL_MAX) return; /* optional data */
    if (writer->counts[section] == UINT16_MAX) writer->status = ERR_LIMIT;
    if (writer->status != OK) return;
    if (owner == NULL) put_pointer(writer, HEADER_SIZE);
    else put_name(writer, owner);
    uint8_t fixed[10];
    bytes_put16(fixed, type);
    bytes_put16(fixed + 2, CLASS_IN);
    bytes_put32(fixed + 4, ttl);
    bytes_put16(fixed + 8, 0);
    put(writer, fixed, sizeof fixed);
    size_t start = writer->size;
    put_rdata(writer, type, rdata, rdata_size);
    if (writer->status != OK) return;
    bytes_put16(writer->bytes + start - 2, (unsigned)(writer->size - start));
    writer->counts[section]++;
}

void writer_mark(struct writer *writer, enum need need)
{
    if (writer->status != OK || writer->mark_count == WRITER_MARK_MAX) return;
    struct writer_mark *mark = &writer->marks[writer->mark_count++];
    mark->size = (uint16_t)writer->size;
    memcpy(mark->counts, writer->counts, sizeof mark->counts);
    mark->truncated = need == NEED_MORE;
}
