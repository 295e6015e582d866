/* spectrum.c - a histogram with bins of equal proportion.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The bin is read off a double's own bits: its exponent is the octave, the top bits of its mantissa divide it into equal steps. */
#include "dnsd/simulate/spectrum.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MANTISSA_BITS 52
#define STEP_BITS 6 /* 64 bins an octave */
#define EXPONENT_BIAS 1023

static size_t bin_of(double latency_us)
{
    double ratio = latency_us / SPECTRUM_FLOOR_US;
    uint64_t bits;
    if (!(ratio > 1)) return 0;
    memcpy(&bits, &ratio, sizeof bits);
    uint64_t bin = (bits >> (MANTISSA_BITS - STEP_BITS)) - ((uint64_t)EXPONENT_BIAS << STEP_BITS);
    return bin < SPECTRUM_BINS ? (size_t)bin : SPECTRUM_BINS - 1;
}

/* Where a bin begins. */
static double bin_edge_us(size_t bin)
{
    double step = (double)(bin % SPECTRUM_PER_OCTAVE) / SPECTRUM_PER_OCTAVE;
    return SPECTRUM_FLOOR_US * (double)(UINT64_C(1) << bin / SPECTRUM_PER_OCTAVE) * (1 + step);
}

void spectrum_add(struct spectrum *spectrum, double latency_us, double requests)
{
    spectrum->bins[bin_of(latency_us)] += requests;
    spectrum->total += requests;
}

void spectrum_merge(struct spectrum *spectrum, const struct spectrum *other)
{
    spectrum->total += other->total;
    for (size_t i = 0; i < SPECTRUM_BINS; i++) spectrum->bins[i] += other->bins[i];
}

double spectrum_quantile_us(const struct spectrum *spectrum, double share)
{
    double wanted = share * spectrum->total, seen = 0;
    if (!(spectrum->total > 0)) return 0;
    for (size_t i = 0; i < SPECTRUM_BINS; i++) {
        double here = spectrum->bins[i];
        if (here > 0 && seen + here >= wanted) {
            double part = wanted > seen ? (wanted - seen) / here : 0;
            return bin_edge_us(i) + part * (bin_edge_us(i + 1) - bin_edge_us(i));
        }
        seen += here;
    }
    return bin_edge_us(SPECTRUM_BINS);
}
