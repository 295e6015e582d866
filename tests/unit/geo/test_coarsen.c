/* test_coarsen.c - groups are counted, and become as few cells as wanted without losing what rules look at.
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "geo/coarsen.h"
#include "geo/overlay.h"
#include "tests/unit/geo/geo_fixture.h"

static struct land land;

/* Where places are, in degrees. */
struct box {
    int south, west;
    uint32_t height, width;
};
static const struct box earth = {-90, -180, 180, 360};
static const struct box neighbourhood = {43, 3, 10, 10};

/* Layers of `count` places, one interval each from position 256 on, then nothing. */
struct country_side {
    struct gazetteer gazetteer;
    struct layers places, asns, networks;
    struct census census;
};

static void place_random(struct country_side *side, struct dice *dice, uint32_t count, struct box box)
{
    static const char *const countries[][2] = {{"EU", "DE"}, {"EU", "FR"}, {"NA", "US"}, {"AS", "SG"}};
    static const char *const subdivisions[] = {"", "A", "BB", "CCC"};
    memset(side, 0, sizeof *side);
    assert_int_equal(gazetteer_init(&side->gazetteer), OK);
    assert_int_equal(layers_init(&side->places), OK);
    assert_int_equal(layers_init(&side->asns), OK);
    assert_int_equal(layers_init(&side->networks), OK);
    for (uint32_t i = 0; i < count; i++) {
        struct place place = {.has_location = true};
        unsigned country = dice_below(dice, 4);
        strcpy(place.continent, countries[country][0]);
        strcpy(place.country, countries[country][1]);
        strcpy(place.subdivision, subdivisions[dice_below(dice, 4)]);
        place.location.latitude = box.south + dice_below(dice, box.height * 10 + 1) / 10.0;
        place.location.longitude = box.west + dice_below(dice, box.width * 10 + 1) / 10.0;
        place.accuracy_km = (uint16_t)dice_below(dice, 3);
        gazetteer_complete(&place);
        uint32_t number;
        assert_int_equal(gazetteer_add(&side->gazetteer, &place, &number), OK);
        assert_int_equal(layer_append(&side->places.ipv4, (uint64_t)(i + 1) << 8, number), OK);
    }
    assert_int_equal(layer_append(&side->places.ipv4, (uint64_t)(count + 1) << 8, 0), OK);
}

static void take_census(struct country_side *side)
{
    const struct census_input input = {&side->places, &side->asns, &side->networks, side->gazetteer.count};
    assert_int_equal(overlay_build(&land.model, &side->networks), OK);
    assert_int_equal(census_init(&side->census, &input), OK);
    assert_layer_sound(&side->census.layers.ipv4);
    assert_layer_sound(&side->census.layers.ipv6);
}

static void release(struct country_side *side)
{
    census_fini(&side->census);
    gazetteer_fini(&side->gazetteer);
    layers_fini(&side->places);
    layers_fini(&side->asns);
    layers_fini(&side->networks);
}

/* Positions of IPv4 at which any of the three layers has a boundary, which all lie below 2^14 + 2^8. */
static size_t count_boundaries(const struct country_side *side)
{
    const struct layer *layers[3] = {&side->places.ipv4, &side->asns.ipv4, &side->networks.ipv4};
    size_t count = 0;
    for (uint64_t at = 0; at < 65 << 8; at++) {
        bool any = false;
        for (size_t layer = 0; layer < 3; layer++)
            for (size_t i = 0; i < layers[layer]->count && !any; i++) any = layers[layer]->first[i] == at;
        count += any;
    }
    return count;
}

static void a_census_tells_every_combination_apart(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("census");
    for (unsigned round = 0; round < 50; round++) {
        struct country_side side;
        struct prefix prefixes[8];
        for (size_t i = 0; i < 8; i++) {
            uint64_t position = (uint64_t)dice_below(&dice, 64) << 8;
            prefixes[i] = (struct prefix){address_at(FAMILY_IPV4, position), 24};
        }
        land_init(&land, prefixes, 8);
        place_random(&side, &dice, 50, earth);
        for (uint64_t at = 0; at < 64 << 8; at += dice_below(&dice, 1000))
            assert_int_equal(layer_append(&side.asns.ipv4, at, dice_below(&dice, 3)), OK);
        take_census(&side);
        for (uint64_t at = 0; at < 64 << 8; at += 1 + dice_below(&dice, 40)) {
            const struct group *group = census_group(&side.census, layer_find(&side.census.layers.ipv4, at));
            assert_int_equal(group->place, layer_find(&side.places.ipv4, at));
            assert_int_equal(group->asn, layer_find(&side.asns.ipv4, at));
            assert_int_equal(group->network, layer_find(&side.networks.ipv4, at));
        }
        const struct group *zero = census_group(&side.census, 0);
        assert_true(zero->place == 0 && zero->asn == 0 && zero->network == 0);
        size_t intervals = 0;
        for (size_t i = 0; i < side.census.groups.count; i++) intervals += side.census.intervals[i];
        assert_int_equal(intervals, 2 + count_boundaries(&side)); /* ::/0, and group 0's own */
        release(&side);
    }
}

