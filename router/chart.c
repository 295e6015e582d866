/* chart.c - folding an atlas and finding an address's interval in it.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   index     low[0] low[1] ...  low[2^bits]     interval that holds the start of each bucket of the top bits
 *                |      \ ...
 *   first     0  |  f1   f2  f3 ...              boundaries; 4 bytes (IPv4) or 8 (IPv6)
 *   decision  d0 |  d1   d2  d3 ...              2 bytes each
 *
 * An address in bucket b lies in an interval low[b]..low[b + 1], so the search is over these few. IPv4's
 * buckets cut the whole space; IPv6's cut 2000::/3, where all that is allocated lies, and other addresses
 * search what is below or above it. The index has about as many buckets as there are intervals: a small
 * chart stays small.
 *
 * 6to4 and Teredo addresses are looked up as the IPv4 addresses they carry. In IPv6's arrays their prefixes
 * are therefore holes, which no other interval may cover: a scope that reached over one would promise one
 * answer for many. When IPv4 is one single interval, the holes simply have its decision and nothing needs
 * carrying. */
#include "router/chart.h"

#include <stdlib.h>

#include "router/split.h"

#define INDEX_BITS_MAX 16 /* 256 KB; beyond, the index would not stay in a core's cache */

#define GLOBAL_UNICAST_BITS 3 /* 2000::/3, RFC 4291 section 2.4 */
#define GLOBAL_UNICAST_FIRST ((uint64_t)1 << 61)
#define GLOBAL_UNICAST_END ((uint64_t)2 << 61)

#define TEREDO_FIRST ((uint64_t)ATLAS_TEREDO_PREFIX << ATLAS_TEREDO_SHIFT)
#define TEREDO_END ((uint64_t)(ATLAS_TEREDO_PREFIX + 1) << ATLAS_TEREDO_SHIFT)
#define SIXTOFOUR_FIRST ((uint64_t)ATLAS_6TO4_PREFIX << ATLAS_6TO4_SHIFT)
#define SIXTOFOUR_END ((uint64_t)(ATLAS_6TO4_PREFIX + 1) << ATLAS_6TO4_SHIFT)

struct side4 {
    uint32_t count;
    uint32_t shift; /* a position's bucket is position >> shift; 64-bit shift, for bits may be 0 */
    uint32_t *low;
    uint32_t *first;
    decision_id *decision;
};

struct side6 {
    uint32_t count;
    uint32_t shift; /* bucket: (position - GLOBAL_UNICAST_FIRST) >> shift */
    uint32_t *low;
    uint64_t *first;
    decision_id *decision;
};

struct chart {
    struct side4 ipv4;
    struct side6 ipv6;
    bool carries;     /* 6to4 and Teredo are looked up as IPv4 */
    uint8_t *split;   /* by decision: is it a split? */
    size_t bytes;
    uint32_t bits4, bits6;
};

/* ---- folding ---- */

#define CLASS_NONE UINT32_MAX
#define CLASS_HOLE (UINT32_MAX - 1) /* equal to no decision */
#define FOLD6_EXTRA 5               /* intervals that begin at an edge of the holes, or at 0 */

/* Receives intervals in order and keeps those that differ from the one before. Each is written where the next is to stand, and stays
 * if it differs: no branch to guess wrong. So the arrays have room for one more than there can be. */
struct fold4 {
    uint32_t count;
    uint32_t last;
    uint32_t *first;
    decision_id *decision;
};

struct fold6 {
    uint32_t count;
    uint32_t last;
    uint64_t *first;
    decision_id *decision;
};

static inline void fold4_add(struct fold4 *fold, uint32_t first, uint32_t class)
{
    fold->first[fold->count] = first;
    fold->decision[fold->count] = (decision_id)class;
    fold->count += class != fold->last;
    fold->last = class;
}

static inline void fold6_add(struct fold6 *fold, uint64_t first, uint32_t class)
{
    fold->first[fold->count] = first;
    fold->decision[fold->count] = class == CLASS_HOLE ? 0 : (decision_id)class;
    fold->count += class != fold->last;
    fold->last = class;
}

