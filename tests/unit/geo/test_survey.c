/* test_survey.c - whole surveys: the atlas holds what the databases, the networks and the pins say.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <math.h>
#include <maxminddb.h>

#include "geo/country.h"
#include "geo/gazetteer.h"
#include "tests/unit/geo/mmdb_writer.h"

static struct land land;

static enum status survey(const char *database, const char *asn_database, struct atlas **atlas,
                          char error[SURVEY_ERROR_MAX])
{
    const struct survey_settings settings = {.database = database, .asn_database = asn_database};
    return survey_atlas(&settings, &land.model, atlas, error);
}

static const struct cell *cell_at(const struct atlas *atlas, const struct address *address)
{
    return &atlas->cells[atlas_find(atlas, address)];
}

static void assert_atlas_sound(const struct atlas *atlas)
{
    assert_true(atlas->cell_count >= 1 && atlas->cell_count <= CELL_MAX);
    assert_int_equal(atlas->cells[0].place.source, PLACE_UNKNOWN);
    assert_int_equal(atlas->cells[0].network, ID_NONE);
    assert_int_equal(atlas->cells[0].asn, 0);
    assert_true(atlas->ipv4.count >= 1 && atlas->ipv4.first[0] == 0);
    assert_true(atlas->ipv6.count >= 1 && atlas->ipv6.first[0] == 0);
    for (size_t i = 0; i < atlas->ipv4.count; i++) {
        assert_true(atlas->ipv4.cell[i] < atlas->cell_count);
        if (i > 0) assert_true(atlas->ipv4.first[i] > atlas->ipv4.first[i - 1]);
        if (i > 0) assert_int_not_equal(atlas->ipv4.cell[i], atlas->ipv4.cell[i - 1]);
    }
    for (size_t i = 0; i < atlas->ipv6.count; i++) {
        assert_true(atlas->ipv6.cell[i] < atlas->cell_count);
        if (i > 0) assert_true(atlas->ipv6.first[i] > atlas->ipv6.first[i - 1]);
        if (i > 0) assert_int_not_equal(atlas->ipv6.cell[i], atlas->ipv6.cell[i - 1]);
    }
}

/* ---- expected rows, all the way to the cell ---- */

/* test_mmdb compares field by field before gaps are filled; here the country's point and continent fill
 * them. */
static void compare_row(char **fields, size_t count, const struct cell *cell)
{
    const struct place *place = &cell->place;
    bool located = count > 4 && fields[4][0] != '\0';
    const struct country *country = country_find(fields[2]);
    assert_string_equal(place->country, fields[2]);
    assert_string_equal(place->continent, fields[3][0] == '\0' && country != NULL ? country->continent : fields[3]);
    assert_int_equal(place->has_location, located || country != NULL);
    if (located) {
        assert_int_equal(place->source, PLACE_DATABASE);
        assert_true(place->location.latitude == strtod(fields[4], NULL));
        assert_true(place->location.longitude == strtod(fields[5], NULL));
        assert_int_equal(place->accuracy_km, strtol(fields[6], NULL, 10));
    } else if (country != NULL) {
        assert_int_equal(place->source, PLACE_COUNTRY_POINT);
        assert_true(place->location.latitude == country->location.latitude);
    } else {
        assert_int_equal(place->source, fields[3][0] != '\0' ? PLACE_DATABASE : PLACE_UNKNOWN);
    }
}

