/* geo_fixture.h - what the tests of geo/ share: files, rows of CSV, a model of networks and pins.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MERIDIAN_GEO_FIXTURE_H
#define MERIDIAN_GEO_FIXTURE_H

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "geo/layer.h"
#include "geo/survey.h"
#include "tests/unit/router/router_fixture.h"

#define MAXMIND TEST_DATA "/maxmind-test"

/* ---- files ---- */

/* A temporary file with these bytes; the caller unlinks it. */
static inline void file_write(char path[64], const void *bytes, size_t size)
{
    strcpy(path, "/tmp/meridian-test-XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    for (size_t done = 0; done < size;) {
        ssize_t wrote = write(file, (const char *)bytes + done, size - done);
        assert_true(wrote > 0);
        done += (size_t)wrote;
    }
    close(file);
}

static inline void file_text(char path[64], const char *text)
{
    file_write(path, text, strlen(text));
}

/* ---- CSV without quotes: fields[] points into the line, which is cut up ---- */

static inline size_t csv_split(char *line, char **fields, size_t max)
{
    size_t count = 0;
    line[strcspn(line, "\r\n")] = '\0';
    for (char *field = line; count < max; field++) {
        fields[count++] = field;
        field += strcspn(field, ",");
        if (*field == '\0') break;
        *field = '\0';
    }
    return count;
}

/* ---- addresses ---- */

/* The address that an IPv6 database means by one in ::/96, where it keeps IPv4. */
static inline struct address unembed(struct address address)
{
    static const uint8_t zero[12];
    if (address.family != FAMILY_IPV6 || memcmp(address.bytes, zero, 12) != 0) return address;
    struct address ipv4 = {.family = FAMILY_IPV4};
    memcpy(ipv4.bytes, address.bytes + 12, 4);
    return ipv4;
}

static inline uint32_t layers_find(const struct layers *layers, const struct address *address)
{
    struct folded_address folded = atlas_fold_address(address);
    return layer_find(folded.family == FAMILY_IPV4 ? &layers->ipv4 : &layers->ipv6, folded.position);
}

static inline void assert_layer_sound(const struct layer *layer)
{
    assert_true(layer->count >= 1);
    assert_true(layer->first[0] == 0);
    for (size_t i = 1; i < layer->count; i++) {
        assert_true(layer->first[i] > layer->first[i - 1]);
        assert_int_not_equal(layer->value[i], layer->value[i - 1]);
    }
}

/* ---- a model of networks and pins, made of prefixes in any order ---- */

#define LAND_NETWORKS 512

struct land {
    struct model model;
    struct network networks[LAND_NETWORKS];
    struct pin pins[LAND_NETWORKS];
    uint32_t asns[LAND_NETWORKS];
};

static inline int land_compare(const void *left, const void *right)
{
    return prefix_compare(&((const struct network *)left)->prefix, &((const struct network *)right)->prefix);
}

/* Sorts, drops what is there twice, and finds the parents, the slow way. */
static inline void land_init(struct land *land, const struct prefix *prefixes, size_t count)
{
    memset(land, 0, sizeof *land);
    assert_true(count <= LAND_NETWORKS);
    for (size_t i = 0; i < count; i++)
        land->networks[i] = (struct network){.prefix = prefixes[i], .parent = ID_NONE, .pin = ID_NONE};
    qsort(land->networks, count, sizeof land->networks[0], land_compare);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || !prefix_equal(&land->networks[i].prefix, &land->networks[kept - 1].prefix))
            land->networks[kept++] = land->networks[i];
    for (size_t i = 0; i < kept; i++)
        for (size_t j = 0; j < i; j++)
            if (prefix_covers(&land->networks[j].prefix, &land->networks[i].prefix))
                land->networks[i].parent = (network_id)j; /* the last one that covers is the innermost */
    land->model.networks = land->networks;
    land->model.network_count = kept;
    land->model.pins = land->pins;
    land->model.asns = land->asns;
}

/* The innermost network that holds an address. */
static inline network_id land_innermost(const struct land *land, const struct address *address)
{
    network_id found = ID_NONE;
    for (size_t i = 0; i < land->model.network_count; i++)
        if (prefix_contains(&land->networks[i].prefix, address)) found = (network_id)i;
    return found;
}

/* A random prefix, in families evenly, nested in an earlier one half of the time. IPv6 lengths stay within
 * /64. */
static inline struct prefix random_prefix(struct dice *dice, const struct prefix *earlier, size_t count)
{
    struct prefix prefix = {.address.family = dice_once_in(dice, 2) ? FAMILY_IPV4 : FAMILY_IPV6};
    unsigned bits = family_bits(prefix.address.family);
    uint64_t position = dice_roll(dice) >> (64 - bits);
    unsigned length = dice_below(dice, bits + 1);
    const struct prefix *outer = count == 0 ? NULL : &earlier[dice_below(dice, (uint32_t)count)];
    if (outer != NULL && dice_once_in(dice, 2)) {
        prefix.address.family = outer->address.family;
        bits = family_bits(prefix.address.family);
        uint64_t inner = outer->length == 0 ? UINT64_MAX : outer->length == 64 ? 0 : UINT64_MAX >> outer->length;
        if (bits == 32) inner = outer->length == 32 ? 0 : UINT32_MAX >> outer->length;
        position = address_position(&outer->address) | (dice_roll(dice) & inner);
        length = outer->length + dice_below(dice, bits - outer->length + 1);
    }
    uint64_t host = length == 64 ? 0 : UINT64_MAX >> length;
    if (bits == 32) host = length == 32 ? 0 : UINT32_MAX >> length;
    prefix.address = address_at(prefix.address.family, position & ~host);
    prefix.length = (uint8_t)length;
    return prefix;
}

#endif
