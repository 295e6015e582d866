/* store.c - one interface to every kind of store.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/store.h"

#include "state/store_kind.h"

enum status store_publish(struct store *store, const struct fact *fact)
{
    enum status status = fact_check(fact);
    return status == OK ? store->kind->publish(store, fact) : status;
}

void store_replay(const struct store *store, void *context,
                  void (*visit)(void *context, const struct fact *fact, int64_t heard_ms))
{
    store->kind->replay(store, context, visit);
}

void store_describe(const struct store *store, char *out, size_t room)
{
    if (room > 0) store->kind->describe(store, out, room);
}

void store_close(struct store *store)
{
    if (store != NULL) store->kind->close(store);
}
