/* template.c - keeping a written message as a template.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/zone/template.h"

#include <string.h>

#include "dnsd/wire/bytes.h"

static uint8_t counter_of(unsigned flags)
{
    switch (flags & 0xf) {
    case RCODE_NXDOMAIN: return COUNTER_NXDOMAIN;
    case RCODE_YXDOMAIN: return COUNTER_YXDOMAIN;
    default: return COUNTER_NOERROR;
    }
}

static bool stays(const struct writer *writer, uint16_t pointer)
{
    return writer->wildcard && (bytes_get16(writer->bytes + pointer) & POINTER_MAX) == HEADER_SIZE;
}

static enum status add_pointers(struct buffer *templates, const struct writer *writer, size_t body, bool staying,
                                uint16_t *count)
{
    uint32_t unused;
    for (size_t i = 0; i < writer->pointer_count; i++) {
        if (stays(writer, writer->pointers[i]) != staying) continue;
        uint16_t offset = (uint16_t)(writer->pointers[i] - body);
        enum status status = buffer_add(templates, &offset, sizeof offset, &unused);
        if (status != OK) return status;
        ++*count;
    }
    return OK;
}

static enum status add_cuts(struct buffer *templates, const struct writer *writer, size_t body, uint8_t *count)
{
    uint32_t unused;
    for (size_t i = 0; i < writer->mark_count; i++) {
        const struct writer_mark *mark = &writer->marks[i];
        if (mark->size == writer->size) continue;
        struct template_cut cut = {.size = (uint16_t)(mark->size - body), .truncated = mark->truncated};
        memcpy(cut.counts, mark->counts, sizeof cut.counts);
        enum status status = buffer_add(templates, &cut, sizeof cut, &unused);
        if (status != OK) return status;
        ++*count;
    }
    return OK;
}

enum status template_add(struct buffer *templates, const struct writer *writer, unsigned flags, uint32_t *reference)
{
    if (writer->status != OK) return writer->status;
    size_t body = HEADER_SIZE + writer->question_size + QUESTION_FIXED;
    struct template template = {
        .flags = (uint16_t)flags,
        .size = (uint16_t)(writer->size - body),
        .question_size = (uint8_t)writer->question_size,
        .counter = counter_of(flags),
        .nodata = (flags & 0xf) == RCODE_NOERROR && writer->counts[SECTION_ANSWER] == 0 && (flags & FLAG_AA) != 0,
    };
    bytes_put16(template.counts, 1);
    for (size_t i = 0; i < 3; i++) bytes_put16(template.counts + 2 + 2 * i, writer->counts[i]);
    uint32_t start, at;
    enum status status = buffer_extend(templates, (8 - templates->size % 8) % 8, &start);
    if (status == OK) status = buffer_extend(templates, sizeof template, &start);
    if (status == OK) status = buffer_add(templates, writer->bytes + body, template.size, &at);
    if (status == OK) status = buffer_extend(templates, (8 - templates->size % 8) % 8, &at);
    if (status == OK) status = add_pointers(templates, writer, body, false, &template.shift_count);
    template.pointer_count = template.shift_count;
    if (status == OK) status = add_pointers(templates, writer, body, true, &template.pointer_count);
    if (status == OK) status = add_cuts(templates, writer, body, &template.cut_count);
    if (status != OK) return status;
    memcpy(templates->bytes + start, &template, sizeof template);
    if (start / 8 >= REFERENCE_SLOT) return ERR_LIMIT;
    *reference = start / 8;
    return OK;
}