/* Everything that rules and decisions look at must survive; coordinates may move within their grid cell. */
static void assert_cells_fit(const struct country_side *side, const struct cells *cells, double degrees)
{
    for (size_t i = 0; i < side->census.groups.count; i++) {
        const struct place *before = &side->gazetteer.places[census_group(&side->census, i)->place];
        const struct place *after = &cells->list[cells->by_group[i]].place;
        assert_true(cells->by_group[i] < cells->count);
        assert_string_equal(after->continent, before->continent);
        assert_string_equal(after->country, before->country);
        assert_string_equal(after->subdivision, before->subdivision);
        assert_int_equal(after->source, before->source);
        assert_int_equal(after->has_location, before->has_location);
        if (cells->step == 0) assert_int_equal(after->accuracy_km, before->accuracy_km);
        if (cells->step > 0) assert_int_equal(after->accuracy_km, 0);
        assert_true(fabs(after->location.latitude - before->location.latitude) <= degrees);
        assert_true(fabs(after->location.longitude - before->location.longitude) <= degrees);
    }
}

static void cells_are_exact_within_the_budget_and_coarser_beyond(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("coarsen");
    struct country_side side;
    land_init(&land, NULL, 0);
    place_random(&side, &dice, 60000, earth);
    take_census(&side);
    const size_t budgets[] = {60001, 50000, 40000, 20000};
    unsigned step_before = 0;
    for (size_t i = 0; i < sizeof budgets / sizeof budgets[0]; i++) {
        const struct coarsen_input input = {&side.census, &side.gazetteer, &land.model, budgets[i]};
        struct cells cells;
        assert_int_equal(coarsen_groups(&input, &cells), OK);
        printf("budget %zu: step %u, %zu cells\n", budgets[i], cells.step, cells.count);
        assert_true(cells.count <= budgets[i]);
        assert_true(cells.step >= step_before);
        assert_cells_fit(&side, &cells, cells.step < 2 ? 0 : ldexp(0.25, (int)cells.step - 2));
        assert_int_equal(cells.list[0].place.source, PLACE_UNKNOWN);
        assert_int_equal(cells.by_group[0], 0);
        step_before = cells.step;
        coarsen_fini(&cells);
    }
    assert_true(step_before >= 5); /* the ladder was climbed */
    release(&side);
}

static void a_step_is_taken_only_when_the_finer_one_is_too_many(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("coarsen steps");
    struct country_side side;
    land_init(&land, NULL, 0);
    place_random(&side, &dice, 3000, neighbourhood);
    take_census(&side);
    struct coarsen_input input = {&side.census, &side.gazetteer, &land.model, SIZE_MAX};
    size_t count_before = SIZE_MAX;
    struct cells cells;
    for (unsigned step = 0; step <= 7; step++) { /* at 8 degrees four grid cells are left */
        assert_int_equal(coarsen_groups(&input, &cells), OK);
        assert_int_equal(cells.step, step);
        assert_true(cells.count < count_before);
        assert_cells_fit(&side, &cells, step < 2 ? 0 : ldexp(0.25, (int)step - 2));
        count_before = cells.count;
        input.budget = cells.count - 1; /* one too few: the next step must follow */
        coarsen_fini(&cells);
    }
    release(&side);
}

