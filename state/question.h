/* question.h - one DNS question in bytes, and whether bytes answer it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Just enough of RFC 1035 to see whether a name server is well; no record is read. Pure. */
#ifndef MERIDIAN_QUESTION_H
#define MERIDIAN_QUESTION_H

#include <stddef.h>
#include <stdint.h>

#include "router/status.h"

#define QUESTION_SIZE_MAX (12 + 255 + 4) /* header, name, type and class */

struct question {
    uint8_t bytes[QUESTION_SIZE_MAX]; /* as sent */
    size_t size;
};

enum question_reply {
    QUESTION_ANSWERED,  /* NOERROR and at least one record */
    QUESTION_FOREIGN,   /* another id or question, or no reply at all: not meant for us */
    QUESTION_REFUSED,   /* an rcode other than NOERROR */
    QUESTION_NO_RECORD, /* NOERROR without records */
};

/* name: presentation form with the escapes of RFC 1035 section 5.1, with or without the final dot. ERR_SYNTAX. */
MUST_USE enum status question_build(const char *name, uint16_t type, struct question *out);
void question_set_id(struct question *question, uint16_t id);
/* Judge hostile bytes. *rcode is written for all but QUESTION_FOREIGN. Names compare without case (RFC 4343). */
enum question_reply question_judge(const struct question *question, const uint8_t *reply, size_t size, unsigned *rcode);

#endif
