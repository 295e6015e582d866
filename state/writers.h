/* writers.h - who writes facts, and what of theirs we have not heard.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A writer numbers its facts, so who hears 1, 2, 4 has missed 3. Announcements of several servers overtake each other, so a
 * number that is missing may still come: the last WRITERS_WINDOW are kept as bits. What does not come is read.
 *
 *   heard      sequence - 64 ............................ sequence
 *   missing    1 bit each: not heard yet                  (heard)
 *   unread     true: something before these is missing, or nothing of this epoch was ever read
 *
 * Pure: time is an argument. */
#ifndef MERIDIAN_WRITERS_H
#define MERIDIAN_WRITERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/status.h"
#include "state/fact.h"

#define WRITERS_WINDOW 64
#define WRITERS_MAX 4096 /* writers; PoPs, regions' reporters and operators, each of which may have come and gone */
#define WRITERS_FORGET_MS 3600000 /* one without facts that was not heard for so long gives its place away */

struct writer {
    char name[FACT_NAME_MAX];
    bool orders;         /* an operator: facts of its name are orders */
    bool beats;          /* a PoP: its heartbeat was heard, or it is listed as one */
    bool unread;         /* see above */
    uint64_t epoch;      /* of the newest fact */
    uint64_t sequence;   /* of the newest fact of that epoch */
    uint64_t missing;    /* bit i: sequence - 1 - i was not heard */
    int64_t heard_ms;    /* when anything of it was heard last */
    int64_t beat_ms;     /* when its heartbeat was announced last; INT64_MIN: never */
    int64_t load_ms;     /* when a load that it reports was announced last; INT64_MIN: never */
    uint64_t beat_epoch; /* of its heartbeat in force; 0: none is */
    size_t fact_count;   /* in force, in the ledger */
};

struct writers;

MUST_USE enum status writers_new(struct writers **out); /* ERR_MEMORY */
void writers_free(struct writers *writers);             /* takes NULL */
/* NULL: unknown. */
struct writer *writers_find(const struct writers *writers, const char *name, bool orders);
/* Find or add. NULL: too many, or no memory. */
struct writer *writers_add(struct writers *writers, const char *name, bool orders, int64_t now_ms);
size_t writers_count(const struct writers *writers);
struct writer *writers_at(const struct writers *writers, size_t index); /* index < count; adding moves others */

/* A fact with that stamp was heard. */
void writer_hear(struct writer *writer, uint64_t epoch, uint64_t sequence, int64_t now_ms);
/* Everything that it wrote up to that stamp was read. */
void writer_read(struct writer *writer, uint64_t epoch, uint64_t sequence);
/* Is something missing? */
bool writer_lacks(const struct writer *writer);

#endif
