/* ledger.c - the newest fact of each (kind, subject, writer), and when it ends.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Entries hang in a chained hash table and, at the same time, in one of two binary heaps: the live ones by
 * the time they end, the spent ones by the time they are forgotten. An entry knows its place in its heap,
 * so that a newer fact moves it in O(log n). */
#include "state/ledger.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_AT_FIRST 64 /* doubled whenever entries outnumber them */

struct entry {
    struct entry *next; /* in its bucket */
    uint64_t hash;
    int64_t heard_ms;
    int64_t due_ms; /* end, or when the tombstone goes */
    size_t place;   /* in its heap */
    bool spent;
    struct fact fact;
};

struct heap {
    struct entry **entries; /* room for heap_room of them */
    size_t count;
};

struct ledger {
    size_t limit;
    size_t bucket_count; /* a power of 2 */
    struct entry **buckets;
    size_t heap_room; /* of each heap; grows with the buckets */
    struct heap live;
    struct heap spent;
};

/* ---- heaps ---- */

static void heap_set(struct heap *heap, size_t place, struct entry *entry)
{
    heap->entries[place] = entry;
    entry->place = place;
}

static void heap_rise(struct heap *heap, size_t place)
{
    struct entry *entry = heap->entries[place];
    while (place > 0 && heap->entries[(place - 1) / 2]->due_ms > entry->due_ms) {
        heap_set(heap, place, heap->entries[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    heap_set(heap, place, entry);
}

static void heap_sink(struct heap *heap, size_t place)
{
    struct entry *entry = heap->entries[place];
    for (size_t child; (child = 2 * place + 1) < heap->count; place = child) {
        if (child + 1 < heap->count && heap->entries[child + 1]->due_ms < heap->entries[child]->due_ms) child++;
        if (heap->entries[child]->due_ms >= entry->due_ms) break;
        heap_set(heap, place, heap->entries[child]);
    }
    heap_set(heap, place, entry);
}

static void heap_add(struct heap *heap, struct entry *entry)
{
    heap_set(heap, heap->count++, entry);
    heap_rise(heap, entry->place);
}

static void heap_remove(struct heap *heap, struct entry *entry)
{
    size_t place = entry->place;
    struct entry *last = heap->entries[--heap->count];
    if (last == entry) return;
    heap_set(heap, place, last);
    heap_rise(heap, place);
    heap_sink(heap, last->place);
}

/* ---- table ---- */

/* FNV-1a over the key, then a mix of its high bits into the low ones that choose the bucket. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++) hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    return hash * UINT64_C(0x100000001b3); /* the end of a text counts: "ab","c" is not "a","bc" */
}

static uint64_t hash_key(const struct fact *fact)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)fact->kind;
    hash = hash_text(hash_text(hash, fact->subject), fact->writer);
    return hash ^ hash >> 29;
}

static bool key_equal(const struct fact *left, const struct fact *right)
{
    return left->kind == right->kind && strcmp(left->subject, right->subject) == 0 &&
           strcmp(left->writer, right->writer) == 0;
}

static struct entry **bucket_of(const struct ledger *ledger, uint64_t hash)
{
    return &ledger->buckets[hash & (ledger->bucket_count - 1)];
}

static struct entry *entry_find(const struct ledger *ledger, const struct fact *fact, uint64_t hash)
{
    for (struct entry *entry = *bucket_of(ledger, hash); entry != NULL; entry = entry->next)
        if (entry->hash == hash && key_equal(&entry->fact, fact)) return entry;
    return NULL;
}

/* Twice the buckets, and heaps that hold as many entries as there are buckets. On ERR_MEMORY nothing
 * changed but spare room. */
