/* planner.c - deciding for every cell and keeping each distinct decision once.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Decisions are interned in a hash table keyed by their shares alone: then the first entry of a chain with
 * the same shares is what `same` names. No allocation per cell; the table and the list grow by doubling. */
#include "router/planner.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 256 /* power of 2; grows while it is more than half full */
#define SLOT_EMPTY UINT32_MAX

struct intern {
    struct decisions *decisions;
    size_t room; /* of decisions->list and ->same */
    uint32_t *slots;
    size_t slot_count; /* power of 2 */
};

static size_t hash_shares(const struct decision *decision)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < decision->share_count; i++) {
        uint64_t word = (uint64_t)decision->shares[i].region << 16 | decision->shares[i].weight;
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    return (size_t)hash;
}

static enum status grow_list(struct intern *intern)
{
    struct decisions *decisions = intern->decisions;
    size_t room = intern->room == 0 ? SLOTS_FIRST / 2 : intern->room * 2;
    struct decision *list = realloc(decisions->list, room * sizeof *list);
    if (list == NULL) return ERR_MEMORY;
    decisions->list = list;
    decision_id *same = realloc(decisions->same, room * sizeof *same);
    if (same == NULL) return ERR_MEMORY;
    decisions->same = same;
    intern->room = room;
    return OK;
}

static void place_slot(struct intern *intern, uint32_t id)
{
    size_t slot = hash_shares(&intern->decisions->list[id]) & (intern->slot_count - 1);
    while (intern->slots[slot] != SLOT_EMPTY) slot = (slot + 1) & (intern->slot_count - 1);
    intern->slots[slot] = id;
}

static enum status grow_slots(struct intern *intern)
{
    size_t count = intern->slot_count == 0 ? SLOTS_FIRST : intern->slot_count * 2;
    uint32_t *slots = malloc(count * sizeof *slots);
    if (slots == NULL) return ERR_MEMORY;
    memset(slots, 0xff, count * sizeof *slots);
    free(intern->slots);
    intern->slots = slots;
    intern->slot_count = count;
    for (uint32_t id = 0; id < intern->decisions->count; id++)
        place_slot(intern, id); /* in order: chains keep theirs */
    return OK;
}

/* The id of an equal decision, added when there is none. */
static enum status intern_decision(struct intern *intern, const struct decision *decision, decision_id *out)
{
    struct decisions *decisions = intern->decisions;
    if (decisions->count * 2 >= intern->slot_count) {
        enum status status = grow_slots(intern);
        if (status != OK) return status;
    }
    size_t slot = hash_shares(decision) & (intern->slot_count - 1);
    uint32_t same = SLOT_EMPTY;
    for (; intern->slots[slot] != SLOT_EMPTY; slot = (slot + 1) & (intern->slot_count - 1)) {
        uint32_t id = intern->slots[slot];
        const struct decision *known = &decisions->list[id];
        if (!decision_same_shares(known, decision)) continue;
        if (same == SLOT_EMPTY) same = id;
        if (known->ladder == decision->ladder && known->left_only == decision->left_only) {
            *out = (decision_id)id;
            return OK;
        }
    }
    if (decisions->count == DECISION_MAX) return ERR_LIMIT;
    if (decisions->count == intern->room) {
        enum status status = grow_list(intern);
        if (status != OK) return status;
    }
    uint32_t id = (uint32_t)decisions->count++;
    intern->slots[slot] = id;
    decisions->list[id] = *decision;
    decisions->same[id] = (decision_id)(same == SLOT_EMPTY ? id : same);
    *out = (decision_id)id;
    return OK;
}

static enum status decide_all(const struct steering_input *input, struct intern *intern)
{
    struct decisions *decisions = intern->decisions;
    struct lineup lineup;
    steering_prepare(input, &lineup);
    for (size_t i = 0; i < decisions->cell_count; i++) {
        struct decision decision = steering_choose(&lineup, (cell_id)i, NULL);
        enum status status = intern_decision(intern, &decision, &decisions->by_cell[i]);
        if (status != OK) return status;
        decisions->relaxed_cells[decision.ladder]++;
    }
    return OK;
}

enum status decisions_new(const struct steering_input *input, struct decisions **out)
{
    struct decisions *decisions = calloc(1, sizeof *decisions);
    if (decisions == NULL) return ERR_MEMORY;
    struct intern intern = {.decisions = decisions};
    decisions->cell_count = input->atlas->cell_count;
    decisions->by_cell = calloc(decisions->cell_count + 1, sizeof *decisions->by_cell);
    enum status status = decisions->by_cell != NULL ? decide_all(input, &intern) : ERR_MEMORY;
    free(intern.slots);
    if (status != OK) {
        decisions_free(decisions);
        return status;
    }
    *out = decisions;
    return OK;
}

void decisions_free(struct decisions *decisions)
{
    if (decisions == NULL) return;
    free(decisions->list);
    free(decisions->by_cell);
    free(decisions->same);
    free(decisions);
}

bool decisions_equal(const struct decisions *left, const struct decisions *right)
{
    /* Ids are given in the order in which cells first need them, so equal decisions have equal ids. */
    if (left->count != right->count || left->cell_count != right->cell_count) return false;
    if (memcmp(left->by_cell, right->by_cell, left->cell_count * sizeof *left->by_cell) != 0) return false;
    for (size_t i = 0; i < left->count; i++) {
        const struct decision *a = &left->list[i], *b = &right->list[i];
        if (a->ladder != b->ladder || a->left_only != b->left_only || !decision_same_shares(a, b)) return false;
    }
    return true;
}
