/* coarsen.c - from groups of clients to cells, few enough to decide for each of them at every change.
 * SPDX-License-Identifier: Apache-2.0 */
#include "geo/coarsen.h"

#include <math.h>
#include <stdlib.h>

#define STEP_NO_ACCURACY 1
#define GRID_DEGREES 0.25 /* of the step after that; doubled at each further one */

/* What makes a cell, as bytes without padding. */
struct cell_key {
    struct place_key place;
    uint32_t asn;
    uint16_t network;
    uint16_t zero;
};
_Static_assert(sizeof(struct cell_key) == 40, "a cell_key has padding; bytes of equal keys could differ");

/* A cell in the making: the sum over its members' intervals. */
struct sum {
    double latitude;
    double longitude;
    double intervals;
};

struct attempt {
    struct cells cells;
    struct sum *sums;
    size_t wanted; /* cells at most, up to CELL_MAX */
    pin_id *pins;  /* by group; looked up once for all steps */
};

static network_id group_network(const struct group *group)
{
    return group->network == 0 ? ID_NONE : (network_id)(group->network - 1);
}

/* A group as a cell of its own: pinned, or where the database says. */
static struct cell exact_cell(const struct coarsen_input *input, const struct group *group, pin_id pin)
{
    struct cell cell = {.asn = group->asn, .network = group_network(group)};
    if (pin == ID_NONE || !input->model->pins[pin].has_place) {
        cell.place = input->gazetteer->places[group->place];
        return cell;
    }
    cell.place = input->model->pins[pin].place;
    gazetteer_complete(&cell.place); /* a pin to a country means its point */
    cell.place.source = PLACE_PIN;
    return cell;
}

static struct cell_key cell_key(const struct cell *cell, unsigned step)
{
    struct cell_key key = {.place = gazetteer_key(&cell->place), .asn = cell->asn, .network = cell->network};
    if (step == 0 || cell->place.source != PLACE_DATABASE) return key;
    key.place.accuracy_km = 0;
    if (step == STEP_NO_ACCURACY || !cell->place.has_location) return key;
    double degrees = ldexp(GRID_DEGREES, (int)(step - STEP_NO_ACCURACY) - 1);
    key.place.latitude = floor((cell->place.location.latitude + 90) / degrees);
    key.place.longitude = floor((cell->place.location.longitude + 180) / degrees);
    return key;
}

/* Give every group its cell at this step. ERR_LIMIT as soon as there are more than wanted, so that steps in
 * vain cost little. */
static enum status assign(const struct coarsen_input *input, unsigned step, struct intern *keys,
                          struct attempt *attempt)
{
    struct cells *cells = &attempt->cells;
    for (size_t i = 0; i < input->census->groups.count; i++) {
        struct cell cell = exact_cell(input, census_group(input->census, i), attempt->pins[i]);
        const struct cell_key key = cell_key(&cell, step);
        uint32_t number;
        enum status status = intern_number(keys, &key, &number);
        if (status != OK) return status;
        if (keys->count > attempt->wanted) return ERR_LIMIT;
        if (number == cells->count) {
            cell.place.accuracy_km = key.place.accuracy_km;
            cells->list[cells->count++] = cell;
            attempt->sums[number] = (struct sum){0};
        }
        struct sum *sum = &attempt->sums[number];
        double intervals = input->census->intervals[i];
        sum->latitude += cell.place.location.latitude * intervals;
        sum->longitude += cell.place.location.longitude * intervals;
        sum->intervals += intervals;
        cells->by_group[i] = (cell_id)number;
    }
    return OK;
}

static enum status attempt_step(const struct coarsen_input *input, unsigned step, struct attempt *attempt)
{
    struct intern keys;
    enum status status = intern_init(&keys, sizeof(struct cell_key));
    if (status != OK) return status;
    attempt->cells.count = 0;
    attempt->cells.step = step;
    status = assign(input, step, &keys, attempt);
    intern_fini(&keys);
    if (status != OK || step <= STEP_NO_ACCURACY) return status;
    for (size_t i = 0; i < attempt->cells.count; i++) {
        struct place *place = &attempt->cells.list[i].place;
        const struct sum *sum = &attempt->sums[i];
        if (place->source != PLACE_DATABASE || !place->has_location) continue;
        place->location.latitude = sum->latitude / sum->intervals;
        place->location.longitude = sum->longitude / sum->intervals;
    }
    return OK;
}

/* The finest step within the budget, or within twice what the last step leaves. Ends at the latest with the
 * last step. */
static enum status attempt_steps(const struct coarsen_input *input, struct attempt *attempt)
{
    attempt->wanted = input->budget < CELL_MAX ? input->budget : CELL_MAX;
    enum status status = attempt_step(input, 0, attempt);
    if (status != ERR_LIMIT) return status; /* nearly always */

    size_t budget = attempt->wanted;
    attempt->wanted = CELL_MAX;
    status = attempt_step(input, COARSEN_STEP_LAST, attempt);
    if (status != OK) return status;
    size_t twice = attempt->cells.count * 2 < CELL_MAX ? attempt->cells.count * 2 : CELL_MAX;
    attempt->wanted = twice > budget ? twice : budget;
    status = ERR_LIMIT;
    for (unsigned step = 0; status == ERR_LIMIT && step <= COARSEN_STEP_LAST; step++)
        status = attempt_step(input, step, attempt);
    return status;
}

enum status coarsen_groups(const struct coarsen_input *input, struct cells *out)
{
    size_t group_count = input->census->groups.count;
    size_t room = group_count < CELL_MAX ? group_count : CELL_MAX;
    struct attempt attempt = {0};
    attempt.cells.list = malloc(room * sizeof *attempt.cells.list);
    attempt.cells.by_group = malloc(group_count * sizeof *attempt.cells.by_group);
    attempt.sums = malloc(room * sizeof *attempt.sums);
    attempt.pins = malloc(group_count * sizeof *attempt.pins);
    enum status status = ERR_MEMORY;
    if (attempt.cells.list != NULL && attempt.cells.by_group != NULL && attempt.sums != NULL &&
        attempt.pins != NULL) {
        for (size_t i = 0; i < group_count; i++) {
            const struct group *group = census_group(input->census, i);
            attempt.pins[i] = pin_find(input->model, group_network(group), group->asn);
        }
        status = attempt_steps(input, &attempt);
    }
    free(attempt.pins);
    free(attempt.sums);
    if (status != OK) {
        coarsen_fini(&attempt.cells);
        return status;
    }
    struct cell *list = realloc(attempt.cells.list, attempt.cells.count * sizeof *list);
    if (list != NULL) attempt.cells.list = list;
    *out = attempt.cells;
    return OK;
}

void coarsen_fini(struct cells *cells)
{
    free(cells->list);
    free(cells->by_group);
    *cells = (struct cells){0};
}
