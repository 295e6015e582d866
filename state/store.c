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

enum status store_audit(struct store *store, const struct audit_entry *entry)
{
    struct audit_entry cleaned = *entry;
    audit_clean(&cleaned);
    return store->kind->audit == NULL ? OK : store->kind->audit(store, &cleaned);
}

void store_note(struct store *store, const char *region, const char *const (*pairs)[2], size_t count)
{
    if (store->kind->note != NULL && count > 0 && count <= STORE_NOTE_MAX)
        store->kind->note(store, region, pairs, count);
}

enum status store_watch_regions(struct store *store, const char *const *names, size_t count)
{
    return store->kind->watch_regions == NULL ? OK : store->kind->watch_regions(store, names, count);
}

const char *store_drop_name(enum store_drop drop)
{
    static const char *const names[STORE_DROP_COUNT] = {"syntax", "range",  "size", "many",    "type",
                                                        "name",   "writer", "seal", "endless", "memory"};
    return drop < STORE_DROP_COUNT ? names[drop] : "unknown";
}

void store_status(const struct store *store, struct store_status *out)
{
    *out = (struct store_status){.shared = false};
    store->kind->status(store, out);
}

void store_server_status(const struct store *store, size_t index, struct store_server_status *out)
{
    *out = (struct store_server_status){.state = ""};
    if (store->kind->server_status != NULL) store->kind->server_status(store, index, out);
}

void store_describe(const struct store *store, char *out, size_t room)
{
    if (room > 0) store->kind->describe(store, out, room);
}

void store_close(struct store *store)
{
    if (store != NULL) store->kind->close(store);
}
