/* test_country.c - the compiled tables are the rows of geo/data.
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "geo/country.h"
#include "tests/unit/geo/geo_fixture.h"

static void every_row_of_the_data_is_compiled_in(void **state)
{
    (void)state;
    FILE *file = fopen(SOURCE_DIR "/geo/data/country_coordinates.csv", "r");
    assert_non_null(file);
    char line[512];
    size_t rows = 0;
    assert_non_null(fgets(line, sizeof line, file)); /* the head */
    while (fgets(line, sizeof line, file) != NULL) {
        char *fields[16];
        assert_true(csv_split(line, fields, 16) >= 5);
        const struct country *country = country_find(fields[0]);
        assert_non_null(country);
        assert_string_equal(country->code, fields[0]);
        assert_string_equal(country->name, fields[1]);
        assert_true(country->location.latitude == strtod(fields[2], NULL));
        assert_true(country->location.longitude == strtod(fields[3], NULL));
        assert_int_equal(country->radius_km, strtol(fields[4], NULL, 10));
        rows++;
    }
    fclose(file);
    size_t count;
    (void)country_list(&count);
    assert_int_equal(rows, count);
    assert_int_equal(rows, 248);
}

static void the_list_ascends_and_lies_on_the_earth(void **state)
{
    (void)state;
    size_t count;
    const struct country *list = country_list(&count);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) assert_true(strcmp(list[i - 1].code, list[i].code) < 0);
        assert_true(fabs(list[i].location.latitude) <= 90 && fabs(list[i].location.longitude) <= 180);
        assert_ptr_equal(country_find(list[i].code), &list[i]);
        assert_string_equal(country_continent(list[i].code), list[i].continent);
    }
}

static void unknown_codes_have_no_point(void **state)
{
    (void)state;
    const char *codes[] = {"", "??", "ZZ", "EU", "AP", "BV", "us", "U", "A1"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        char code[3] = "";
        strcpy(code, codes[i]);
        assert_null(country_find(code));
    }
}

static void continents_are_known_beyond_points(void **state)
{
    (void)state;
    const char *const rows[][2] = {{"EU", "EU"}, {"AP", "AS"}, {"BV", "AN"}, {"HM", "AN"}, {"AN", "NA"}, {"TR", "AS"},
                                   {"RU", "EU"}, {"EG", "AF"}, {"CY", "EU"}, {"GL", "NA"}, {"XK", "EU"}, {"BR", "SA"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_non_null(country_continent(rows[i][0]));
        assert_string_equal(country_continent(rows[i][0]), rows[i][1]);
    }
    assert_null(country_continent("ZZ"));
    assert_null(country_continent("\0\0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_data_is_compiled_in),
        cmocka_unit_test(the_list_ascends_and_lies_on_the_earth),
        cmocka_unit_test(unknown_codes_have_no_point),
        cmocka_unit_test(continents_are_known_beyond_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
