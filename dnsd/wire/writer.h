/* writer.h - a DNS message under construction: bounded, compressed, with its seams remembered.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Used when worlds are built, not on the packet path. The buffer is a whole message (header, one question, records), so
 * compression pointers are real offsets; template.c then keeps the part after the question. Two things are remembered for it:
 * where every pointer stands, and where one RRset ends and the next may be cut off (`marks`).
 *
 * An error is sticky: after it every call does nothing, and writer_status tells it once at the end. Home thread. */
#ifndef MERIDIAN_WRITER_H
#define MERIDIAN_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnsd/wire/name.h"
#include "router/status.h"

#define WRITER_SIZE_MAX 65000     /* leaves room for an OPT record in a TCP message */
#define WRITER_TARGET_MAX 0x2000  /* pointers lead no further, so that a template may move by 8 KiB and they still fit 14 bits */
#define WRITER_POINTER_MAX 8192   /* pointers in one message */
#define WRITER_NAME_MAX 1024      /* names that later ones may point to */
#define WRITER_MARK_MAX 250       /* seams; further RRsets join the last one's */
#define WRITER_ADDITIONAL_MAX 250 /* records; one byte counts them, and an OPT record comes on top */

enum section { SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL };

/* A message may be cut here: what it then is. */
struct writer_mark {
    uint16_t size; /* of the message up to here */
    uint16_t counts[3];
    bool truncated; /* TC=1 when cut here */
};

struct writer {
    enum status status;
    size_t size;
    size_t question_size; /* of its name */
    bool wildcard;        /* the question stands for whatever name was expanded: nothing may point into its first label */
    uint16_t counts[3];   /* by section */
    size_t pointer_count;
    uint16_t pointers[WRITER_POINTER_MAX]; /* where they stand */
    size_t name_count;
    uint16_t names[WRITER_NAME_MAX]; /* where names that may be pointed to begin */
    size_t mark_count;
    struct writer_mark marks[WRITER_MARK_MAX];
    uint8_t bytes[WRITER_SIZE_MAX];
};

/* Start a message about `name`. */
void writer_start(struct writer *writer, const uint8_t *name, bool wildcard);

/* One record: `owner` NULL is the question's name. Names in the RDATA of the types of RFC 1035 are compressed (RFC 3597 4). */
void writer_record(struct writer *writer, enum section section, const uint8_t *owner, uint16_t type, uint32_t ttl,
                   const uint8_t *rdata, size_t rdata_size);

/* The message may be cut here; `truncated`: something that the client needs would then be missing. */
enum need { NEED_MORE, NEED_NOTHING };
void writer_mark(struct writer *writer, enum need need);

#endif