static void fold_ipv4(const struct intervals4 *intervals, const decision_id *classes, struct fold4 *fold)
{
    fold->last = CLASS_NONE;
    for (uint32_t i = 0; i < intervals->count; i++)
        fold4_add(fold, intervals->first[i], classes[intervals->cell[i]]);
}

/* The intervals from `from` up to (not including) `to`; to 0: to the end. *next is the first interval that
 * starts above `from` or a lower one, and is moved on. */
static void fold_range(const struct intervals6 *intervals, const decision_id *classes, uint64_t from, uint64_t to,
                       uint32_t *next, struct fold6 *fold)
{
    uint32_t i = *next;
    while (i < intervals->count && intervals->first[i] <= from) i++;
    fold6_add(fold, from, classes[intervals->cell[i - 1]]); /* first[0] is 0, so i >= 1 */
    for (; i < intervals->count && (to == 0 || intervals->first[i] < to); i++) {
        fold6_add(fold, intervals->first[i], classes[intervals->cell[i]]);
    }
    *next = i;
}

static void fold_ipv6(const struct intervals6 *intervals, const decision_id *classes, uint32_t hole,
                      struct fold6 *fold)
{
    uint32_t next = 0;
    fold->last = CLASS_NONE;
    fold_range(intervals, classes, 0, TEREDO_FIRST, &next, fold);
    fold6_add(fold, TEREDO_FIRST, hole);
    fold_range(intervals, classes, TEREDO_END, SIXTOFOUR_FIRST, &next, fold);
    fold6_add(fold, SIXTOFOUR_FIRST, hole);
    fold_range(intervals, classes, SIXTOFOUR_END, 0, &next, fold);
}

/* ---- the index ---- */

/* As many buckets as intervals, rounded up to a power of 2. */
static uint32_t index_bits(uint32_t count)
{
    uint32_t bits = 0;
    while (bits < INDEX_BITS_MAX && (uint32_t)1 << bits < count) bits++;
    return bits;
}

static void index_ipv4(struct side4 *side, uint32_t bits)
{
    uint32_t interval = 0, buckets = (uint32_t)1 << bits;
    side->shift = 32 - bits;
    for (uint32_t bucket = 0; bucket < buckets; bucket++) {
        uint64_t start = (uint64_t)bucket << side->shift;
        while (interval + 1 < side->count && side->first[interval + 1] <= start) interval++;
        side->low[bucket] = interval;
    }
    side->low[buckets] = side->count - 1;
}

static void index_ipv6(struct side6 *side, uint32_t bits)
{
    uint32_t interval = 0, buckets = (uint32_t)1 << bits;
    side->shift = 64 - GLOBAL_UNICAST_BITS - bits;
    for (uint32_t bucket = 0; bucket <= buckets; bucket++) { /* the last one starts at 4000:: */
        uint64_t start = GLOBAL_UNICAST_FIRST + ((uint64_t)bucket << side->shift);
        while (interval + 1 < side->count && side->first[interval + 1] <= start) interval++;
        side->low[bucket] = interval;
    }
}

/* ---- building ---- */

/* The largest arrays that a fold can need are taken at first: pages that are not written to cost nothing. */
static void *shrink(void *array, size_t bytes)
{
    void *smaller = realloc(array, bytes);
    return smaller != NULL ? smaller : array;
}

static enum status build_ipv4(struct chart *chart, const struct atlas *atlas, const decision_id *classes)
{
    struct side4 *side = &chart->ipv4;
    size_t room = (size_t)atlas->ipv4.count + 1;
    side->first = malloc(room * sizeof *side->first);
    side->decision = malloc(room * sizeof *side->decision);
    if (side->first == NULL || side->decision == NULL) return ERR_MEMORY;
    struct fold4 fold = {.first = side->first, .decision = side->decision};
    fold_ipv4(&atlas->ipv4, classes, &fold);
    side->count = fold.count;
    side->first = shrink(side->first, fold.count * sizeof *side->first);
    side->decision = shrink(side->decision, fold.count * sizeof *side->decision);
    chart->bits4 = index_bits(fold.count);
    side->low = malloc((((size_t)1 << chart->bits4) + 1) * sizeof *side->low);
    if (side->low == NULL) return ERR_MEMORY;
    index_ipv4(side, chart->bits4);
    return OK;
}

