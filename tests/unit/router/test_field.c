/* test_field.c - what was measured from some places, as an estimate for every place.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include "city_trial.h"
#include "router/field.h"

/* Two regions on the equator, and a line of 0 ms + 10 us/km: 1,112 km for ten degrees. */
static const struct region regions[] = {{.name = "a", .location = {0, 0}}, {.name = "b", .location = {0, 60}}};
static const struct model model = {
    .regions = regions, .region_count = 2, .latency_base_us = 0, .latency_us_per_km = 10};

static struct place at(double latitude, double longitude, const char *country)
{
    return place_at("", country, "", latitude, longitude);
}

static struct measured_place from(double latitude, double longitude, const char *country)
{
    struct measured_place place = {.location = {latitude, longitude}};
    memcpy(place.country, country, strlen(country) + 1);
    return place;
}

static uint32_t line_us(struct measured_place place, region_id to)
{
    return (uint32_t)(10 * location_distance_km(&place.location, &regions[to].location) + 0.5);
}

static struct field *field_of(const struct measured_place *places, size_t place_count,
                              const struct measurement *list, size_t count)
{
    struct measurements measured = {places, place_count, list, count};
    const struct measurements *lists[] = {&measured};
    struct field *field = NULL;
    assert_int_equal(field_new(&model, lists, 1, &field), OK);
    return field;
}

static void the_same_spot_has_most_of_its_detour(void **state)
{
    (void)state;
    struct measured_place place = from(0, 10, "GA");
    struct measurement one = {0, 0, line_us(place, 0) + 20000, 0, 1000};
    struct field *field = field_of(&place, 1, &one, 1);
    struct field_word words[2];
    struct place here = at(0, 10, "GA"), abroad = at(0, 10, "CG");
    field_ask(field, &here, words);
    assert_true(fabs(words[0].users - FIELD_COUNTRY_FACTOR) < 1e-9);
    assert_true(words[0].detour_us > 19000 && words[0].detour_us < 20000);
    field_ask(field, &abroad, words);
    assert_true(fabs(words[0].users - 1) < 1e-9);
    field_free(field);
}

static void confidence_falls_with_distance(void **state)
{
    (void)state;
    struct measured_place place = from(0, 10, "");
    struct measurement one = {0, 0, line_us(place, 0) + 20000, 0, 1000};
    struct field *field = field_of(&place, 1, &one, 1);
    double before = INFINITY;
    for (int degrees = 10; degrees <= 190; degrees += 10) {
        struct field_word words[2];
        struct place here = at(0, degrees > 180 ? degrees - 360 : degrees, "");
        field_ask(field, &here, words);
        assert_true(words[0].users < before);
        assert_true(words[0].detour_us > 0 && words[0].detour_us <= 20000);
        before = words[0].users;
    }
    field_free(field);
}

static void few_and_scattered_measurements_count_less(void **state)
{
    (void)state;
    struct measured_place place = from(0, 10, "");
    struct measurement few = {0, 0, line_us(place, 0) + 20000, 50000, 1}, many = few;
    many.count = 10000;
    struct place here = at(0, 10, "");
    struct field_word words[2][2];
    struct field *field = field_of(&place, 1, &few, 1);
    field_ask(field, &here, words[0]);
    field_free(field);
    field = field_of(&place, 1, &many, 1);
    field_ask(field, &here, words[1]);
    field_free(field);
    assert_true(words[0][0].users < 0.1 && words[1][0].users > 0.99);
}

static void one_place_that_is_off_does_not_carry_the_others_away(void **state)
{
    (void)state;
    struct measured_place places[5];
    struct measurement list[5];
    for (uint32_t i = 0; i < 5; i++) {
        places[i] = from(0, 10 + 0.1 * i, "");
        list[i] = (struct measurement){i, 0, line_us(places[i], 0) + (i == 2 ? 900000 : 10000), 0, 1000};
    }
    struct field *field = field_of(places, 5, list, 5);
    struct field_word words[2];
    struct place here = at(0, 10, "");
    field_ask(field, &here, words);
    assert_true(words[0].detour_us > 9000 && words[0].detour_us < 130000); /* the mean would be 188,000 */
    field_free(field);
}

static void what_nobody_measured_has_the_detour_of_the_others(void **state)
{
    (void)state;
    struct measured_place place = from(0, 10, "GA");
    struct measurement one = {0, 0, line_us(place, 0) + 20000, 0, 1000};
    struct field *field = field_of(&place, 1, &one, 1);
    struct field_word words[2];
    struct place here = at(0, 10, "GA");
    field_ask(field, &here, words);
    assert_true(words[1].users == 0 && words[1].pops == 0);
    assert_true(words[1].detour_us > 15000 && words[1].detour_us <= words[0].detour_us);
    field_free(field);
}

