/* field.c - what was measured from some places, as an estimate for every place.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A place's measurements lie side by side, so asking costs one pass over all places to find the neighbours and a few over the
 * neighbours' measurements. */
#include "router/field.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EARTH_DIAMETER_KM (2 * 6371.0088)
#define PASSES_MAX 12         /* a mean, and again with outliers cut, until nothing moves */
#define PASS_SETTLED_US 500.0 /* by so little that it has */
/* of the variance of a median to the squared median absolute deviation, by count, for a normal distribution: (pi/2) * 1.4826^2 */
#define MEDIAN_VARIANCE 3.45

struct site {
    struct direction direction;
    char country[3];
    enum measured_by by;
    uint32_t first; /* of its details */
    uint32_t count;
};

struct detail {
    region_id to;
    float detour_us;
    float noise; /* in units of FIELD_PLACE_US^2 */
};

struct field {
    size_t region_count;
    size_t site_count;
    size_t detail_count;
    struct site *sites;
    struct detail *details; /* grouped by site */
};

/* ---- making one ---- */

void field_free(struct field *field)
{
    if (field == NULL) return;
    free(field->sites);
    free(field->details);
    free(field);
}

static enum status check(const struct model *model, const struct measurements *list)
{
    uint32_t last = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct measurement *one = &list->list[i];
        if (one->place >= list->place_count || one->to >= model->region_count || one->place < last || one->count == 0)
            return ERR_RANGE;
        last = one->place;
    }
    return OK;
}

bool field_impossible(double km, uint32_t latency_us)
{
    return latency_us + FIELD_LIGHT_SLACK_US < FIELD_LIGHT_US_PER_KM * km;
}

static double noise_of(const struct measurement *one)
{
    double spread = one->spread_us / FIELD_PLACE_US;
    return MEDIAN_VARIANCE * spread * spread / one->count;
}

/* Add a place with its measurements from list[*at] on. One of which nothing is left is not added. */
static void add_site(struct field *field, const struct model *model, const struct measurements *list, uint32_t place,
                     size_t *at)
{
    const struct measured_place *from = &list->places[place];
    struct site *site = &field->sites[field->site_count];
    *site = (struct site){location_direction(&from->location), "", from->by, (uint32_t)field->detail_count, 0};
    memcpy(site->country, from->country, sizeof site->country);
    for (; *at < list->count && list->list[*at].place == place; ++*at) {
        const struct measurement *one = &list->list[*at];
        struct direction there = location_direction(&model->regions[one->to].location);
        double km = direction_distance_km(&site->direction, &there);
        if (field_impossible(km, one->latency_us)) continue;
        double line_us = model->latency_base_us + model->latency_us_per_km * km;
        field->details[field->detail_count++] =
            (struct detail){one->to, (float)(one->latency_us - line_us), (float)noise_of(one)};
        site->count++;
    }
    if (site->count > 0) field->site_count++;
}

enum status field_new(const struct model *model, const struct measurements *const *lists, size_t list_count,
                      struct field **out)
{
    size_t places = 0, count = 0;
    for (size_t i = 0; i < list_count; i++) {
        enum status status = check(model, lists[i]);
        if (status != OK) return status;
        if (lists[i]->place_count > MEASURED_PLACE_MAX) return ERR_RANGE;
        places += lists[i]->place_count;
        count += lists[i]->count;
    }
    if (count > UINT32_MAX) return ERR_RANGE;
    struct field *field = calloc(1, sizeof *field);
    if (field == NULL) return ERR_MEMORY;
    field->region_count = model->region_count;
    field->sites = calloc(places + 1, sizeof *field->sites);
    field->details = calloc(count + 1, sizeof *field->details);
    if (field->sites == NULL || field->details == NULL) {
        field_free(field);
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < list_count; i++) {
        size_t at = 0;
        for (uint32_t place = 0; place < lists[i]->place_count; place++) add_site(field, model, lists[i], place, &at);
    }
    if (field->site_count == 0) {
        field_free(field);
        field = NULL;
    }
    *out = field;
    return OK;
}

size_t field_region_count(const struct field *field)
{
    return field->region_count;
}

/* ---- asking it ---- */

struct neighbour {
    const struct site *site;
    double variance; /* by distance and country alone, in units of FIELD_PLACE_US^2 */
};