static enum status build_ipv6(struct chart *chart, const struct atlas *atlas, const decision_id *classes)
{
    struct side6 *side = &chart->ipv6;
    uint32_t hole = chart->carries ? CLASS_HOLE : chart->ipv4.decision[0];
    size_t room = (size_t)atlas->ipv6.count + FOLD6_EXTRA + 1;
    side->first = malloc(room * sizeof *side->first);
    side->decision = malloc(room * sizeof *side->decision);
    if (side->first == NULL || side->decision == NULL) return ERR_MEMORY;
    struct fold6 fold = {.first = side->first, .decision = side->decision};
    fold_ipv6(&atlas->ipv6, classes, hole, &fold);
    side->count = fold.count;
    side->first = shrink(side->first, fold.count * sizeof *side->first);
    side->decision = shrink(side->decision, fold.count * sizeof *side->decision);
    chart->bits6 = index_bits(fold.count);
    side->low = malloc((((size_t)1 << chart->bits6) + 1) * sizeof *side->low);
    if (side->low == NULL) return ERR_MEMORY;
    index_ipv6(side, chart->bits6);
    return OK;
}

static enum status build(struct chart *chart, const struct atlas *atlas, const struct decisions *decisions,
                         decision_id *classes)
{
    for (size_t i = 0; i < decisions->count; i++) chart->split[i] = decisions->list[i].share_count > 1;
    for (size_t i = 0; i < decisions->cell_count; i++) {
        decision_id decision = decisions->by_cell[i];
        classes[i] = decisions->same != NULL ? decisions->same[decision] : decision;
    }
    enum status status = build_ipv4(chart, atlas, classes);
    if (status != OK) return status;
    chart->carries = chart->ipv4.count > 1;
    return build_ipv6(chart, atlas, classes);
}

enum status chart_new(const struct atlas *atlas, const struct decisions *decisions, struct chart **out)
{
    struct chart *chart = calloc(1, sizeof *chart);
    decision_id *classes = malloc(decisions->cell_count * sizeof *classes);
    enum status status = ERR_MEMORY;
    if (chart != NULL && classes != NULL) {
        chart->split = malloc(decisions->count);
        if (chart->split != NULL) status = build(chart, atlas, decisions, classes);
    }
    free(classes);
    if (status != OK) {
        chart_free(chart);
        return status;
    }
    chart->bytes = sizeof *chart + decisions->count +
                   (((size_t)1 << chart->bits4) + ((size_t)1 << chart->bits6) + 2) * sizeof(uint32_t) +
                   chart->ipv4.count * (sizeof *chart->ipv4.first + sizeof(decision_id)) +
                   chart->ipv6.count * (sizeof *chart->ipv6.first + sizeof(decision_id));
    *out = chart;
    return OK;
}

void chart_free(struct chart *chart)
{
    if (chart == NULL) return;
    free(chart->ipv4.low);
    free(chart->ipv4.first);
    free(chart->ipv4.decision);
    free(chart->ipv6.low);
    free(chart->ipv6.first);
    free(chart->ipv6.decision);
    free(chart->split);
    free(chart);
}

/* ---- finding ---- */

/* Bits that a prefix around `position` needs to leave out `outside`, which differs from it. */
static inline uint32_t bits_to_exclude4(uint32_t position, uint32_t outside)
{
    return (uint32_t)__builtin_clz(position ^ outside) + 1;
}

static inline uint32_t bits_to_exclude6(uint64_t position, uint64_t outside)
{
    return (uint32_t)__builtin_clzll(position ^ outside) + 1;
}

static inline uint32_t larger(uint32_t left, uint32_t right)
{
    return left > right ? left : right;
}

