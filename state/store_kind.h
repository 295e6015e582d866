/* store_kind.h - what a kind of store must be able to do.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each kind embeds `struct store` as its first member and fills in the table; store.c checks the arguments
 * once for all kinds and calls through it. For store*.c alone. */
#ifndef MERIDIAN_STORE_KIND_H
#define MERIDIAN_STORE_KIND_H

#include "state/store.h"

struct store_kind {
    enum status (*publish)(struct store *store, const struct fact *fact); /* the fact passed fact_check */
    void (*replay)(const struct store *store, void *context,
                   void (*visit)(void *context, const struct fact *fact, int64_t heard_ms));
    enum status (*audit)(struct store *store, const struct audit_entry *entry); /* NULL: nothing to do */
    void (*note)(struct store *store, const char *region, const char *const (*pairs)[2],
                 size_t count);                                                                /* NULL: nothing to do */
    enum status (*watch_regions)(struct store *store, const char *const *names, size_t count); /* NULL: nothing to do */
    void (*status)(const struct store *store, struct store_status *out);                       /* out is zeroed */
    void (*server_status)(const struct store *store, size_t index,
                          struct store_server_status *out);              /* NULL: no servers */
    void (*describe)(const struct store *store, char *out, size_t room); /* room >= 1 */
    void (*close)(struct store *store);
};

struct store {
    const struct store_kind *kind;
};

#endif
