/* test_gazetteer.c - equal places have one number, and gaps are filled in by precedence.
 * SPDX-License-Identifier: Apache-2.0 */
#include "geo/country.h"
#include "geo/gazetteer.h"
#include "tests/unit/geo/geo_fixture.h"

static void equal_places_have_one_number(void **state)
{
    (void)state;
    struct gazetteer gazetteer;
    assert_int_equal(gazetteer_init(&gazetteer), OK);
    struct place places[600];
    memset(places, 0xa5, sizeof places); /* padding of every sort */
    for (unsigned i = 0; i < 600; i++) {
        struct place place = {.continent = "EU", .country = "DE", .has_location = true, .source = PLACE_DATABASE};
        place.location.latitude = i == 300 ? -0.0 : i % 300;
        place.location.longitude = i < 300 ? 0.0 : -0.0;
        places[i] = place;
    }
    for (uint32_t i = 0; i < 600; i++) {
        uint32_t number;
        assert_int_equal(gazetteer_add(&gazetteer, &places[i], &number), OK);
        assert_int_equal(number, 1 + i % 300);
        assert_true(gazetteer.places[number].location.latitude == i % 300);
    }
    assert_int_equal(gazetteer.count, 301);
    assert_int_equal(gazetteer.places[0].source, PLACE_UNKNOWN);
    gazetteer_fini(&gazetteer);
    gazetteer_fini(&gazetteer);
}

static void every_field_makes_a_difference(void **state)
{
    (void)state;
    struct gazetteer gazetteer;
    assert_int_equal(gazetteer_init(&gazetteer), OK);
    const struct place base = {.continent = "EU", .country = "DE", .subdivision = "BE", .has_location = true,
                               .location = {52, 13}, .accuracy_km = 5, .source = PLACE_DATABASE};
    struct place places[9];
    for (size_t i = 0; i < 9; i++) places[i] = base;
    strcpy(places[1].continent, "AS");
    strcpy(places[2].country, "FR");
    strcpy(places[3].subdivision, "BY");
    places[4].has_location = false;
    places[5].location.latitude = 53;
    places[6].location.longitude = 14;
    places[7].accuracy_km = 6;
    places[8].source = PLACE_COUNTRY_POINT;
    for (uint32_t i = 0; i < 9; i++) {
        uint32_t number;
        assert_int_equal(gazetteer_add(&gazetteer, &places[i], &number), OK);
        assert_int_equal(number, i + 1);
    }
    gazetteer_fini(&gazetteer);
}

static void a_database_location_beats_the_country_point(void **state)
{
    (void)state;
    struct place place = {.country = "DE", .has_location = true, .location = {1, 2}, .accuracy_km = 9};
    gazetteer_complete(&place);
    assert_int_equal(place.source, PLACE_DATABASE);
    assert_true(place.location.latitude == 1 && place.location.longitude == 2);
    assert_int_equal(place.accuracy_km, 9);
    assert_string_equal(place.continent, "EU"); /* the country's, as the database has none */
}

static void a_country_without_location_gets_its_point(void **state)
{
    (void)state;
    struct place place = {.country = "US", .continent = "OC", .subdivision = "HI"};
    gazetteer_complete(&place);
    assert_int_equal(place.source, PLACE_COUNTRY_POINT);
    assert_true(place.has_location);
    assert_true(place.location.latitude == country_find("US")->location.latitude);
    assert_string_equal(place.continent, "OC"); /* the database's own stays */
    assert_string_equal(place.subdivision, "HI");
}

static void a_continent_alone_is_known_but_has_no_location(void **state)
{
    (void)state;
    struct place place = {.continent = "EU"};
    gazetteer_complete(&place);
    assert_int_equal(place.source, PLACE_DATABASE);
    assert_false(place.has_location);
    struct place unheard = {.country = "ZZ"};
    gazetteer_complete(&unheard);
    assert_int_equal(unheard.source, PLACE_DATABASE);
    assert_string_equal(unheard.country, "ZZ");
    assert_string_equal(unheard.continent, "");
    struct place nothing = {0};
    gazetteer_complete(&nothing);
    assert_int_equal(nothing.source, PLACE_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_places_have_one_number),
        cmocka_unit_test(every_field_makes_a_difference),
        cmocka_unit_test(a_database_location_beats_the_country_point),
        cmocka_unit_test(a_country_without_location_gets_its_point),
        cmocka_unit_test(a_continent_alone_is_known_but_has_no_location),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