/* The highest power of 2 that is not above count >= 1. A search over `count` boundaries first chooses
 * between the first and the last that many, which overlap, and then halves evenly (Shar's method): no
 * branch depends on the position, and a round is five instructions. */
static inline size_t power_below(size_t count)
{
    return (size_t)1 << (63 - __builtin_clzll(count));
}

static inline struct chart_hit find4(const struct side4 *side, uint32_t position)
{
    uint32_t bucket = (uint32_t)((uint64_t)position >> side->shift);
    size_t low = side->low[bucket], count = side->low[bucket + 1] - low + 1;
    const uint32_t *base = side->first + low;
    size_t step = power_below(count);
    base += base[count - step] <= position ? count - step : 0;
    for (step >>= 1; step != 0; step >>= 1) base += base[step] <= position ? step : 0; /* at most 31 rounds */
    size_t interval = (size_t)(base - side->first);
    uint32_t scope = 0;
    if (interval > 0) scope = bits_to_exclude4(position, base[0] - 1);
    if (interval + 1 < side->count) scope = larger(scope, bits_to_exclude4(position, base[1]));
    return (struct chart_hit){side->decision[interval], (uint8_t)scope};
}

static inline struct chart_hit find6(const struct side6 *side, uint32_t bits, uint64_t position)
{
    size_t low, high;
    uint64_t offset = position - GLOBAL_UNICAST_FIRST; /* wraps for what is below */
    if (offset < GLOBAL_UNICAST_END - GLOBAL_UNICAST_FIRST) {
        low = side->low[offset >> side->shift];
        high = side->low[(offset >> side->shift) + 1];
    } else if (position < GLOBAL_UNICAST_FIRST) {
        low = 0;
        high = side->low[0];
    } else {
        low = side->low[(uint32_t)1 << bits];
        high = side->count - 1;
    }
    const uint64_t *base = side->first + low;
    size_t count = high - low + 1;
    size_t step = power_below(count);
    base += base[count - step] <= position ? count - step : 0;
    for (step >>= 1; step != 0; step >>= 1) base += base[step] <= position ? step : 0; /* at most 31 rounds */
    size_t interval = (size_t)(base - side->first);
    uint32_t scope = 0;
    if (interval > 0) scope = bits_to_exclude6(position, base[0] - 1);
    if (interval + 1 < side->count) scope = larger(scope, bits_to_exclude6(position, base[1]));
    return (struct chart_hit){side->decision[interval], (uint8_t)scope};
}

static struct chart_hit find_carried(const struct chart *chart, uint32_t position, uint32_t added)
{
    struct chart_hit hit = find4(&chart->ipv4, position);
    hit.scope = (uint8_t)(hit.scope + added);
    return hit;
}

struct chart_hit chart_find(const struct chart *chart, const struct address *address)
{
    struct chart_hit hit;
    uint8_t block;
    uint64_t position = address_position(address);
    if (address->family == FAMILY_IPV4) {
        hit = find4(&chart->ipv4, (uint32_t)position);
        block = SPLIT_BLOCK_IPV4;
    } else {
        if (chart->carries && position >> ATLAS_6TO4_SHIFT == ATLAS_6TO4_PREFIX) {
            hit = find_carried(chart, (uint32_t)(position >> 16), 16);
        } else if (chart->carries && position >> ATLAS_TEREDO_SHIFT == ATLAS_TEREDO_PREFIX) {
            hit = find_carried(chart, (uint32_t)position, 32);
        } else {
            hit = find6(&chart->ipv6, chart->bits6, position);
        }
        block = SPLIT_BLOCK_IPV6;
    }
    if (chart->split[hit.decision] && hit.scope < block) hit.scope = block;
    return hit;
}

size_t chart_interval_count(const struct chart *chart, enum family family)
{
    return family == FAMILY_IPV4 ? chart->ipv4.count : chart->ipv6.count;
}

size_t chart_bytes(const struct chart *chart)
{
    return chart->bytes;
}
