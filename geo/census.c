/* census.c - which clients the router can tell apart: every combination of place, AS and network that occurs.
 * SPDX-License-Identifier: Apache-2.0 */
#include "geo/census.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NO_GROUP UINT32_MAX

_Static_assert(sizeof(struct group) == 12, "a group has padding; bytes of equal groups could differ");

struct sweep {
    struct census *census;
    uint32_t *plain; /* by place: its group without AS and network, NO_GROUP at first */
    size_t interval_capacity;
};

/* The number of a combination, counted once more. */
static enum status count_group(struct sweep *sweep, const struct group *group, uint32_t *number)
{
    struct census *census = sweep->census;
    bool plain = group->asn == 0 && group->network == 0;
    if (plain && sweep->plain[group->place] != NO_GROUP) {
        *number = sweep->plain[group->place];
        census->intervals[*number]++;
        return OK;
    }
    size_t known = census->groups.count;
    enum status status = intern_number(&census->groups, group, number);
    if (status != OK) return status;
    if (census->groups.count > sweep->interval_capacity) {
        size_t capacity = sweep->interval_capacity == 0 ? 1024 : sweep->interval_capacity * 2;
        uint32_t *intervals = realloc(census->intervals, capacity * sizeof *intervals);
        if (intervals == NULL) return ERR_MEMORY;
        census->intervals = intervals;
        sweep->interval_capacity = capacity;
    }
    if (*number == known) census->intervals[known] = 0;
    census->intervals[*number]++;
    if (plain) sweep->plain[group->place] = *number;
    return OK;
}

/* A place in a layer: the interval that holds the sweep's position. */
struct cursor {
    const struct layer *layer;
    size_t index;
};

static uint32_t cursor_value(const struct cursor *cursor)
{
    return cursor->layer->value[cursor->index];
}

/* Lower `next` to the cursor's next boundary. Returns false when it has none. */
static bool cursor_next(const struct cursor *cursor, uint64_t *next)
{
    if (cursor->index + 1 == cursor->layer->count) return false;
    uint64_t first = cursor->layer->first[cursor->index + 1];
    if (first < *next) *next = first;
    return true;
}

static void cursor_advance(struct cursor *cursor, uint64_t position)
{
    if (cursor->index + 1 < cursor->layer->count && cursor->layer->first[cursor->index + 1] == position)
        cursor->index++;
}

/* Ends because every round advances at least one cursor. */
static enum status sweep_family(struct sweep *sweep, struct cursor cursors[3], struct layer *out)
{
    uint64_t position = 0;
    for (;;) {
        const struct group group = {cursor_value(&cursors[0]), cursor_value(&cursors[1]),
                                    cursor_value(&cursors[2])};
        uint32_t number;
        enum status status = count_group(sweep, &group, &number);
        if (status == OK) status = layer_append(out, position, number);
        if (status != OK) return status;
        uint64_t next = UINT64_MAX;
        bool more = cursor_next(&cursors[0], &next);
        more |= cursor_next(&cursors[1], &next);
        more |= cursor_next(&cursors[2], &next);
        if (!more) return OK;
        for (size_t i = 0; i < 3; i++) cursor_advance(&cursors[i], next);
        position = next;
    }
}

static enum status sweep_all(struct sweep *sweep, const struct census_input *input)
{
    const struct group nothing = {0};
    uint32_t zero;
    enum status status = count_group(sweep, &nothing, &zero); /* number 0 */
    if (status != OK) return status;
    struct cursor ipv4[3] = {{&input->places->ipv4, 0}, {&input->asns->ipv4, 0}, {&input->networks->ipv4, 0}};
    status = sweep_family(sweep, ipv4, &sweep->census->layers.ipv4);
    if (status != OK) return status;
    struct cursor ipv6[3] = {{&input->places->ipv6, 0}, {&input->asns->ipv6, 0}, {&input->networks->ipv6, 0}};
    return sweep_family(sweep, ipv6, &sweep->census->layers.ipv6);
}

enum status census_init(struct census *census, const struct census_input *input)
{
    *census = (struct census){0};
    struct sweep sweep = {.census = census, .plain = malloc(input->place_count * sizeof *sweep.plain)};
    enum status status = sweep.plain == NULL ? ERR_MEMORY : OK;
    if (status == OK) memset(sweep.plain, 0xff, input->place_count * sizeof *sweep.plain); /* NO_GROUP */
    if (status == OK) status = layers_init(&census->layers);
    if (status == OK) status = intern_init(&census->groups, sizeof(struct group));
    if (status == OK) status = sweep_all(&sweep, input);
    free(sweep.plain);
    if (status != OK) census_fini(census);
    return status;
}

void census_fini(struct census *census)
{
    intern_fini(&census->groups);
    layers_fini(&census->layers);
    free(census->intervals);
    *census = (struct census){0};
}
