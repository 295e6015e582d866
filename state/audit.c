/* audit.c - what changed, who did it, and why.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/audit.h"

#include <stdlib.h>
#include <string.h>

static const struct field {
    const char *name;
    size_t offset;
    size_t room;
} fields[AUDIT_FIELD_COUNT] = {
    {"by", offsetof(struct audit_entry, by), FACT_NAME_MAX},
    {"who", offsetof(struct audit_entry, who), FACT_NAME_MAX},
    {"what", offsetof(struct audit_entry, what), AUDIT_WORD_MAX},
    {"subject", offsetof(struct audit_entry, subject), AUDIT_TEXT_MAX},
    {"id", offsetof(struct audit_entry, id), FACT_NAME_MAX},
    {"why", offsetof(struct audit_entry, why), AUDIT_TEXT_MAX},
    {"before", offsetof(struct audit_entry, before), AUDIT_TEXT_MAX},
    {"after", offsetof(struct audit_entry, after), AUDIT_TEXT_MAX},
};

static void clean(char *text, size_t room)
{
    text[room - 1] = '\0';
    for (char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || (unsigned char)*at > '~') *at = '?';
}

void audit_clean(struct audit_entry *entry)
{
    for (size_t i = 0; i < AUDIT_FIELD_COUNT; i++) clean((char *)entry + fields[i].offset, fields[i].room);
}

void audit_fields(const struct audit_entry *entry, const char *out[2 * AUDIT_FIELD_COUNT])
{
    for (size_t i = 0; i < AUDIT_FIELD_COUNT; i++) {
        out[2 * i] = fields[i].name;
        out[2 * i + 1] = (const char *)entry + fields[i].offset;
    }
}

void audit_take_field(struct audit_entry *entry, const char *name, const char *value, size_t size)
{
    for (size_t i = 0; i < AUDIT_FIELD_COUNT; i++) {
        if (strcmp(fields[i].name, name) != 0) continue;
        char *text = (char *)entry + fields[i].offset;
        size_t length = size < fields[i].room - 1 ? size : fields[i].room - 1;
        memcpy(text, value, length);
        text[length] = '\0';
        clean(text, fields[i].room);
    }
}

/* ---- the ring ---- */

struct audit_ring {
    uint64_t newest; /* number n stands at (n - 1) % AUDIT_RING_MAX */
    struct audit_entry entries[AUDIT_RING_MAX];
};

enum status audit_ring_new(struct audit_ring **out)
{
    struct audit_ring *ring = calloc(1, sizeof *ring);
    if (ring == NULL) return ERR_MEMORY;
    *out = ring;
    return OK;
}

void audit_ring_free(struct audit_ring *ring)
{
    free(ring);
}

void audit_ring_add(struct audit_ring *ring, const struct audit_entry *entry)
{
    struct audit_entry *slot = &ring->entries[ring->newest++ % AUDIT_RING_MAX];
    *slot = *entry;
    audit_clean(slot);
}

uint64_t audit_ring_newest(const struct audit_ring *ring)
{
    return ring->newest;
}

void audit_ring_each(const struct audit_ring *ring, uint64_t since, size_t limit, void *context,
                     void (*visit)(void *context, uint64_t number, const struct audit_entry *entry))
{
    if (limit > AUDIT_RING_MAX) limit = AUDIT_RING_MAX;
    uint64_t first = since < ring->newest ? since + 1 : ring->newest + 1;
    if (ring->newest - first + 1 > limit) first = ring->newest - limit + 1;
    for (uint64_t number = first; number <= ring->newest; number++)
        visit(context, number, &ring->entries[(number - 1) % AUDIT_RING_MAX]);
}
