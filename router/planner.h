/* planner.h - the decisions of one plan for every cell, interned.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pure; called on the control thread whenever what is known has changed. */
#ifndef MERIDIAN_PLANNER_H
#define MERIDIAN_PLANNER_H

#include <stdbool.h>

#include "router/status.h"
#include "router/steering.h"

typedef uint16_t decision_id;
#define DECISION_MAX 65535

struct decisions {
    struct decision *list; /* distinct ones */
    size_t count;          /* 1..DECISION_MAX */
    decision_id *by_cell;  /* input->atlas->cell_count */
    size_t cell_count;
    decision_id *same;     /* by decision: the first one with the same shares for whatever reason; NULL: itself */
    size_t relaxed_cells[LADDER_LAST + 1]; /* cells by ladder step */
};

/* Decide for every cell. ERR_MEMORY; ERR_LIMIT when there are more than DECISION_MAX distinct decisions. */
MUST_USE enum status decisions_new(const struct steering_input *input, struct decisions **out);
void decisions_free(struct decisions *decisions);
/* Same decision for every cell? Then no chart changes. */
bool decisions_equal(const struct decisions *left, const struct decisions *right);

#endif
