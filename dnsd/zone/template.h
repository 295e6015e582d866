/* template.h - an answer written beforehand: everything that follows the question.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   | struct template | body ... padded to a word | pointers | cuts |
 *
 *   body      answer, authority and additional records as they go on the wire, compressed against the question at offset 12
 *             and within. For the question that it was written for, the answer is one copy.
 *   pointers  where in the body compression pointers stand. The same body serves a question whose name is longer by `delta`
 *             (below a wildcard, a zone cut, or of NXDOMAIN): what a pointer leads to is then `delta` further on, be it the
 *             question's end or the body. Only pointers to the whole question stay, as in the owners of expanded
 *             wildcards; they come last, behind the first `shift_count`.
 *   cuts      where the body may end when there is no room for all of it, with what the header then says, the shortest first.
 *             The whole body is not among them.
 *
 * Immutable; any thread. A signed variant for DO (RFC 4035) will be one more template, chosen where this one is. */
#ifndef MERIDIAN_TEMPLATE_H
#define MERIDIAN_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "dnsd/counters.h"
#include "dnsd/wire/writer.h"
#include "dnsd/zone/buffer.h"
#include "router/status.h"

struct template {
    uint8_t counts[8];      /* QD AN NS AR as on the wire; AR is at most WRITER_ADDITIONAL_MAX, so its last byte can grow by one */
    uint16_t flags;         /* AA and RCODE */
    uint16_t size;          /* of the body */
    uint16_t shift_count;   /* pointers that move with the question */
    uint16_t pointer_count; /* all */
    uint8_t cut_count;
    uint8_t question_size;  /* of the name it was written for */
    uint8_t counter;        /* enum counter: COUNTER_NOERROR, COUNTER_NXDOMAIN or COUNTER_YXDOMAIN */
    uint8_t nodata;         /* 1: counts as such too */
    uint8_t unused[4];
};

struct template_cut {
    uint16_t size;
    uint16_t counts[3];
    uint16_t truncated;
};

static inline const uint8_t *template_body(const struct template *template)
{
    return (const uint8_t *)(template + 1);
}
static inline const uint16_t *template_pointers(const struct template *template)
{
    return (const uint16_t *)(const void *)(template_body(template) + ((template->size + 7u) & ~7u));
}
static inline const struct template_cut *template_cuts(const struct template *template)
{
    return (const struct template_cut *)(const void *)(template_pointers(template) + template->pointer_count);
}

/* References: an offset in words into a buffer of templates, or a slot (see tables.h) with the highest bit. */
#define REFERENCE_SLOT UINT32_C(0x80000000)
#define REFERENCE_NONE UINT32_MAX

static inline const struct template *template_at(const uint64_t *templates, uint32_t reference)
{
    return (const struct template *)(const void *)(templates + reference);
}

/* Keep what the writer has written as a template. ERR_LIMIT (an answer beyond 64 KiB), ERR_MEMORY. */
MUST_USE enum status template_add(struct buffer *templates, const struct writer *writer, unsigned flags, uint32_t *reference);

#endif