static void compare_rows(const char *name, size_t rows_expected)
{
    char path[512], line[1024], error[SURVEY_ERROR_MAX];
    struct atlas *atlas;
    land_init(&land, NULL, 0);
    snprintf(path, sizeof path, "%s/databases/%s-Test.mmdb", MAXMIND, name);
    assert_int_equal(survey(path, NULL, &atlas, error), OK);
    assert_atlas_sound(atlas);
    assert_non_null(strstr(atlas->source, name));
    assert_true(atlas->built_epoch_s > 1500000000);
    snprintf(path, sizeof path, "%s/expected_%s-Test.csv", MAXMIND, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    size_t rows = 0;
    for (; fgets(line, sizeof line, file) != NULL; rows++) {
        char *fields[8];
        size_t count = csv_split(line, fields, 8);
        if (strcmp(fields[0], "2001:220::/128") == 0) continue; /* see test_mmdb: its /64 is another country's */
        struct address probe = unembed(address_of(fields[1]));
        compare_row(fields, count, cell_at(atlas, &probe));
    }
    fclose(file);
    assert_int_equal(rows, rows_expected);
    atlas_free(atlas);
}

static void every_expected_row_reaches_its_cell(void **state)
{
    (void)state;
    compare_rows("GeoIP2-City", 502);
    compare_rows("GeoIP2-Country", 687);
    compare_rows("GeoIP2-Enterprise", 55);
    compare_rows("GeoIP2-Precision-Enterprise", 93);
    compare_rows("GeoLite2-City", 484);
    compare_rows("GeoLite2-Country", 488);
}

static void as_numbers_that_the_model_names_reach_their_cells(void **state)
{
    (void)state;
    char line[1024], error[SURVEY_ERROR_MAX];
    struct atlas *atlas;
    land_init(&land, NULL, 0);
    land.asns[0] = 1221;
    land.asns[1] = 15169;
    land.model.asn_count = 2;
    assert_int_equal(survey(MAXMIND "/databases/GeoLite2-City-Test.mmdb", MAXMIND "/databases/GeoLite2-ASN-Test.mmdb",
                            &atlas, error), OK);
    assert_atlas_sound(atlas);
    FILE *file = fopen(MAXMIND "/expected_GeoLite2-ASN-Test.csv", "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    size_t named = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        char *fields[4];
        assert_true(csv_split(line, fields, 4) >= 3);
        struct address probe = unembed(address_of(fields[1]));
        uint32_t asn = (uint32_t)strtoul(fields[2], NULL, 10);
        bool is_named = asn == 1221 || asn == 15169;
        named += is_named;
        assert_int_equal(cell_at(atlas, &probe)->asn, is_named ? asn : 0);
    }
    fclose(file);
    assert_true(named >= 4);
    assert_non_null(strstr(atlas->source, "GeoLite2-City"));
    assert_non_null(strstr(atlas->source, "GeoLite2-ASN"));
    atlas_free(atlas);
}

/* ---- what is no location database ---- */

static void databases_of_another_kind_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const names[] = {"databases/GeoLite2-ASN-Test", "databases/GeoIP2-Connection-Type-Test",
                                        "databases/GeoIP2-Anonymous-IP-Test", "databases/GeoIP2-ISP-Test",
                                        "format/MaxMind-DB-test-mixed-24", "broken/libmaxminddb-uint64-max-epoch"};
    char path[512], error[SURVEY_ERROR_MAX];
    struct atlas *atlas;
    land_init(&land, NULL, 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s.mmdb", MAXMIND, names[i]);
        assert_int_equal(survey(path, NULL, &atlas, error), ERR_UNSUPPORTED);
        assert_non_null(strstr(error, path));
        assert_non_null(strstr(error, "a database of type \""));
    }
    assert_int_equal(survey("default", MAXMIND "/databases/GeoIP2-City-Test.mmdb", &atlas, error), ERR_UNSUPPORTED);
    assert_non_null(strstr(error, "autonomous_system_number"));
}

static void what_cannot_be_read_leaves_no_atlas(void **state)
{
    (void)state;
    char error[SURVEY_ERROR_MAX];
    struct atlas *atlas = NULL;
    land_init(&land, NULL, 0);
    assert_int_equal(survey("/nonexistent.mmdb", NULL, &atlas, error), ERR_IO);
    assert_non_null(strstr(error, "/nonexistent.mmdb"));
    assert_int_equal(survey("default", "/nonexistent-asn.mmdb", &atlas, error), ERR_IO);
    assert_non_null(strstr(error, "/nonexistent-asn.mmdb"));
    const struct survey_settings settings = {.database = "default", .text_ipv4 = "/nonexistent/geoip"};
    assert_int_equal(survey_atlas(&settings, &land.model, &atlas, error), ERR_IO);
    assert_non_null(strstr(error, "/nonexistent/geoip"));
    assert_non_null(strstr(error, "tor-geoipdb"));
    assert_null(atlas);
}

