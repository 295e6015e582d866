/* tally.h - millions of measurements summed up by place and region, in bounded memory.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For each place and region a histogram of TALLY_BUCKETS logarithmic buckets, TALLY_PER_OCTAVE to a doubling, of which the median and
 * the median absolute deviation are taken: what comes out depends neither on the order of what comes in nor on a few
 * that are far off. Places are points of a grid; when there are more than places or rows may be, the grid doubles its step until they
 * fit. Pure; one thread at a time. */
#ifndef MERIDIAN_TALLY_H
#define MERIDIAN_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "router/model.h"
#include "router/status.h"

#define TALLY_PER_OCTAVE 8 /* a bucket is 9 % wide: less than two days at the same hour differ */
#define TALLY_BUCKETS 128
#define TALLY_FLOOR_US 250    /* of the second bucket; the last ends at 14 s */
#define TALLY_STEP_FIRST 1    /* of the grid, in hundredths of a degree: a kilometre */
#define TALLY_STEP_LAST 12800 /* four points for the world */
#define TALLY_WEIGHT_MAX 1000 /* of one line: a prefix alone does not drown its neighbours */

struct tally;

/* Bounds of what is kept; learned.h has those of the file. A row takes 600 bytes. */
struct tally_limits {
    size_t places;
    size_t rows;
};

struct tally_sample {
    struct location location;
    char country[3]; /* "" unknown */
    region_id region;
    uint32_t latency_us;
    uint32_t count; /* of single measurements, >= 1; counts as TALLY_WEIGHT_MAX at most */
};

/* One place and region. */
struct tally_row {
    struct location location;
    char country[3];
    region_id region;
    uint32_t latency_us; /* median */
    uint32_t spread_us;  /* median absolute deviation */
    uint32_t count;
};

/* ERR_MEMORY. Limits below 4 (of places) and 4 * REGION_MAX (of rows) cannot be kept. */
MUST_USE enum status tally_new(struct tally_limits limits, struct tally **out);
void tally_free(struct tally *tally); /* takes NULL */
/* ERR_MEMORY; ERR_LIMIT when even the coarsest grid has too many. */
MUST_USE enum status tally_add(struct tally *tally, const struct tally_sample *sample);
size_t tally_place_count(const struct tally *tally);
size_t tally_row_count(const struct tally *tally);
double tally_step_degrees(const struct tally *tally); /* of the grid now */
/* All rows, by place from south-west to north-east, then by region. `rows` has room for tally_row_count. */
void tally_read(struct tally *tally, struct tally_row *rows);

#endif