static void faster_than_light_is_left_out(void **state)
{
    (void)state;
    struct measured_place place = from(0, 100, "");
    struct measurement one = {0, 0, 5000, 0, 1000};
    assert_null(field_of(&place, 1, &one, 1));
    assert_null(field_of(NULL, 0, NULL, 0));
}

static void what_is_not_there_is_refused(void **state)
{
    (void)state;
    struct measured_place places[2] = {from(0, 10, ""), from(0, 20, "")};
    const struct measurement bad[][2] = {
        {{0, 2, 1, 0, 1}, {1, 0, 1, 0, 1}}, /* region */
        {{0, 0, 1, 0, 1}, {2, 0, 1, 0, 1}}, /* place */
        {{1, 0, 1, 0, 1}, {0, 0, 1, 0, 1}}, /* order */
        {{0, 0, 1, 0, 0}, {1, 0, 1, 0, 1}}, /* count */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct measurements measured = {places, 2, bad[i], 2};
        const struct measurements *lists[] = {&measured};
        struct field *field = NULL;
        assert_int_equal(field_new(&model, lists, 1, &field), ERR_RANGE);
        assert_null(field);
    }
}

/* Whatever order the places come in, the answer is the same but for rounding; precisions add up to what the neighbours have. */
static void any_field_is_finite_and_does_not_depend_on_order(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("any_field");
    enum { PLACES = 80 };
    for (int round = 0; round < 200; round++) {
        struct measured_place places[PLACES], turned[PLACES];
        struct measurement list[PLACES], turned_list[PLACES];
        for (uint32_t i = 0; i < PLACES; i++) {
            places[i] = from(dice_below(&dice, 18001) / 100.0 - 90, dice_below(&dice, 36001) / 100.0 - 180,
                             dice_below(&dice, 2) ? "GA" : "CG");
            places[i].by = dice_below(&dice, 2) ? MEASURED_BY_POP : MEASURED_BY_USERS;
            list[i] = (struct measurement){i, (region_id)dice_below(&dice, 2), dice_below(&dice, 1000000),
                                           dice_below(&dice, 100000), 1 + dice_below(&dice, 1000)};
            turned[PLACES - 1 - i] = places[i];
            turned_list[PLACES - 1 - i] = list[i];
            turned_list[PLACES - 1 - i].place = PLACES - 1 - i;
        }
        struct field *one = field_of(places, PLACES, list, PLACES);
        struct field *other = field_of(turned, PLACES, turned_list, PLACES);
        struct place here = at(dice_below(&dice, 18001) / 100.0 - 90, dice_below(&dice, 36001) / 100.0 - 180, "GA");
        struct field_word words[2][2];
        field_ask(one, &here, words[0]);
        field_ask(other, &here, words[1]);
        for (int j = 0; j < 2; j++) {
            assert_true(isfinite(words[0][j].detour_us) && words[0][j].users >= 0 && words[0][j].pops >= 0);
            assert_true(fabs(words[0][j].detour_us - words[1][j].detour_us) < 1);
            assert_true(fabs(words[0][j].users - words[1][j].users) < 1e-6);
        }
        field_free(one);
        field_free(other);
    }
}

/* The bar: by distance alone the mean extra is 13.5, 8.4 and 1.7 ms; by what other cities measured at most half of it. */
static void other_cities_halve_the_extra_latency(void **state)
{
    (void)state;
    static const double distance_ms[TRIAL_SETS] = {13.5, 8.4, 1.7};
    static struct trial_result result;
    struct trial_data *data = trial_read(TEST_DATA "/latency/client_city_to_region_rtt.csv");
    assert_non_null(data);
    for (size_t set = 0; set < TRIAL_SETS; set++) {
        size_t chosen[TRIAL_REGION_MAX];
        struct trial trial = {data, chosen, trial_set(data, set, chosen), TRIAL_DISTANCE, TRIAL_APART_KM};
        assert_true(trial_run(&trial, &result));
        assert_true(fabs(result.mean_ms - distance_ms[set]) < 0.06);
        trial.layers = TRIAL_MEASURED;
        assert_true(trial_run(&trial, &result));
        assert_true(result.mean_ms <= distance_ms[set] / 2);
    }
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_spot_has_most_of_its_detour),
        cmocka_unit_test(confidence_falls_with_distance),
        cmocka_unit_test(few_and_scattered_measurements_count_less),
        cmocka_unit_test(one_place_that_is_off_does_not_carry_the_others_away),
        cmocka_unit_test(what_nobody_measured_has_the_detour_of_the_others),
        cmocka_unit_test(faster_than_light_is_left_out),
        cmocka_unit_test(what_is_not_there_is_refused),
        cmocka_unit_test(any_field_is_finite_and_does_not_depend_on_order),
        cmocka_unit_test(other_cities_halve_the_extra_latency),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