static void every_broken_database_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {
        "GeoIP2-City-Test-Broken-Double-Format", "GeoIP2-City-Test-Invalid-Node-Count",
        "MaxMind-DB-no-ipv4-search-tree", "MaxMind-DB-string-value-entries", "MaxMind-DB-test-broken-pointers-24",
        "MaxMind-DB-test-broken-search-tree-24", "bad-unicode-in-map-key", "cyclic-data-structure",
        "invalid-bytes-length", "invalid-data-record-offset", "invalid-map-key-length", "invalid-string-length",
        "libmaxminddb-corrupt-search-tree", "libmaxminddb-deep-array-nesting", "libmaxminddb-deep-nesting",
        "libmaxminddb-empty-array-last-in-metadata", "libmaxminddb-empty-map-last-in-metadata",
        "libmaxminddb-metadata-marker-only", "libmaxminddb-offset-integer-overflow", "libmaxminddb-oversized-array",
        "libmaxminddb-oversized-map", "libmaxminddb-separator-record-max-left",
        "libmaxminddb-separator-record-min-left", "libmaxminddb-separator-record-min-right",
        "libmaxminddb-uint64-max-epoch", "metadata-is-an-uint128", "unexpected-bytes"};
    land_init(&land, NULL, 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[512], error[SURVEY_ERROR_MAX];
        struct atlas *atlas;
        snprintf(path, sizeof path, "%s/broken/%s.mmdb", MAXMIND, names[i]);
        enum status status = survey(path, NULL, &atlas, error);
        assert_true(status == ERR_SYNTAX || status == ERR_UNSUPPORTED);
        assert_non_null(strstr(error, path));
        assert_true(survey("default", path, &atlas, error) != OK);
        assert_non_null(strstr(error, path));
    }
}

/* ---- the default database ---- */