static enum status ledger_grow(struct ledger *ledger, size_t bucket_count)
{
    struct entry **live = reallocarray(ledger->live.entries, bucket_count, sizeof *live);
    if (live == NULL) return ERR_MEMORY;
    ledger->live.entries = live;
    struct entry **spent = reallocarray(ledger->spent.entries, bucket_count, sizeof *spent);
    if (spent == NULL) return ERR_MEMORY;
    ledger->spent.entries = spent;
    struct entry **before = ledger->buckets;
    struct entry **buckets = calloc(bucket_count, sizeof *buckets);
    if (buckets == NULL) return ERR_MEMORY;
    size_t count_before = ledger->bucket_count;
    ledger->buckets = buckets;
    ledger->bucket_count = bucket_count;
    ledger->heap_room = bucket_count;
    for (size_t i = 0; i < count_before; i++) {
        for (struct entry *entry = before[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            struct entry **bucket = bucket_of(ledger, entry->hash);
            entry->next = *bucket;
            *bucket = entry;
        }
    }
    free(before);
    return OK;
}

static void entry_forget(struct ledger *ledger, struct entry *entry)
{
    heap_remove(entry->spent ? &ledger->spent : &ledger->live, entry);
    struct entry **link = bucket_of(ledger, entry->hash);
    while (*link != entry) link = &(*link)->next;
    *link = entry->next;
    free(entry);
}

static enum status entry_add(struct ledger *ledger, const struct fact *fact, uint64_t hash, struct entry **out)
{
    if (ledger->live.count + ledger->spent.count >= ledger->limit) {
        if (ledger->spent.count == 0) return ERR_LIMIT;
        entry_forget(ledger, ledger->spent.entries[0]);
    }
    if (ledger->live.count + ledger->spent.count >= ledger->heap_room) {
        enum status status = ledger_grow(ledger, 2 * ledger->bucket_count);
        if (status != OK) return status;
    }
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL) return ERR_MEMORY;
    entry->hash = hash;
    entry->fact = *fact;
    struct entry **bucket = bucket_of(ledger, hash);
    entry->next = *bucket;
    *bucket = entry;
    *out = entry;
    return OK;
}

/* ---- the ledger ---- */

enum status ledger_new(size_t limit, struct ledger **out)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL) return ERR_MEMORY;
    ledger->limit = limit;
    enum status status = ledger_grow(ledger, BUCKETS_AT_FIRST);
    if (status == OK)
        *out = ledger;
    else
        ledger_free(ledger);
    return status;
}

void ledger_free(struct ledger *ledger)
{
    if (ledger == NULL) return;
    for (size_t i = 0; i < ledger->live.count; i++) free(ledger->live.entries[i]);
    for (size_t i = 0; i < ledger->spent.count; i++) free(ledger->spent.entries[i]);
    free(ledger->live.entries);
    free(ledger->spent.entries);
    free(ledger->buckets);
    free(ledger);
}

enum status ledger_put(struct ledger *ledger, const struct fact *fact, int64_t now_ms)
{
    uint64_t hash = hash_key(fact);
    struct entry *entry = entry_find(ledger, fact, hash);
    if (entry != NULL) {
        if (!fact_newer(fact, &entry->fact)) return ERR_EXISTS;
        heap_remove(entry->spent ? &ledger->spent : &ledger->live, entry);
        entry->fact = *fact;
        entry->spent = false;
    } else {
        enum status status = entry_add(ledger, fact, hash, &entry);
        if (status != OK) return status;
    }
    entry->heard_ms = now_ms;
    entry->due_ms = now_ms + fact->ttl_ms;
    heap_add(&ledger->live, entry);
    return OK;
}

bool ledger_expire(struct ledger *ledger, int64_t now_ms, struct fact *out)
{
    while (ledger->spent.count > 0 && ledger->spent.entries[0]->due_ms <= now_ms)
        entry_forget(ledger, ledger->spent.entries[0]);
    if (ledger_next_ms(ledger) > now_ms) return false;
    struct entry *entry = ledger->live.entries[0];
    heap_remove(&ledger->live, entry);
    entry->spent = true;
    entry->due_ms = now_ms + LEDGER_SPENT_MS;
    heap_add(&ledger->spent, entry);
    *out = entry->fact;
    return true;
}

int64_t ledger_next_ms(const struct ledger *ledger)
{
    return ledger->live.count == 0 ? INT64_MAX : ledger->live.entries[0]->due_ms;
}

bool ledger_knows(const struct ledger *ledger, const struct fact *fact)
{
    const struct entry *entry = entry_find(ledger, fact, hash_key(fact));
    return entry != NULL && !entry->spent;
}

size_t ledger_count(const struct ledger *ledger)
{
    return ledger->live.count;
}

void ledger_each(const struct ledger *ledger, void *context,
                 void (*visit)(void *context, const struct fact *fact, int64_t heard_ms))
{
    for (size_t i = 0; i < ledger->live.count; i++) {
        const struct entry *entry = ledger->live.entries[i];
        visit(context, &entry->fact, entry->heard_ms);
    }
}
