/* clients.c - how many connections each client has.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Linear probing; a removal moves later entries of the same cluster back (Knuth, The Art of Computer
 * Programming volume 3, section 6.4, algorithm R), so there are no tombstones and a look-up ends at the
 * first free entry. */
#include "dnsd/serve/clients.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#define CLIENT_IPV6_BITS 56

struct clients_entry {
    uint64_t key;   /* see client_key */
    uint32_t count; /* 0: free */
};

struct clients {
    uint64_t seed;
    size_t mask; /* entries less one, a power of two less one */
    size_t used;
    uint32_t limit;
    struct clients_entry entries[];
};

/* An IPv4 address, or the first 56 bits of an IPv6 address; the free bits below tell the families apart. */
static uint64_t client_key(const struct address *address)
{
    const unsigned free_bits = 64 - CLIENT_IPV6_BITS;
    uint64_t position = address_position(address);
    if (address->family == FAMILY_IPV4) return position << free_bits;
    return position >> free_bits << free_bits | 1;
}

/* Where a key wants to be: SplitMix64's finalizer (Steele, Lea, Flood 2014) over a secret, so a client who
 * chooses its addresses cannot choose its place. */
static size_t key_home(const struct clients *clients, uint64_t key)
{
    uint64_t mixed = key ^ clients->seed;
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return (size_t)(mixed ^ mixed >> 31) & clients->mask;
}

/* The key's entry, or the free one where it belongs. Ends: at most half of the entries are used. */
static size_t key_place(const struct clients *clients, uint64_t key)
{
    size_t at = key_home(clients, key);
    while (clients->entries[at].count != 0 && clients->entries[at].key != key) at = (at + 1) & clients->mask;
    return at;
}

enum status clients_new(size_t connections, uint32_t limit_per_client, struct clients **out)
{
    size_t size = 16;
    while (size < 2 * connections) size *= 2;
    struct clients *clients = calloc(1, sizeof *clients + size * sizeof clients->entries[0]);
    if (!clients) return ERR_MEMORY;
    if (getrandom(&clients->seed, sizeof clients->seed, GRND_NONBLOCK) != (ssize_t)sizeof clients->seed) {
        struct timespec now; /* early at boot: better than nothing */
        clock_gettime(CLOCK_MONOTONIC, &now);
        clients->seed = (uint64_t)now.tv_nsec * UINT64_C(0xd1342543de82ef95) ^ (uint64_t)(uintptr_t)clients;
    }
    clients->mask = size - 1;
    clients->limit = limit_per_client;
    *out = clients;
    return OK;
}

void clients_free(struct clients *clients)
{
    free(clients);
}

bool clients_enter(struct clients *clients, const struct address *address)
{
    uint64_t key = client_key(address);
    struct clients_entry *entry = &clients->entries[key_place(clients, key)];
    if (entry->count >= clients->limit) return false;
    if (entry->count == 0) {
        if (clients->used > clients->mask / 2)
            return false; /* more than promised: refuse rather than search for ever */
        entry->key = key;
        clients->used++;
    }
    entry->count++;
    return true;
}

void clients_leave(struct clients *clients, const struct address *address)
{
    size_t hole = key_place(clients, client_key(address));
    if (clients->entries[hole].count == 0 || --clients->entries[hole].count > 0) return;
    clients->used--;
    for (size_t at = (hole + 1) & clients->mask; clients->entries[at].count != 0; at = (at + 1) & clients->mask) {
        size_t home = key_home(clients, clients->entries[at].key);
        /* May it move back to the hole? Only when its home is not between them (cyclically). */
        if (((at - home) & clients->mask) < ((at - hole) & clients->mask)) continue;
        clients->entries[hole] = clients->entries[at];
        clients->entries[at].count = 0;
        hole = at;
    }
}

size_t clients_count(const struct clients *clients)
{
    return clients->used;
}