static void the_default_database_knows_countries(void **state)
{
    (void)state;
    char error[SURVEY_ERROR_MAX];
    struct atlas *atlas;
    if (access("/usr/share/tor/geoip", R_OK) != 0) skip();
    land_init(&land, NULL, 0);
    assert_int_equal(survey("default", NULL, &atlas, error), OK);
    assert_atlas_sound(atlas);
    assert_non_null(strstr(atlas->source, "tor-geoipdb 20"));
    assert_true(atlas->built_epoch_s > 1600000000);
    static const char *const rows[][2] = {{"8.8.8.8", "US"},      {"141.20.0.1", "DE"}, {"200.160.0.1", "BR"},
                                          {"2001:4860::1", "US"}, {"133.11.0.1", "JP"}, {"2002:808:808::1", "US"},
                                          {"10.0.0.1", ""},       {"192.0.2.1", ""},    {"fe80::1", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address address = address_of(rows[i][0]);
        const struct place *place = &cell_at(atlas, &address)->place;
        if (strcmp(place->country, rows[i][1]) != 0) fail_msg("%s is in %s", rows[i][0], place->country);
        assert_int_equal(place->source, rows[i][1][0] == '\0' ? PLACE_UNKNOWN : PLACE_COUNTRY_POINT);
    }
    atlas_free(atlas);
}

/* ---- everything on top of each other, against brute force ---- */

struct truth {
    MMDB_s city;
    MMDB_s asn;
};

static bool entry_of(MMDB_s *file, const struct address *address, MMDB_entry_s *entry)
{
    char text[ADDRESS_TEXT_MAX];
    int gai, result;
    address_format(address, text);
    MMDB_lookup_result_s found = MMDB_lookup_string(file, text, &gai, &result);
    assert_int_equal(gai, 0);
    assert_int_equal(result, MMDB_SUCCESS);
    *entry = found.entry;
    return found.found_entry;
}

static void copy_text(MMDB_entry_s *entry, char *out, const char *const *path)
{
    MMDB_entry_data_s value;
    if (MMDB_aget_value(entry, &value, path) == MMDB_SUCCESS && value.has_data)
        memcpy(out, value.utf8_string, value.data_size);
}

static bool copy_double(MMDB_entry_s *entry, double *out, const char *const *path)
{
    MMDB_entry_data_s value;
    if (MMDB_aget_value(entry, &value, path) != MMDB_SUCCESS || !value.has_data) return false;
    *out = value.type == MMDB_DATA_TYPE_DOUBLE ? value.double_value : value.uint16;
    return true;
}

/* What the cell of an address must be, found the slow way. */
static struct cell true_cell(struct truth *truth, const struct address *asked)
{
    struct cell cell = {.network = ID_NONE};
    struct folded_address folded = atlas_fold_address(asked);
    struct address address = address_at(folded.family, folded.position);
    MMDB_entry_s entry;
    if (entry_of(&truth->city, &address, &entry)) {
        copy_text(&entry, cell.place.continent, (const char *const[]){"continent", "code", NULL});
        copy_text(&entry, cell.place.country, (const char *const[]){"country", "iso_code", NULL});
        copy_text(&entry, cell.place.subdivision, (const char *const[]){"subdivisions", "0", "iso_code", NULL});
        double radius = 0;
        cell.place.has_location =
            copy_double(&entry, &cell.place.location.latitude, (const char *const[]){"location", "latitude", NULL}) &&
            copy_double(&entry, &cell.place.location.longitude, (const char *const[]){"location", "longitude", NULL});
        copy_double(&entry, &radius, (const char *const[]){"location", "accuracy_radius", NULL});
        cell.place.accuracy_km = (uint16_t)radius;
        gazetteer_complete(&cell.place);
    }
    double asn = 0;
    MMDB_entry_data_s value;
    if (entry_of(&truth->asn, &address, &entry) &&
        MMDB_get_value(&entry, &value, "autonomous_system_number", NULL) == MMDB_SUCCESS)
        asn = value.uint32;
    for (size_t i = 0; i < land.model.asn_count; i++)
        if (land.asns[i] == asn) cell.asn = land.asns[i];
    cell.network = land_innermost(&land, &address);
    for (network_id network = cell.network; network != ID_NONE; network = land.networks[network].parent) {
        if (land.networks[network].pin == ID_NONE) continue;
        const struct pin *pin = &land.pins[land.networks[network].pin];
        if (pin->has_place) cell.place = pin->place;
        return cell;
    }
    for (size_t i = 0; i < land.model.pin_count && cell.asn != 0; i++) {
        if (land.pins[i].network != ID_NONE || land.pins[i].asn != cell.asn) continue;
        if (land.pins[i].has_place) cell.place = land.pins[i].place;
        return cell;
    }
    return cell;
}

static void assert_same_cell(const struct cell *cell, const struct cell *expected, const struct address *address)
{
    const struct place_key got = gazetteer_key(&cell->place), wanted = gazetteer_key(&expected->place);
    char text[ADDRESS_TEXT_MAX];
    address_format(address, text);
    if (memcmp(&got, &wanted, sizeof got) != 0 || cell->asn != expected->asn || cell->network != expected->network)
        fail_msg("%s: %s %u %d instead of %s %u %d", text, cell->place.country, cell->asn, cell->network,
                 expected->place.country, expected->asn, expected->network);
}

/* Networks inside, around and beside those that the databases know. */
static size_t choose_prefixes(struct dice *dice, struct prefix *prefixes, size_t count)
{
    static const char *const known[] = {"81.2.69.0/24",   "2.125.160.216/29", "67.43.156.0/24", "1.128.0.0/11",
                                        "12.81.92.0/22",  "2001:218::/32",    "2a02:d140::/29", "2001:220::/32",
                                        "89.160.20.0/24", "2001:4860::/32"};
    size_t known_count = sizeof known / sizeof known[0];
    for (size_t i = 0; i < known_count; i++) prefixes[i] = prefix_of(known[i]);
    for (size_t i = known_count; i < count; i++) prefixes[i] = random_prefix(dice, prefixes, i);
    return known_count;
}

static void build_land(struct dice *dice, const struct prefix *prefixes, size_t count)
{
    static const uint32_t asns[] = {209, 1221, 2381, 7018, 15169, 64496};
    land_init(&land, prefixes, count);
    memcpy(land.asns, asns, sizeof asns);
    land.model.asn_count = sizeof asns / sizeof asns[0];
    for (size_t i = 0; i < 40; i++) {
        struct pin *pin = &land.pins[i];
        *pin = (struct pin){.network = ID_NONE, .has_place = !dice_once_in(dice, 4)};
        pin->place = (struct place){.continent = "OC", .country = "NZ", .has_location = true, .source = PLACE_PIN};
        pin->place.location.latitude = -40 - (double)dice_below(dice, 5);
        if (i >= 37) {
            pin->asn = asns[(i - 37) * 2]; /* ascending */
            continue;
        }
        network_id network = (network_id)dice_below(dice, (uint32_t)land.model.network_count);
        if (land.networks[network].pin != ID_NONE) continue; /* an unused pin by network ID_NONE, AS 0 */
        pin->network = network;
        land.networks[network].pin = (pin_id)i;
    }
    land.model.pin_count = 40;
}

static void networks_pins_and_ases_equal_brute_force(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("survey");
    struct truth truth;
    const char *city = MAXMIND "/databases/GeoLite2-City-Test.mmdb", *asn = MAXMIND "/databases/GeoLite2-ASN-Test.mmdb";
    assert_int_equal(MMDB_open(city, MMDB_MODE_MMAP, &truth.city), MMDB_SUCCESS);
    assert_int_equal(MMDB_open(asn, MMDB_MODE_MMAP, &truth.asn), MMDB_SUCCESS);
    size_t compared[2] = {0};
    for (unsigned round = 0; round < 12; round++) {
        struct prefix prefixes[120];
        char error[SURVEY_ERROR_MAX];
        struct atlas *atlas;
        size_t count = 10 + dice_below(&dice, 110);
        (void)choose_prefixes(&dice, prefixes, count);
        build_land(&dice, prefixes, count);
        assert_int_equal(survey(city, asn, &atlas, error), OK);
        assert_atlas_sound(atlas);
        for (unsigned i = 0; i < 3000; i++) { /* around the atlas's own boundaries, and anywhere */
            enum family family = dice_once_in(&dice, 2) ? FAMILY_IPV4 : FAMILY_IPV6;
            uint64_t position = dice_roll(&dice);
            if (family == FAMILY_IPV4 && !dice_once_in(&dice, 4))
                position = atlas->ipv4.first[dice_below(&dice, atlas->ipv4.count)] - dice_below(&dice, 2);
            else if (family == FAMILY_IPV6 && !dice_once_in(&dice, 4))
                position = atlas->ipv6.first[dice_below(&dice, atlas->ipv6.count)] - dice_below(&dice, 2);
            struct address address = address_at(family, position);
            if (family == FAMILY_IPV6 && position == 0) continue; /* where the databases keep IPv4 */
            const struct cell expected = true_cell(&truth, &address);
            assert_same_cell(cell_at(atlas, &address), &expected, &address);
            compared[expected.place.source == PLACE_UNKNOWN]++;
        }
        atlas_free(atlas);
    }
    printf("%zu addresses with a place and %zu without\n", compared[0], compared[1]);
    MMDB_close(&truth.city);
    MMDB_close(&truth.asn);
}

static void a_pin_on_everything_leaves_one_interval(void **state)
{
    (void)state;
    struct prefix prefixes[2] = {prefix_of("0.0.0.0/0"), prefix_of("::/0")};
    struct mmdb_writer writer;
    char path[64], error[SURVEY_ERROR_MAX];
    struct atlas *atlas;
    writer_init(&writer, 6, 24);
    writer_insert(&writer, "128.0.0.0/1", writer_city(&writer, "EU", "DE", "", 50, 10, 1));
    writer_insert(&writer, "0.0.0.0/2", writer_city(&writer, "EU", "FR", "", 48, 2, 1));
    writer_insert(&writer, "2000::/3", writer_city(&writer, "AS", "JP", "", 36, 140, 1));
    writer_finish(&writer, "GeoIP2-City", path);
    land_init(&land, prefixes, 2);
    for (pin_id i = 0; i < 2; i++) {
        land.networks[i].pin = i;
        land.pins[i] = (struct pin){.network = i, .has_place = true, .place = {.country = "SG"}};
    }
    land.model.pin_count = 2;
    assert_int_equal(survey(path, NULL, &atlas, error), OK);
    unlink(path);
    assert_atlas_sound(atlas);
    assert_int_equal(atlas->ipv4.count, 1);
    assert_int_equal(atlas->ipv6.count, 1);
    assert_int_equal(atlas->cell_count, 3); /* the unknown one is always there */
    struct address address = address_of("192.0.2.1");
    assert_int_equal(cell_at(atlas, &address)->place.source, PLACE_PIN);
    atlas_free(atlas);
}

/* ---- many places ---- */

static void a_city_database_is_coarsened_to_a_budget(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("survey many");
    enum { PLACES = 70000 };
    struct mmdb_writer writer;
    struct location *locations = malloc(PLACES * sizeof *locations);
    assert_non_null(locations);
    writer_init(&writer, 6, 28);
    for (unsigned i = 0; i < PLACES; i++) {
        locations[i].latitude = dice_below(&dice, 100000) / 1000.0 - 40;
        locations[i].longitude = dice_below(&dice, 100000) / 1000.0 - 120;
        size_t record = writer_city(&writer, "NA", "US", i % 2 ? "WA" : "NY", locations[i].latitude,
                                    locations[i].longitude, i % 100);
        struct prefix prefix = {.address = address_at(FAMILY_IPV4, (uint64_t)i << 10), .length = 22};
        writer_put(&writer, &prefix, WRITER_DATA + (int64_t)record);
    }
    char path[64], error[SURVEY_ERROR_MAX];
    struct atlas *atlas;
    writer_finish(&writer, "GeoIP2-City", path);
    land_init(&land, NULL, 0);
    assert_int_equal(survey(path, NULL, &atlas, error), OK);
    unlink(path);
    assert_atlas_sound(atlas);
    printf("%d places in %zu cells, %u intervals\n", PLACES, atlas->cell_count, atlas->ipv4.count);
    assert_true(atlas->cell_count <= 20000 && atlas->cell_count > 5000);
    for (unsigned i = 0; i < PLACES; i++) {
        struct address address = address_at(FAMILY_IPV4, (uint64_t)i << 10 | 77);
        const struct place *place = &cell_at(atlas, &address)->place;
        assert_string_equal(place->subdivision, i % 2 ? "WA" : "NY");
        assert_true(fabs(place->location.latitude - locations[i].latitude) <= 1);
        assert_true(fabs(place->location.longitude - locations[i].longitude) <= 1);
    }
    free(locations);
    atlas_free(atlas);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_expected_row_reaches_its_cell),
        cmocka_unit_test(as_numbers_that_the_model_names_reach_their_cells),
        cmocka_unit_test(databases_of_another_kind_are_refused_by_name),
        cmocka_unit_test(what_cannot_be_read_leaves_no_atlas),
        cmocka_unit_test(every_broken_database_is_refused),
        cmocka_unit_test(the_default_database_knows_countries),
        cmocka_unit_test(networks_pins_and_ases_equal_brute_force),
        cmocka_unit_test(a_pin_on_everything_leaves_one_interval),
        cmocka_unit_test(a_city_database_is_coarsened_to_a_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