static double variance_of(const struct site *site, const struct direction *here, const char *country)
{
    double x = site->direction.x - here->x, y = site->direction.y - here->y, z = site->direction.z - here->z;
    double reach = EARTH_DIAMETER_KM / 2 / FIELD_REACH_KM;
    double variance = 1 + (x * x + y * y + z * z) * reach * reach;
    bool compatriot = country[0] != '\0' && country[0] == site->country[0] && country[1] == site->country[1];
    return compatriot ? variance / FIELD_COUNTRY_FACTOR : variance;
}

/* The best FIELD_NEAR, ascending by variance; of equal ones the first. */
static size_t find_neighbours(const struct field *field, const struct place *place, struct neighbour out[FIELD_NEAR])
{
    struct direction here = location_direction(&place->location);
    size_t count = 0;
    for (size_t i = 0; i < field->site_count; i++) {
        double variance = variance_of(&field->sites[i], &here, place->country);
        if (count == FIELD_NEAR && variance >= out[count - 1].variance) continue;
        size_t at = count < FIELD_NEAR ? count++ : count - 1;
        for (; at > 0 && out[at - 1].variance > variance; at--) out[at] = out[at - 1];
        out[at] = (struct neighbour){&field->sites[i], variance};
    }
    return count;
}

struct sums {
    double precision[REGION_MAX];
    double mean[REGION_MAX];
    double step[REGION_MAX];
};

/* One pass over what the neighbours measured: move the means by what they are off. Returns how far the farthest was. */
static double add_up(const struct field *field, const struct neighbour *neighbours, size_t count, double cut_us,
                   struct sums *sums)
{
    memset(sums->step, 0, field->region_count * sizeof *sums->step);
    for (size_t i = 0; i < count; i++) {
        const struct detail *details = field->details + neighbours[i].site->first;
        for (size_t j = 0; j < neighbours[i].site->count; j++) {
            double off_us = details[j].detour_us - sums->mean[details[j].to];
            double cut = off_us > cut_us ? cut_us : off_us < -cut_us ? -cut_us : off_us;
            sums->step[details[j].to] += cut / (neighbours[i].variance + details[j].noise);
        }
    }
    double farthest_us = 0;
    for (size_t i = 0; i < field->region_count; i++) {
        if (sums->precision[i] == 0) continue;
        double step_us = sums->step[i] / sums->precision[i];
        sums->mean[i] += step_us;
        if (fabs(step_us) > farthest_us) farthest_us = fabs(step_us);
    }
    return farthest_us;
}

static void weigh(const struct field *field, const struct neighbour *neighbours, size_t count, struct field_word *out)
{
    for (size_t i = 0; i < field->region_count; i++) out[i] = (struct field_word){.line = FIELD_LINE_PRECISION};
    for (size_t i = 0; i < count; i++) {
        const struct site *site = neighbours[i].site;
        for (size_t j = 0; j < site->count; j++) {
            const struct detail *detail = &field->details[site->first + j];
            double precision = 1 / (neighbours[i].variance + detail->noise);
            if (site->by == MEASURED_BY_POP) out[detail->to].pops += precision;
            else out[detail->to].users += precision;
        }
    }
}

void field_ask(const struct field *field, const struct place *place, struct field_word *out)
{
    struct neighbour neighbours[FIELD_NEAR];
    struct sums sums;
    size_t count = find_neighbours(field, place, neighbours);
    weigh(field, neighbours, count, out);
    for (size_t i = 0; i < field->region_count; i++) {
        sums.precision[i] = out[i].users + out[i].pops;
        sums.mean[i] = 0;
    }
    (void)add_up(field, neighbours, count, INFINITY, &sums);
    for (int pass = 1; pass < PASSES_MAX; pass++)
        if (add_up(field, neighbours, count, FIELD_OUTLIER_US, &sums) < PASS_SETTLED_US) break;
    double said = 0, sure = 0;
    for (size_t i = 0; i < field->region_count; i++) {
        if (sums.precision[i] == 0) continue;
        said += sums.precision[i] * sums.mean[i];
        sure += sums.precision[i] + FIELD_LINE_PRECISION;
    }
    double usual_us = sure > 0 ? said / sure : 0;
    for (size_t i = 0; i < field->region_count; i++) {
        out[i].detour_us = (sums.precision[i] * sums.mean[i] + FIELD_LINE_PRECISION * usual_us) /
                           (sums.precision[i] + FIELD_LINE_PRECISION);
    }
}
