/* test_geotext.c - tor-geoipdb's text: good lines, bad lines, and the whole real files against a slow reading.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>

#include "geo/country.h"
#include "geo/geotext.h"
#include "tests/unit/geo/geo_fixture.h"

struct reading {
    struct gazetteer gazetteer;
    struct layer layer;
    uint64_t built_epoch_s;
    char reason[REASON_MAX];
};

static enum status read_path(struct reading *reading, const char *path, enum family family)
{
    memset(reading, 0, sizeof *reading);
    assert_int_equal(gazetteer_init(&reading->gazetteer), OK);
    assert_int_equal(layer_init(&reading->layer), OK);
    return geotext_read(path, family, &reading->gazetteer, &reading->layer, &reading->built_epoch_s, reading->reason);
}

static enum status read_text(struct reading *reading, const char *text, enum family family)
{
    char path[64];
    file_text(path, text);
    enum status status = read_path(reading, path, family);
    unlink(path);
    return status;
}

static void release(struct reading *reading)
{
    gazetteer_fini(&reading->gazetteer);
    layer_fini(&reading->layer);
}

static const struct place *place_of(const struct reading *reading, enum family family, const char *text)
{
    struct address address = address_of(text);
    assert_int_equal(address.family, family);
    return &reading->gazetteer.places[layer_find(&reading->layer, address_position(&address))];
}

static void ranges_become_intervals_with_gaps_between(void **state)
{
    (void)state;
    struct reading reading;
    const char *text = "# Generated: Thu, 25 Jun 2026 04:33:59 GMT\n#\n\n"
                       "0,15,AU\n16777216,16777471,AU\n16777472,16778239,CN\n4294967040,4294967295,DE";
    assert_int_equal(read_text(&reading, text, FAMILY_IPV4), OK);
    assert_layer_sound(&reading.layer);
    assert_int_equal(reading.built_epoch_s, 1782362039);
    assert_string_equal(place_of(&reading, FAMILY_IPV4, "0.0.0.0")->country, "AU");
    assert_string_equal(place_of(&reading, FAMILY_IPV4, "0.0.0.15")->country, "AU");
    assert_int_equal(place_of(&reading, FAMILY_IPV4, "0.0.0.16")->source, PLACE_UNKNOWN);
    assert_string_equal(place_of(&reading, FAMILY_IPV4, "1.0.0.255")->country, "AU");
    assert_string_equal(place_of(&reading, FAMILY_IPV4, "1.0.1.0")->country, "CN");
    assert_int_equal(place_of(&reading, FAMILY_IPV4, "1.0.4.0")->source, PLACE_UNKNOWN);
    const struct place *last = place_of(&reading, FAMILY_IPV4, "255.255.255.255");
    assert_string_equal(last->country, "DE");
    assert_string_equal(last->continent, "EU");
    assert_int_equal(last->source, PLACE_COUNTRY_POINT);
    assert_true(last->has_location);
    assert_true(last->location.latitude == country_find("DE")->location.latitude);
    release(&reading);
}

static void ipv6_ranges_are_cut_to_64_bits(void **state)
{
    (void)state;
    struct reading reading;
    const char *text = "2001:db8::,2001:db8:0:1:ffff:ffff:ffff:ffff,FR\n"
                       "2001:db8:0:2::4,2001:db8:0:2::5,GB\n"  /* the first in its /64 has it ... */
                       "2001:db8:0:2::6,2001:db8:0:3::2d,US\n" /* ... this one only the next */
                       "2001:db8:0:3::2e,2001:db8:0:3::2f,RO\n"
                       "2001:db8:0:3::30,2001:db8:0:4::,SE\n"
                       "fe80::,ffff:FFFF:ffff:ffff:ffff:ffff:ffff:ffff,JP\n";
    assert_int_equal(read_text(&reading, text, FAMILY_IPV6), OK);
    assert_layer_sound(&reading.layer);
    const char *const rows[][2] = {{"2001:db7:ffff:ffff::", ""}, {"2001:db8::", "FR"},     {"2001:db8:0:1::9", "FR"},
                                   {"2001:db8:0:2::", "GB"},     {"2001:db8:0:3::", "US"}, {"2001:db8:0:4::1", "SE"},
                                   {"2001:db8:0:5::", ""},       {"fe80::", "JP"},         {"ffff:ffff:ffff:ffff::", "JP"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(place_of(&reading, FAMILY_IPV6, rows[i][0])->country, rows[i][1]);
    release(&reading);
}

static void the_last_64_may_be_shared_too(void **state)
{
    (void)state;
    struct reading reading;
    const char *text = "ffff:ffff:ffff:ffff::,ffff:ffff:ffff:ffff::5,US\n"
                       "ffff:ffff:ffff:ffff::6,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,DE\n";
    assert_int_equal(read_text(&reading, text, FAMILY_IPV6), OK);
    assert_int_equal(reading.layer.count, 2);
    assert_string_equal(place_of(&reading, FAMILY_IPV6, "::")->country, "");
    assert_string_equal(place_of(&reading, FAMILY_IPV6, "ffff:ffff:ffff:ffff::9")->country, "US");
    release(&reading);
}

static void codes_that_are_no_country_are_understood(void **state)
{
    (void)state;
    struct reading reading;
    const char *text = "0,0,UK\n1,1,EU\n2,2,AP\n3,3,BV\n4,4,ZZ\n5,5,??\n6,6,GB\n7,7,CS\n8,8,AN\n";
    assert_int_equal(read_text(&reading, text, FAMILY_IPV4), OK);
    static const struct {
        const char *country, *continent;
        enum place_source source;
    } rows[] = {{"GB", "EU", PLACE_COUNTRY_POINT}, {"", "EU", PLACE_DATABASE}, {"", "AS", PLACE_DATABASE},
                {"BV", "AN", PLACE_DATABASE},      {"", "", PLACE_UNKNOWN},    {"", "", PLACE_UNKNOWN},
                {"GB", "EU", PLACE_COUNTRY_POINT}, {"", "EU", PLACE_DATABASE}, {"", "NA", PLACE_DATABASE}};
    for (uint64_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct place *place = &reading.gazetteer.places[layer_find(&reading.layer, i)];
        assert_string_equal(place->country, rows[i].country);
        assert_string_equal(place->continent, rows[i].continent);
        assert_int_equal(place->source, rows[i].source);
        assert_int_equal(place->has_location, rows[i].source == PLACE_COUNTRY_POINT);
    }
    release(&reading);
}

static void a_bad_line_is_named(void **state)
{
    (void)state;
    static const struct {
        enum family family;
        const char *text;
        unsigned line;
        const char *word;
    } rows[] = {
        {FAMILY_IPV4, "# c\n0,1,DE\n2,x,DE\n", 3, "FIRST,LAST,COUNTRY"},
        {FAMILY_IPV4, "0,4294967296,DE\n", 1, "2^32"},
        {FAMILY_IPV4, "99999999999999999999999,1,DE\n", 1, "2^32"},
        {FAMILY_IPV4, ",1,DE\n", 1, "FIRST"},
        {FAMILY_IPV4, "0,,DE\n", 1, "FIRST"},
        {FAMILY_IPV4, "0\n", 1, "FIRST"},
        {FAMILY_IPV4, "0,1", 1, "FIRST"},
        {FAMILY_IPV4, "0,1,", 1, "country"},
        {FAMILY_IPV4, "0,1,D", 1, "country"},
        {FAMILY_IPV4, "0,1,de\n", 1, "country"},
        {FAMILY_IPV4, "0,1,DEU\n", 1, "country"},
        {FAMILY_IPV4, "0,1,D?\n", 1, "country"},
        {FAMILY_IPV4, "0,1,DE\r\n", 1, "country"},
        {FAMILY_IPV4, " 0,1,DE\n", 1, "FIRST"},
        {FAMILY_IPV4, "0,1,DE\n\n5,4,DE\n", 3, "last address not before"},
        {FAMILY_IPV4, "0,1,DE\n1,4,DE\n", 2, "behind the range before"},
        {FAMILY_IPV4, "5,6,DE\n1,4,DE\n", 2, "behind the range before"},
        {FAMILY_IPV4, "1.0.0.0,1.0.0.1,DE\n", 1, "FIRST"},
        {FAMILY_IPV6, "2001::,2001::1:,DE\n", 1, "IPv6"},
        {FAMILY_IPV6, ":,2001::1,DE\n", 1, "IPv6"},
        {FAMILY_IPV6, ":1::,2001::1,DE\n", 1, "IPv6"},
        {FAMILY_IPV6, "1::2::3,2001::1,DE\n", 1, "IPv6"},
        {FAMILY_IPV6, ":::,2001::1,DE\n", 1, "IPv6"},
        {FAMILY_IPV6, "1:2:3:4:5:6:7,2001::1,DE\n", 1, "IPv6"},
        {FAMILY_IPV6, "1:2:3:4:5:6:7:8:9,2001::1,DE\n", 1, "IPv6"},
        {FAMILY_IPV6, "1:2:3:4:5:6:7::8,2001::1,DE\n", 1, "IPv6"},
        {FAMILY_IPV6, "12345::,2001::1,DE\n", 1, "IPv6"},
        {FAMILY_IPV6, "::g,2001::1,DE\n", 1, "IPv6"},
        {FAMILY_IPV6, "16777216,16777471,DE\n", 1, "IPv6"},
        {FAMILY_IPV6, "2::,1::,DE\n", 1, "last address not before"},
        {FAMILY_IPV6, "1::,2::5,DE\n2::5,3::,DE\n", 2, "behind the range before"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct reading reading;
        char place[32];
        assert_int_equal(read_text(&reading, rows[i].text, rows[i].family), ERR_SYNTAX);
        snprintf(place, sizeof place, ":%u: ", rows[i].line);
        if (strstr(reading.reason, place) == NULL || strstr(reading.reason, rows[i].word) == NULL)
            fail_msg("%s gave: %s", rows[i].text, reading.reason);
        release(&reading);
    }
}

static void files_without_ranges_are_errors(void **state)
{
    (void)state;
    struct reading reading;
    const char *texts[] = {"", "\n", "# nothing\n"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(read_text(&reading, texts[i], FAMILY_IPV4), ERR_SYNTAX);
        assert_non_null(strstr(reading.reason, "at least one range"));
        release(&reading);
    }
    assert_int_equal(read_path(&reading, "/nonexistent/geoip", FAMILY_IPV4), ERR_IO);
    assert_non_null(strstr(reading.reason, "/nonexistent/geoip: No such file"));
    release(&reading);
    assert_int_equal(read_path(&reading, "/dev/zero", FAMILY_IPV4), ERR_IO);
    assert_non_null(strstr(reading.reason, "not a regular file"));
    release(&reading);
}

static void a_line_without_an_end_is_an_error(void **state)
{
    (void)state;
    size_t size = 1 << 20;
    char *text = malloc(size + 1);
    assert_non_null(text);
    memset(text, '#', size);
    text[size] = '\0';
    struct reading reading;
    assert_int_equal(read_text(&reading, text, FAMILY_IPV4), ERR_SYNTAX);
    assert_non_null(strstr(reading.reason, ":1: expected a line"));
    release(&reading);
    free(text);
}

/* The end of the reader's buffer falls on every byte of a line. */
static void lines_may_cross_the_buffer(void **state)
{
    (void)state;
    enum { LINES = 9000 };
    struct dice dice = dice_from_environment("geotext");
    char *text = malloc(1 << 20);
    uint32_t *ends = malloc(LINES * sizeof *ends);
    assert_true(text != NULL && ends != NULL);
    for (int shift = 0; shift < 40; shift++) {
        size_t size = (size_t)sprintf(text, "#%*s\n", shift, "");
        uint32_t at = 0;
        for (unsigned i = 0; i < LINES; i++) {
            ends[i] = at + 100000 + dice_below(&dice, 300000);
            size += (size_t)sprintf(text + size, "%010u,%010u,%s\n", at, ends[i], i % 2 ? "DE" : "FR");
            at = ends[i] + 1;
        }
        struct reading reading;
        assert_int_equal(read_text(&reading, text, FAMILY_IPV4), OK);
        assert_int_equal(reading.layer.count, LINES + 1);
        for (unsigned i = 0; i < LINES; i++) {
            const struct place *place = &reading.gazetteer.places[layer_find(&reading.layer, ends[i])];
            assert_string_equal(place->country, i % 2 ? "DE" : "FR");
        }
        release(&reading);
    }
    free(text);
    free(ends);
}

/* What the place of a code must be, for the codes of the real files. */
static bool country_is(const struct place *place, const char *code)
{
    if (strcmp(code, "UK") == 0) code = "GB";
    if (country_find(code) == NULL && strcmp(code, "BV") != 0 && strcmp(code, "HM") != 0) code = "";
    return strcmp(place->country, code) == 0;
}

/* Every line of the real files, read again with the C library. A range that begins inside a /64 which an
 * earlier range has begun does not get that /64; such lines are counted, and must be the ones that such a
 * rule predicts. */
static void check_real_file(const char *path, enum family family, unsigned least_lines)
{
    struct reading reading;
    FILE *file = fopen(path, "r");
    if (file == NULL) skip();
    assert_int_equal(read_path(&reading, path, family), OK);
    assert_layer_sound(&reading.layer);
    assert_true(reading.built_epoch_s > 1600000000);
    char line[4096];
    unsigned lines = 0, shared = 0;
    uint64_t before = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        char *fields[3];
        if (line[0] == '#') continue;
        assert_int_equal(csv_split(line, fields, 3), 3);
        uint64_t ends[2];
        for (unsigned i = 0; i < 2; i++) {
            uint8_t bytes[16];
            if (family == FAMILY_IPV4) {
                ends[i] = strtoull(fields[i], NULL, 10);
                continue;
            }
            assert_int_equal(inet_pton(AF_INET6, fields[i], bytes), 1);
            ends[i] = 0;
            for (unsigned byte = 0; byte < 8; byte++) ends[i] = ends[i] << 8 | bytes[byte];
        }
        if (lines > 0 && ends[0] > before + 1) { /* the gap before it */
            assert_int_equal(layer_find(&reading.layer, before + 1), 0);
            assert_int_equal(layer_find(&reading.layer, ends[0] - 1), 0);
        }
        bool first_is_taken = lines > 0 && ends[0] == before;
        shared += first_is_taken;
        if (!first_is_taken || ends[1] > ends[0]) {
            uint64_t from = ends[0] + first_is_taken;
            const struct place *places = reading.gazetteer.places;
            assert_true(country_is(&places[layer_find(&reading.layer, from)], fields[2]));
            assert_true(country_is(&places[layer_find(&reading.layer, ends[1])], fields[2]));
            assert_true(country_is(&places[layer_find(&reading.layer, from + (ends[1] - from) / 2)], fields[2]));
        }
        before = ends[1];
        lines++;
    }
    fclose(file);
    release(&reading);
    printf("%s: %u ranges, %u begin in a /64 that an earlier one has\n", path, lines, shared);
    assert_true(lines > least_lines);
    assert_true(shared < lines / 20);
}

static void the_real_ipv4_file_reads_as_it_stands(void **state)
{
    (void)state;
    check_real_file("/usr/share/tor/geoip", FAMILY_IPV4, 100000);
}

static void the_real_ipv6_file_reads_as_it_stands(void **state)
{
    (void)state;
    check_real_file("/usr/share/tor/geoip6", FAMILY_IPV6, 50000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_become_intervals_with_gaps_between),
        cmocka_unit_test(ipv6_ranges_are_cut_to_64_bits),
        cmocka_unit_test(the_last_64_may_be_shared_too),
        cmocka_unit_test(codes_that_are_no_country_are_understood),
        cmocka_unit_test(a_bad_line_is_named),
        cmocka_unit_test(files_without_ranges_are_errors),
        cmocka_unit_test(a_line_without_an_end_is_an_error),
        cmocka_unit_test(lines_may_cross_the_buffer),
        cmocka_unit_test(the_real_ipv4_file_reads_as_it_stands),
        cmocka_unit_test(the_real_ipv6_file_reads_as_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
