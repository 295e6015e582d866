/* field.h - what was measured from some places, as an estimate for every place.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A measurement is taken for its *detour*: by how much it is slower than the line of distance between the two says. Detours
 * are what neighbours share (the same cables, the same exchanges), so a place is expected to have the mean of its neighbours':
 *
 *   precision of a neighbour   1 / ((1 + (d / FIELD_REACH_KM)^2) / (the same country ? FIELD_COUNTRY_FACTOR : 1) + noise)
 *   noise                      what so few and so scattered measurements can be off, in units of FIELD_PLACE_US^2
 *   detour of a region         mean by precision, with what is off by more than FIELD_OUTLIER_US cut to that (Huber)
 *   blend                      with the line itself, which has the precision FIELD_LINE_PRECISION
 *
 * d is the straight line through the globe, so that no cell computes an arc for every place. The FIELD_NEAR places of highest
 * precision speak. Source and what it is worth: README.md. Pure; immutable once made, any thread may read. */
#ifndef MERIDIAN_FIELD_H
#define MERIDIAN_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/model.h"
#include "router/status.h"

/* Chosen on random sets of 3 to 16 regions, by each half of the cities for the other (2026-11-26). It is a plateau: with half or double
 * of any of them the mean extra of such sets is 4.3 to 4.5 ms, by distance alone it is 12.1 (tests/bench/latency_trial.c). */
#define FIELD_REACH_KM 2000.0
#define FIELD_COUNTRY_FACTOR 12.0
#define FIELD_OUTLIER_US 40000.0
#define FIELD_NEAR 48
#define FIELD_LINE_PRECISION 0.5
#define FIELD_PLACE_US 25000.0      /* by so much two places at the same spot differ */
/* There and back, light in glass of n = 1.468 needs 9.793 us for each km. A place may be a whole country's point, so that only what is
 * faster than half of that is impossible. */
#define FIELD_LIGHT_US_PER_KM 4.8965
#define FIELD_LIGHT_SLACK_US 1000.0

struct field;

/* A field of some measurements (all of them are looked at together), for a model's regions and its line of distance. What is
 * impossible (a region that is not where it is said to be, an anycast address) is left out. Borrows nothing. *out is NULL
 * when nothing is left. ERR_RANGE for a place or region that does not exist, for a list that does not ascend or more than
 * MEASURED_PLACE_MAX places; ERR_MEMORY. */
MUST_USE enum status field_new(const struct model *model, const struct measurements *const *lists, size_t list_count,
                               struct field **out);
void field_free(struct field *field); /* takes NULL */
/* Would this be faster than light? */
bool field_impossible(double km, uint32_t latency_us);
size_t field_region_count(const struct field *field);

/* Of one region. Precisions are in the same unit: their shares of the sum say who spoke how loudly. */
struct field_word {
    double detour_us; /* to be added to the line, blended */
    double users;     /* precision of what users measured, */
    double pops;      /* ... of what PoPs measured */
    double line;      /* ... and of distance */
};

/* What a place, which has a location, has to expect of each region. A region that no neighbour has measured is expected to have the
 * detour of the others, as far as these are sure: what is not measured must not look near beside what is.
 *   out  one for each of the model's regions */
void field_ask(const struct field *field, const struct place *place, struct field_word *out);

#endif
