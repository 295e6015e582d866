/* spectrum.h - how latencies are distributed: a histogram with bins of equal proportion.
 * SPDX-License-Identifier: Apache-2.0
 *
 * From 64 us to 4,295 s in 26 octaves of 64 bins, so that a percentile is within 1.6 % of the true one; what is beyond counts in
 * the first or last bin. About 13 KB; a value, all zeros at first. */
#ifndef MERIDIAN_SPECTRUM_H
#define MERIDIAN_SPECTRUM_H

#define SPECTRUM_FLOOR_US 64.0
#define SPECTRUM_OCTAVES 26
#define SPECTRUM_PER_OCTAVE 64
#define SPECTRUM_BINS (SPECTRUM_OCTAVES * SPECTRUM_PER_OCTAVE)

struct spectrum {
    double total;
    double bins[SPECTRUM_BINS];
};

void spectrum_add(struct spectrum *spectrum, double latency_us, double requests);
void spectrum_merge(struct spectrum *spectrum, const struct spectrum *other);
/* Below which this share (0..1) of the requests lies, in microseconds; 0 when there are none. */
double spectrum_quantile_us(const struct spectrum *spectrum, double share);

#endif
