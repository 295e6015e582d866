/* atlas.c - looking addresses up in the atlas.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Plain binary search: the packet path asks charts, which are indexed; this serves explain and whoever
 * builds. */
#include "router/atlas.h"

#include <stdlib.h>

void atlas_free(struct atlas *atlas)
{
    if (atlas == NULL) return;
    free(atlas->ipv4.first);
    free(atlas->ipv4.cell);
    free(atlas->ipv6.first);
    free(atlas->ipv6.cell);
    free(atlas->cells);
    free(atlas);
}

struct folded_address atlas_fold_address(const struct address *address)
{
    uint64_t position = address_position(address);
    struct folded_address folded = {address->family, position, 0};
    if (address->family == FAMILY_IPV6 && position >> ATLAS_6TO4_SHIFT == ATLAS_6TO4_PREFIX) {
        folded = (struct folded_address){FAMILY_IPV4, (uint32_t)(position >> 16), 16};
    } else if (address->family == FAMILY_IPV6 && position >> ATLAS_TEREDO_SHIFT == ATLAS_TEREDO_PREFIX) {
        folded = (struct folded_address){FAMILY_IPV4, (uint32_t)position, 32};
    }
    return folded;
}

void atlas_weigh(const struct atlas *atlas, double *weights)
{
    for (size_t i = 0; i < atlas->cell_count; i++) weights[i] = 0;
    for (uint32_t i = 0; i < atlas->ipv4.count; i++) {
        uint64_t end = i + 1 < atlas->ipv4.count ? atlas->ipv4.first[i + 1] : (uint64_t)1 << 32;
        weights[atlas->ipv4.cell[i]] += (double)(end - atlas->ipv4.first[i]);
    }
    double placed = 0, unplaced = 0;
    for (size_t i = 0; i < atlas->cell_count; i++) *(atlas->cells[i].place.has_location ? &placed : &unplaced) += weights[i];
    if (!(placed > 0) || unplaced <= ATLAS_UNPLACED * placed) return;
    for (size_t i = 0; i < atlas->cell_count; i++)
        if (!atlas->cells[i].place.has_location) weights[i] *= ATLAS_UNPLACED * placed / unplaced;
}

/* The last of `count` boundaries that is not above the position; first[0] is 0, so there is one. */
static size_t find4(const uint32_t *first, size_t count, uint32_t position)
{
    size_t low = 0;
    while (count > 1) {
        size_t half = count / 2;
        if (first[low + half] <= position) low += half;
        count -= half;
    }
    return low;
}

static size_t find6(const uint64_t *first, size_t count, uint64_t position)
{
    size_t low = 0;
    while (count > 1) {
        size_t half = count / 2;
        if (first[low + half] <= position) low += half;
        count -= half;
    }
    return low;
}

cell_id atlas_find(const struct atlas *atlas, const struct address *address)
{
    struct folded_address folded = atlas_fold_address(address);
    if (folded.family == FAMILY_IPV4) {
        return atlas->ipv4.cell[find4(atlas->ipv4.first, atlas->ipv4.count, (uint32_t)folded.position)];
    }
    return atlas->ipv6.cell[find6(atlas->ipv6.first, atlas->ipv6.count, folded.position)];
}
