/* binder.h - a YAML tree laid into the structs that the table of options names.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Checks each value by itself: known and unknown keys, duplicates, types, bounds, what is missing. What values
 * mean to each other is the builders' to judge. One thread at a time. */
#ifndef MERIDIAN_BINDER_H
#define MERIDIAN_BINDER_H

#include "dnsd/config/arena.h"
#include "dnsd/config/document.h"
#include "dnsd/config/given.h"
#include "dnsd/config/problems.h"

#define BINDER_BYTES_MAX (256u << 20) /* every limit of the model used up at once takes some 40 MiB */

struct binder {
    yaml_document_t *document;
    const char *file; /* for messages */
    struct problems *problems;
    struct arena *keep;    /* texts: they live as long as the configuration */
    struct arena *scratch; /* everything else */
};

/* Fill *target, a struct of the shape's size, from the document's root. Problems are added for all that is
 * wrong; what is wrong or missing holds its default. ERR_MEMORY; ERR_LIMIT when aliases make the tree too large
 * (a problem says so). */
MUST_USE enum status binder_bind(struct binder *binder, const struct shape *shape, void *target);

/* Fill *target as if the mapping had been written empty, but for complaining of what it lacks. ERR_MEMORY. */
MUST_USE enum status binder_preset(struct binder *binder, const struct shape *shape, void *target);

#endif