/* Named networks cannot become fewer, so places stay finer than the budget alone would allow. */
static void what_the_operator_named_does_not_cost_precision(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("coarsen named");
    struct country_side side;
    land_init(&land, NULL, 0);
    place_random(&side, &dice, 1000, neighbourhood);
    for (uint32_t i = 0; i < 1000; i++) assert_int_equal(layer_append(&side.asns.ipv4, (uint64_t)(i + 1) << 8, i + 1), OK);
    take_census(&side);
    const struct coarsen_input input = {&side.census, &side.gazetteer, &land.model, 100};
    struct cells cells;
    assert_int_equal(coarsen_groups(&input, &cells), OK);
    assert_int_equal(cells.step, 0);
    assert_int_equal(cells.count, side.census.groups.count);
    coarsen_fini(&cells);
    release(&side);
}

static void pins_keep_their_place_and_merge_what_they_cover(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("coarsen pins");
    struct country_side side;
    struct prefix prefixes[2] = {prefix_of("0.0.0.0/18"), prefix_of("0.0.128.0/18")};
    land_init(&land, prefixes, 2);
    land.pins[0] = (struct pin){.network = 0, .has_place = true};
    land.pins[0].place = (struct place){.country = "SG", .has_location = true, .accuracy_km = 7};
    land.pins[0].place.location = (struct location){1.25, 103.75};
    land.pins[1] = (struct pin){.network = 1, .has_place = true, .place = {.country = "BR"}}; /* its point */
    land.networks[0].pin = 0;
    land.networks[1].pin = 1;
    land.model.pin_count = 2;
    place_random(&side, &dice, 300, earth);
    take_census(&side);
    for (size_t budget = 3; budget < 1000; budget += 400) {
        const struct coarsen_input input = {&side.census, &side.gazetteer, &land.model, budget};
        struct cells cells;
        assert_int_equal(coarsen_groups(&input, &cells), OK);
        cell_id first = cells.by_group[layer_find(&side.census.layers.ipv4, 0)];
        for (uint64_t at = 0; at < 1 << 14; at += 256)
            assert_int_equal(cells.by_group[layer_find(&side.census.layers.ipv4, at)], first);
        const struct cell *cell = &cells.list[first];
        assert_int_equal(cell->network, 0);
        assert_int_equal(cell->place.source, PLACE_PIN);
        assert_string_equal(cell->place.country, "SG");
        assert_string_equal(cell->place.continent, "AS");
        assert_int_equal(cell->place.accuracy_km, 7);
        assert_true(cell->place.location.latitude == 1.25 && cell->place.location.longitude == 103.75);
        cell = &cells.list[cells.by_group[layer_find(&side.census.layers.ipv4, 0x8000)]];
        assert_int_equal(cell->network, 1);
        assert_int_equal(cell->place.source, PLACE_PIN);
        assert_true(cell->place.has_location);
        assert_true(cell->place.location.latitude < 0); /* in Brazil */
        coarsen_fini(&cells);
    }
    release(&side);
}

static void more_cells_than_ids_are_a_limit(void **state)
{
    (void)state;
    struct country_side side;
    land_init(&land, NULL, 0);
    memset(&side, 0, sizeof side);
    assert_int_equal(gazetteer_init(&side.gazetteer), OK);
    assert_int_equal(layers_init(&side.places), OK);
    assert_int_equal(layers_init(&side.asns), OK);
    assert_int_equal(layers_init(&side.networks), OK);
    for (uint32_t i = 1; i < CELL_MAX; i++) assert_int_equal(layer_append(&side.asns.ipv4, i, i), OK);
    take_census(&side);
    const struct coarsen_input input = {&side.census, &side.gazetteer, &land.model, 20000};
    struct cells cells;
    assert_int_equal(side.census.groups.count, CELL_MAX);
    assert_int_equal(coarsen_groups(&input, &cells), OK); /* all ids in use: beyond the budget, within the limit */
    assert_int_equal(cells.count, CELL_MAX);
    coarsen_fini(&cells);
    census_fini(&side.census);
    assert_int_equal(layer_append(&side.asns.ipv4, CELL_MAX, CELL_MAX), OK);
    take_census(&side);
    assert_int_equal(coarsen_groups(&input, &cells), ERR_LIMIT);
    release(&side);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_census_tells_every_combination_apart),
        cmocka_unit_test(cells_are_exact_within_the_budget_and_coarser_beyond),
        cmocka_unit_test(a_step_is_taken_only_when_the_finer_one_is_too_many),
        cmocka_unit_test(what_the_operator_named_does_not_cost_precision),
        cmocka_unit_test(pins_keep_their_place_and_merge_what_they_cover),
        cmocka_unit_test(more_cells_than_ids_are_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
