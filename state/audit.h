/* audit.h - what changed, who did it, and why.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Orders given, cancelled and ended, reloads, regions that go down or come up: everything that changes answers but for reports
 * of load. A PoP keeps the newest AUDIT_RING_MAX entries in memory; a store that is shared gets them too (store_audit).
 * Values; home thread of a ring: the control thread. */
#ifndef MERIDIAN_AUDIT_H
#define MERIDIAN_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include "router/status.h"
#include "state/fact.h"

#define AUDIT_RING_MAX 1000 /* 1.3 MB; a bad week of one PoP. The shared stream is longer */
#define AUDIT_WORD_MAX 32
#define AUDIT_TEXT_MAX 256
#define AUDIT_FIELD_COUNT 8

/* Texts of any length that fits, printable ASCII once audit_clean has seen them. */
struct audit_entry {
    int64_t at_epoch_s;           /* wall clock of whoever wrote it, for people */
    char by[FACT_NAME_MAX];       /* the PoP or operator that wrote it */
    char who[FACT_NAME_MAX];      /* the order's author; else the same */
    char what[AUDIT_WORD_MAX];    /* "order", "cancel", "end", "reload", "region-down", "region-up" */
    char subject[AUDIT_TEXT_MAX]; /* "drain eu-west-1, for 30m", or a region's or a file's name */
    char id[FACT_NAME_MAX];       /* of the order; "" */
    char why[AUDIT_TEXT_MAX];
    char before[AUDIT_TEXT_MAX];
    char after[AUDIT_TEXT_MAX];
};

/* Make everything printable ASCII. */
void audit_clean(struct audit_entry *entry);
/* The texts as pairs of name and value, borrowed from the entry: fields of a stream or members of an object. */
void audit_fields(const struct audit_entry *entry, const char *out[2 * AUDIT_FIELD_COUNT]);
/* The reverse, one field at a time. Hostile text, cut and cleaned; unknown names are ignored. */
void audit_take_field(struct audit_entry *entry, const char *name, const char *value, size_t size);

struct audit_ring;

MUST_USE enum status audit_ring_new(struct audit_ring **out); /* ERR_MEMORY */
void audit_ring_free(struct audit_ring *ring);                /* takes NULL */
/* Copies the entry, cleaned; the oldest one goes when the ring is full. */
void audit_ring_add(struct audit_ring *ring, const struct audit_entry *entry);
uint64_t audit_ring_newest(const struct audit_ring *ring); /* its number, from 1; 0: none yet */
/* Visit the entries numbered above `since`, oldest first; of more than `limit` the newest. */
void audit_ring_each(const struct audit_ring *ring, uint64_t since, size_t limit, void *context,
                     void (*visit)(void *context, uint64_t number, const struct audit_entry *entry));

#endif
