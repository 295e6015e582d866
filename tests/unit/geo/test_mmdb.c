/* test_mmdb.c - trees of every shape become layers, records places; damage becomes a reason.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>

#include "geo/gazetteer.h"
#include "geo/mmdb.h"
#include "tests/unit/geo/mmdb_writer.h"

/* ---- readers ---- */

/* The record's own offset plus one. */
static enum status read_offset(struct mmdb *mmdb, MMDB_entry_s *record, void *context, uint32_t *number,
                               char reason[REASON_MAX])
{
    (void)mmdb;
    (void)reason;
    ++*(unsigned *)context;
    *number = record->offset + 1;
    return OK;
}

/* The place as it stands, nothing completed. */
static enum status read_raw_place(struct mmdb *mmdb, MMDB_entry_s *record, void *context, uint32_t *number,
                                  char reason[REASON_MAX])
{
    struct place place;
    bool said;
    enum status status = mmdb_read_place(mmdb, record, &place, &said, reason);
    return status == OK ? gazetteer_add(context, &place, number) : status;
}

static enum status read_raw_asn(struct mmdb *mmdb, MMDB_entry_s *record, void *context, uint32_t *number,
                                char reason[REASON_MAX])
{
    (void)context;
    return mmdb_read_asn(mmdb, record, number, reason);
}

static enum status walk_path(const char *path, mmdb_reader *reader, void *context, struct layers *layers,
                             char reason[REASON_MAX])
{
    struct mmdb *mmdb;
    enum status status = mmdb_open(path, &mmdb, reason);
    if (status != OK) return status;
    assert_int_equal(layers_init(layers), OK);
    status = mmdb_walk(mmdb, reader, context, layers, reason);
    if (status != OK) layers_fini(layers);
    mmdb_close(mmdb);
    return status;
}

/* ---- expected rows ---- */

/* Does the row's network lie wholly inside one /64, outside the IPv4 part? Then it can lose that /64 to a
 * wider one. */
static bool is_narrow(const char *network, const struct address *probe)
{
    return unembed(*probe).family == FAMILY_IPV6 && strtol(strchr(network, '/') + 1, NULL, 10) > 64;
}

static double number_of(const char *field)
{
    return field[0] == '\0' ? 0 : strtod(field, NULL);
}

/* Columns: network, probe, country, continent, and for cities latitude, longitude, radius. */
static void assert_row(char **fields, size_t count, const struct place *place)
{
    bool located = count > 4 && fields[4][0] != '\0';
    bool same = strcmp(place->country, fields[2]) == 0 && strcmp(place->continent, fields[3]) == 0;
    if (count > 4) {
        same = same && place->has_location == located && place->accuracy_km == number_of(fields[6]);
        same = same && place->location.latitude == number_of(fields[4]);
        same = same && place->location.longitude == number_of(fields[5]);
    }
    if (!same)
        fail_msg("%s: got %s %s %g %g %u", fields[1], place->country, place->continent, place->location.latitude,
                 place->location.longitude, place->accuracy_km);
}

#define LOST_NETWORK "2001:220::/128"

static void compare_places(const char *name, size_t rows_expected, size_t narrow_expected)
{
    char path[512], line[1024], reason[REASON_MAX];
    struct gazetteer gazetteer;
    struct layers layers;
    assert_int_equal(gazetteer_init(&gazetteer), OK);
    snprintf(path, sizeof path, "%s/databases/%s-Test.mmdb", MAXMIND, name);
    assert_int_equal(walk_path(path, read_raw_place, &gazetteer, &layers, reason), OK);
    assert_layer_sound(&layers.ipv4);
    assert_layer_sound(&layers.ipv6);

    snprintf(path, sizeof path, "%s/expected_%s-Test.csv", MAXMIND, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    size_t rows = 0, narrow = 0, lost = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        char *fields[8];
        size_t count = csv_split(line, fields, 8);
        struct address probe = address_of(fields[1]);
        struct address meant = unembed(probe);
        narrow += is_narrow(fields[0], &probe);
        if (strcmp(name, "GeoIP2-Country") == 0 && strcmp(fields[0], LOST_NETWORK) == 0) {
            lost++;
            strcpy(fields[2], "KR");
            strcpy(fields[3], "AS");
        }
        assert_row(fields, count, &gazetteer.places[layers_find(&layers, &meant)]);
        rows++;
    }
    fclose(file);
    layers_fini(&layers);
    gazetteer_fini(&gazetteer);
    printf("%s: %zu rows as expected, %zu of them inside a /64\n", name, rows, narrow);
    assert_int_equal(rows, rows_expected);
    assert_int_equal(narrow, narrow_expected);
    assert_int_equal(lost, strcmp(name, "GeoIP2-Country") == 0 ? 1 : 0);
}

/* 2,308 of 2,309 rows come out as listed. The other one is LOST_NETWORK, a single address of Sweden in a
 * /64 of which the rest is Korea's: positions are 64 bits, and the widest network has a /64. The other 129
 * rows inside a /64 agree with it. */
static void every_expected_place_comes_out_as_listed(void **state)
{
    (void)state;
    compare_places("GeoIP2-City", 502, 0);
    compare_places("GeoIP2-Country", 687, 128);
    compare_places("GeoIP2-Enterprise", 55, 1);
    compare_places("GeoIP2-Precision-Enterprise", 93, 1);
    compare_places("GeoLite2-City", 484, 0);
    compare_places("GeoLite2-Country", 488, 0);
}

static void every_expected_as_comes_out_as_listed(void **state)
{
    (void)state;
    char line[1024], reason[REASON_MAX];
    struct layers layers;
    assert_int_equal(walk_path(MAXMIND "/databases/GeoLite2-ASN-Test.mmdb", read_raw_asn, NULL, &layers, reason), OK);
    FILE *file = fopen(MAXMIND "/expected_GeoLite2-ASN-Test.csv", "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    size_t rows = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        char *fields[4];
        assert_true(csv_split(line, fields, 4) >= 3);
        struct address probe = unembed(address_of(fields[1]));
        assert_int_equal(layers_find(&layers, &probe), strtoul(fields[2], NULL, 10));
        rows++;
    }
    fclose(file);
    assert_int_equal(rows, 1426);
    layers_fini(&layers);
}

/* ---- trees against libmaxminddb's own look-up ---- */

/* What MMDB_lookup_sockaddr says of an address. */
struct found {
    uint32_t number; /* the record's offset plus one; 0: none */
    unsigned length; /* of the prefix that it holds for */
    bool damaged;
};

static struct found look_up(MMDB_s *file, const struct address *address)
{
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
    memcpy(&ipv4.sin_addr, address->bytes, 4);
    memcpy(&ipv6.sin6_addr, address->bytes, 16);
    const struct sockaddr *asked = (const struct sockaddr *)&ipv4;
    if (address->family == FAMILY_IPV6) asked = (const struct sockaddr *)&ipv6;
    int result;
    MMDB_lookup_result_s found = MMDB_lookup_sockaddr(file, asked, &result);
    return (struct found){.number = result == MMDB_SUCCESS && found.found_entry ? found.entry.offset + 1 : 0,
                          .length = found.netmask,
                          .damaged = result != MMDB_SUCCESS && result != MMDB_IPV6_LOOKUP_IN_IPV4_DATABASE_ERROR};
}

/* The first and the last position of every interval, and random ones. Left out are aliases, which are never
 * asked for, and a /64 that the tree divides further: whose rule is tested below. */
static void compare_family(MMDB_s *file, enum family family, const struct layer *layer, struct dice *dice)
{
    size_t probes = layer->count * 2 + 3000;
    assert_layer_sound(layer);
    for (size_t i = 0; i < probes; i++) {
        uint64_t position = dice_roll(dice) >> (64 - family_bits(family)) >> dice_below(dice, 30);
        if (i < layer->count * 2) position = layer->first[i / 2] - i % 2;
        if (family == FAMILY_IPV4) position = (uint32_t)position;
        struct address address = address_at(family, position);
        struct found found = look_up(file, &address);
        assert_false(found.damaged);
        if (atlas_fold_address(&address).family != family) continue;
        if (family == FAMILY_IPV6 && found.length > 64) continue;
        if (layer_find(layer, position) != found.number)
            fail_msg("%s: position %llx: %u instead of %u", file->filename, (unsigned long long)position,
                     layer_find(layer, position), found.number);
    }
}

static void compare_with_look_up(const char *path, struct dice *dice)
{
    char reason[REASON_MAX];
    struct layers layers;
    MMDB_s file;
    unsigned decoded = 0;
    assert_int_equal(walk_path(path, read_offset, &decoded, &layers, reason), OK);
    assert_int_equal(MMDB_open(path, MMDB_MODE_MMAP, &file), MMDB_SUCCESS);
    compare_family(&file, FAMILY_IPV4, &layers.ipv4, dice);
    compare_family(&file, FAMILY_IPV6, &layers.ipv6, dice);
    MMDB_close(&file);
    layers_fini(&layers);
}

static void every_format_equals_the_library_look_up(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("mmdb format");
    const char *names[] = {"ipv4-24", "ipv4-28", "ipv4-32", "ipv6-24", "ipv6-28", "ipv6-32", "mixed-24", "mixed-28",
                           "mixed-32", "nested", "decoder", "metadata-pointers"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/format/MaxMind-DB-test-%s.mmdb", MAXMIND, names[i]);
        compare_with_look_up(path, &dice);
    }
}

static void real_trees_equal_the_library_look_up(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("mmdb databases");
    const char *names[] = {"GeoIP2-City", "GeoIP2-Country", "GeoIP2-ISP", "GeoLite2-ASN", "GeoLite2-City"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/databases/%s-Test.mmdb", MAXMIND, names[i]);
        compare_with_look_up(path, &dice);
    }
}

/* The networks of MaxMind-DB-test-ipv6-*: all of them in ::/64. ::2:0:0/122 is the widest. */
static void the_widest_network_has_a_64(void **state)
{
    (void)state;
    const char *names[] = {"ipv6-24", "ipv6-28", "ipv6-32"};
    for (size_t i = 0; i < 3; i++) {
        char path[512], reason[REASON_MAX];
        struct layers layers;
        MMDB_s file;
        unsigned decoded = 0;
        snprintf(path, sizeof path, "%s/format/MaxMind-DB-test-%s.mmdb", MAXMIND, names[i]);
        assert_int_equal(walk_path(path, read_offset, &decoded, &layers, reason), OK);
        assert_int_equal(MMDB_open(path, MMDB_MODE_MMAP, &file), MMDB_SUCCESS);
        MMDB_entry_s entry = {&file, layer_find(&layers.ipv6, 0) - 1};
        MMDB_entry_data_s value;
        assert_int_equal(MMDB_get_value(&entry, &value, "ip", NULL), MMDB_SUCCESS);
        assert_int_equal(value.data_size, strlen("::2:0:0"));
        assert_memory_equal(value.utf8_string, "::2:0:0", value.data_size);
        assert_int_equal(layers.ipv6.count, 2); /* and nothing else */
        MMDB_close(&file);
        layers_fini(&layers);
    }
}

/* ---- trees of our own ---- */

static void aliases_are_not_copied(void **state)
{
    (void)state;
    for (unsigned bits = 24; bits <= 32; bits += 4) {
        struct mmdb_writer writer;
        char path[64], reason[REASON_MAX];
        writer_init(&writer, 6, bits);
        size_t one = writer_asn(&writer, 1), two = writer_asn(&writer, 2), three = writer_asn(&writer, 3);
        writer_insert(&writer, "192.0.2.0/24", one);
        writer_insert(&writer, "192.0.2.77/32", two);
        writer_insert(&writer, "2001:db8::/32", three);
        writer_insert(&writer, "2001:db8:0:1::8:0/112", two); /* loses its /64 to the /32's rest, a /65 */
        writer_insert(&writer, "2001:db9:0:1::8:0/112", two); /* has its /64 alone */
        writer_alias(&writer, "2002::/16");
        writer_alias(&writer, "2001::/32");
        writer_alias(&writer, "::ffff:0:0/96");
        writer_finish(&writer, "GeoLite2-ASN", path);
        struct layers layers;
        assert_int_equal(walk_path(path, read_raw_asn, NULL, &layers, reason), OK);
        unlink(path);
        assert_int_equal(layers.ipv4.count, 5);
        assert_int_equal(layers.ipv6.count, 5); /* nothing, the /32, nothing, the /64, nothing */
        const struct {
            const char *text;
            uint32_t asn;
        } rows[] = {{"192.0.2.0", 1},        {"192.0.2.77", 2},        {"192.0.2.78", 1},      {"192.0.3.0", 0},
                    {"2001:db8::", 3},       {"2001:db8:0:1::8:0", 3}, {"2001:db8:ffff::", 3}, {"2001:db9::", 0},
                    {"2001:db9:0:1::", 2},   {"2001:db9:0:2::", 0},    {"2002:c000:24d::1", 2},
                    {"2001:0:c000:24c::", 1}, {"::1", 0},              {"2003::", 0}};
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            struct address address = address_of(rows[i].text);
            assert_int_equal(layers_find(&layers, &address), rows[i].asn);
        }
        layers_fini(&layers);
    }
}

static int wider_first(const void *left, const void *right)
{
    return ((const struct prefix *)left)->length - ((const struct prefix *)right)->length;
}

static void random_trees_equal_the_longest_prefix(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("mmdb trees");
    for (unsigned round = 0; round < 60; round++) {
        struct prefix prefixes[64];
        struct mmdb_writer writer;
        char path[64], reason[REASON_MAX];
        struct layers layers;
        size_t count = 0;
        while (count < 64) {
            prefixes[count] = random_prefix(&dice, prefixes, count);
            count += prefixes[count].length > 16; /* an IPv6 one that wide could cover IPv4 */
        }
        qsort(prefixes, count, sizeof prefixes[0], wider_first);
        writer_init(&writer, 6, 24 + 4 * dice_below(&dice, 3));
        for (uint32_t i = 0; i < count; i++)
            writer_put(&writer, &prefixes[i], WRITER_DATA + (int64_t)writer_asn(&writer, i + 1));
        writer_finish(&writer, "GeoLite2-ASN", path);
        assert_int_equal(walk_path(path, read_raw_asn, NULL, &layers, reason), OK);
        unlink(path);
        assert_layer_sound(&layers.ipv4);
        assert_layer_sound(&layers.ipv6);
        for (unsigned i = 0; i < 2000; i++) {
            const struct prefix *near = &prefixes[dice_below(&dice, (uint32_t)count)];
            uint64_t position = dice_roll(&dice) >> dice_below(&dice, 64);
            if (!dice_once_in(&dice, 3)) position = address_position(&near->address) - dice_below(&dice, 2);
            struct address address = address_at(near->address.family, position);
            if (address.family == FAMILY_IPV6 && address_position(&address) == 0) continue;
            uint32_t expected = 0;
            for (uint32_t j = 0; j < count; j++)
                if (prefix_contains(&prefixes[j], &address)) expected = j + 1;
            const struct layer *layer = address.family == FAMILY_IPV4 ? &layers.ipv4 : &layers.ipv6;
            assert_int_equal(layer_find(layer, address_position(&address)), expected);
        }
        layers_fini(&layers);
    }
}

static void ipv4_only_trees_say_nothing_of_ipv6(void **state)
{
    (void)state;
    struct mmdb_writer writer;
    char path[64], reason[REASON_MAX];
    struct layers layers;
    writer_init(&writer, 4, 24);
    writer_insert(&writer, "0.0.0.0/1", writer_asn(&writer, 5));
    writer_insert(&writer, "255.255.255.255/32", writer_asn(&writer, 6));
    writer_finish(&writer, "GeoLite2-ASN", path);
    assert_int_equal(walk_path(path, read_raw_asn, NULL, &layers, reason), OK);
    unlink(path);
    assert_int_equal(layers.ipv6.count, 1);
    assert_int_equal(layers.ipv4.count, 3);
    assert_int_equal(layer_find(&layers.ipv4, 0x7fffffff), 5);
    assert_int_equal(layer_find(&layers.ipv4, 0x80000000), 0);
    assert_int_equal(layer_find(&layers.ipv4, UINT32_MAX), 6);
    layers_fini(&layers);
}

static void each_record_is_decoded_once(void **state)
{
    (void)state;
    struct mmdb_writer writer;
    char path[64], reason[REASON_MAX];
    struct layers layers;
    unsigned decoded = 0;
    writer_init(&writer, 6, 32);
    size_t one = writer_asn(&writer, 1), two = writer_asn(&writer, 2);
    for (unsigned i = 0; i < 3000; i++) {
        struct prefix prefix = {.address = address_at(FAMILY_IPV4, (uint64_t)i << 20), .length = 12};
        writer_put(&writer, &prefix, WRITER_DATA + (int64_t)(i % 2 ? one : two));
    }
    writer_insert(&writer, "2001:db8::/32", one);
    writer_finish(&writer, "GeoLite2-ASN", path);
    assert_int_equal(walk_path(path, read_offset, &decoded, &layers, reason), OK);
    unlink(path);
    assert_int_equal(decoded, 2);
    assert_int_equal(layers.ipv4.count, 3001);
    layers_fini(&layers);
}

/* ---- damage ---- */

static void expect_damage(struct mmdb_writer *writer, mmdb_reader *reader, void *context, const char *word)
{
    char path[64], reason[REASON_MAX] = "";
    struct layers layers;
    writer_finish(writer, "GeoIP2-City", path);
    assert_int_equal(walk_path(path, reader, context, &layers, reason), ERR_SYNTAX);
    if (strstr(reason, word) == NULL || strstr(reason, path) == NULL) fail_msg("%s", reason);
    unlink(path);
}

static void cycles_end_with_a_reason(void **state)
{
    (void)state;
    struct mmdb_writer writer;
    for (unsigned version = 4; version <= 6; version += 2) { /* a node whose both records are itself */
        writer_init(&writer, version, 24);
        writer.records[0][0] = writer_node(&writer, 1);
        expect_damage(&writer, read_raw_asn, NULL, "deeper than an address");
    }
    writer_init(&writer, 6, 24); /* a node below the last bit of an IPv6 address */
    struct prefix last = prefix_of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128");
    int64_t beyond = writer_node(&writer, WRITER_EMPTY);
    writer_put(&writer, &last, beyond);
    expect_damage(&writer, read_raw_asn, NULL, "deeper than an address");

    writer_init(&writer, 4, 24); /* back to the top */
    writer.records[0][0] = 0;
    expect_damage(&writer, read_raw_asn, NULL, "points outside the file");

    writer_init(&writer, 6, 24); /* a ladder of nodes, each naming the next one twice: 2^64 ways down */
    size_t data = writer_asn(&writer, 1);
    for (int64_t node = 0; node < 63; node++) {
        int64_t next = writer_node(&writer, WRITER_EMPTY);
        writer.records[node][0] = writer.records[node][1] = next;
    }
    writer.records[63][1] = WRITER_DATA + (int64_t)data;
    expect_damage(&writer, read_raw_asn, NULL, "met more often");
}

static void records_outside_the_file_end_with_a_reason(void **state)
{
    (void)state;
    struct mmdb_writer writer;
    writer_init(&writer, 4, 32);
    (void)writer_asn(&writer, 1);
    writer_insert(&writer, "10.0.0.0/8", 1000000);
    expect_damage(&writer, read_raw_asn, NULL, "points outside the file");
}

static void coordinates_outside_the_earth_end_with_a_reason(void **state)
{
    (void)state;
    const double rows[][2] = {{91, 0}, {-90.5, 0}, {0, 181}, {0, -1000}, {NAN, 0}, {0, INFINITY}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mmdb_writer writer;
        struct gazetteer gazetteer;
        assert_int_equal(gazetteer_init(&gazetteer), OK);
        writer_init(&writer, 4, 24);
        writer_insert(&writer, "10.0.0.0/8", writer_city(&writer, "EU", "DE", "BE", rows[i][0], rows[i][1], 5));
        expect_damage(&writer, read_raw_place, &gazetteer, "coordinates outside the Earth");
        gazetteer_fini(&gazetteer);
    }
}

static void odd_fields_count_as_absent(void **state)
{
    (void)state;
    struct mmdb_writer writer;
    struct gazetteer gazetteer;
    struct layers layers;
    char path[64], reason[REASON_MAX];
    assert_int_equal(gazetteer_init(&gazetteer), OK);
    writer_init(&writer, 4, 24);
    size_t city = writer_city(&writer, "EU", "DE", "BE", 52.5, 13.25, 5);
    size_t lower = writer_city(&writer, "europe", "de", "TOOLONG", -90, 180, 0);
    size_t text = writer.size; /* a string instead of a map */
    writer_string(&writer, "Berlin");
    size_t flat = writer.size; /* country as a string, location as a number, continent as an empty map */
    writer_map(&writer, 3);
    writer_string(&writer, "country");
    writer_string(&writer, "DE");
    writer_string(&writer, "location");
    writer_uint(&writer, 6, 7);
    writer_string(&writer, "continent");
    writer_map(&writer, 0);
    size_t listed = writer.size; /* country as an array */
    writer_map(&writer, 1);
    writer_string(&writer, "country");
    writer_head(&writer, 11, 1);
    writer_string(&writer, "DE");
    size_t half = writer.size; /* latitude alone */
    writer_map(&writer, 1);
    writer_string(&writer, "location");
    writer_map(&writer, 1);
    writer_string(&writer, "latitude");
    writer_double(&writer, 50);
    const size_t offsets[] = {city, lower, text, flat, listed, half};
    for (unsigned i = 0; i < 6; i++) {
        struct prefix prefix = {.address = address_at(FAMILY_IPV4, (uint64_t)i << 24), .length = 8};
        writer_put(&writer, &prefix, WRITER_DATA + (int64_t)offsets[i]);
    }
    writer_finish(&writer, "DBIP-City-Lite", path);
    assert_int_equal(walk_path(path, read_raw_place, &gazetteer, &layers, reason), OK);
    unlink(path);
    const struct place *first = &gazetteer.places[layer_find(&layers.ipv4, 0)];
    assert_string_equal(first->continent, "EU");
    assert_string_equal(first->country, "DE");
    assert_string_equal(first->subdivision, "BE");
    assert_true(first->has_location && first->location.latitude == 52.5 && first->location.longitude == 13.25);
    assert_int_equal(first->accuracy_km, 5);
    const struct place *second = &gazetteer.places[layer_find(&layers.ipv4, 1 << 24)];
    assert_string_equal(second->continent, "");
    assert_string_equal(second->country, "");
    assert_string_equal(second->subdivision, "");
    assert_true(second->has_location && second->location.latitude == -90 && second->location.longitude == 180);
    for (uint64_t i = 2; i < 6; i++) assert_int_equal(layer_find(&layers.ipv4, i << 24), 0);
    layers_fini(&layers);
    gazetteer_fini(&gazetteer);
}

/* Writers differ in the types they choose for whole numbers. */
static void write_number(struct mmdb_writer *writer, unsigned type, int64_t value)
{
    uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
    switch (type) {
    case MMDB_DATA_TYPE_DOUBLE: writer_double(writer, (double)value); return;
    case MMDB_DATA_TYPE_INT32:
        writer_head(writer, type, sizeof bytes);
        writer_bytes(writer, bytes, sizeof bytes);
        return;
    default: writer_uint(writer, type, (uint64_t)value);
    }
}

static void numbers_of_any_type_count(void **state)
{
    (void)state;
    static const struct {
        unsigned type;
        int latitude;
        int longitude;
    } rows[] = {{MMDB_DATA_TYPE_DOUBLE, -37, 144}, {MMDB_DATA_TYPE_UINT16, 52, 13}, {MMDB_DATA_TYPE_UINT32, 1, 103},
                {MMDB_DATA_TYPE_INT32, -34, -58},  {MMDB_DATA_TYPE_UINT64, 59, 18}, {MMDB_DATA_TYPE_INT32, 0, 0}};
    enum { ROWS = sizeof rows / sizeof rows[0] };
    struct mmdb_writer writer;
    struct gazetteer gazetteer;
    struct layers layers;
    char path[64], reason[REASON_MAX];
    assert_int_equal(gazetteer_init(&gazetteer), OK);
    writer_init(&writer, 4, 24);
    for (unsigned i = 0; i < ROWS; i++) {
        struct prefix prefix = {.address = address_at(FAMILY_IPV4, (uint64_t)i << 24), .length = 8};
        writer_put(&writer, &prefix, WRITER_DATA + (int64_t)writer.size);
        writer_map(&writer, 2);
        writer_string(&writer, "autonomous_system_number");
        write_number(&writer, rows[i].type, 64496 + (int64_t)i);
        writer_string(&writer, "location");
        writer_map(&writer, 2);
        writer_string(&writer, "latitude");
        write_number(&writer, rows[i].type, rows[i].latitude);
        writer_string(&writer, "longitude");
        write_number(&writer, rows[i].type, rows[i].longitude);
    }
    writer_finish(&writer, "Made-By-Hand", path);
    assert_int_equal(walk_path(path, read_raw_place, &gazetteer, &layers, reason), OK);
    for (unsigned i = 0; i < ROWS; i++) {
        const struct place *place = &gazetteer.places[layer_find(&layers.ipv4, (uint64_t)i << 24)];
        assert_true(place->has_location);
        assert_true(place->location.latitude == rows[i].latitude && place->location.longitude == rows[i].longitude);
    }
    layers_fini(&layers);
    assert_int_equal(walk_path(path, read_raw_asn, NULL, &layers, reason), OK);
    for (unsigned i = 0; i < ROWS; i++) assert_int_equal(layer_find(&layers.ipv4, (uint64_t)i << 24), 64496 + i);
    layers_fini(&layers);
    unlink(path);
    gazetteer_fini(&gazetteer);
}

/* What each damaged database gives: opening or walking it with a reason, or a walk that equals the
 * library's look-up. */
static void broken_databases_give_a_reason_or_right_answers(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum status status; /* of reading places */
        bool walks;         /* the tree itself is sound */
    } rows[] = {
        {"GeoIP2-City-Test-Broken-Double-Format", ERR_SYNTAX, true},
        {"GeoIP2-City-Test-Invalid-Node-Count", ERR_SYNTAX, false},
        {"MaxMind-DB-no-ipv4-search-tree", OK, true},
        {"MaxMind-DB-string-value-entries", OK, true},
        {"MaxMind-DB-test-broken-pointers-24", ERR_SYNTAX, false},
        {"MaxMind-DB-test-broken-search-tree-24", ERR_SYNTAX, false},
        {"bad-unicode-in-map-key", ERR_SYNTAX, false},
        {"cyclic-data-structure", ERR_SYNTAX, false},
        {"invalid-bytes-length", ERR_SYNTAX, false},
        {"invalid-data-record-offset", ERR_SYNTAX, false},
        {"invalid-map-key-length", ERR_SYNTAX, false},
        {"invalid-string-length", ERR_SYNTAX, false},
        {"libmaxminddb-corrupt-search-tree", OK, true},
        {"libmaxminddb-deep-array-nesting", OK, true},
        {"libmaxminddb-deep-nesting", OK, true},
        {"libmaxminddb-empty-array-last-in-metadata", OK, true},
        {"libmaxminddb-empty-map-last-in-metadata", OK, true},
        {"libmaxminddb-metadata-marker-only", ERR_SYNTAX, false},
        {"libmaxminddb-offset-integer-overflow", ERR_SYNTAX, false},
        {"libmaxminddb-oversized-array", OK, true},
        {"libmaxminddb-oversized-map", ERR_SYNTAX, true},
        {"libmaxminddb-separator-record-max-left", ERR_SYNTAX, true},
        {"libmaxminddb-separator-record-min-left", ERR_SYNTAX, true},
        {"libmaxminddb-separator-record-min-right", ERR_SYNTAX, true},
        {"libmaxminddb-uint64-max-epoch", OK, true},
        {"metadata-is-an-uint128", ERR_SYNTAX, false},
        {"unexpected-bytes", ERR_SYNTAX, false},
    };
    struct dice dice = dice_from_environment("mmdb broken");
    assert_int_equal(sizeof rows / sizeof rows[0], 27);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char path[512], reason[REASON_MAX] = "";
        struct gazetteer gazetteer;
        struct layers layers;
        snprintf(path, sizeof path, "%s/broken/%s.mmdb", MAXMIND, rows[i].name);
        assert_int_equal(gazetteer_init(&gazetteer), OK);
        enum status status = walk_path(path, read_raw_place, &gazetteer, &layers, reason);
        if (status != rows[i].status) fail_msg("%s: %s: %s", rows[i].name, status_name(status), reason);
        if (status == OK) layers_fini(&layers);
        if (status != OK) assert_non_null(strstr(reason, rows[i].name));
        gazetteer_fini(&gazetteer);

        unsigned decoded = 0;
        status = walk_path(path, read_offset, &decoded, &layers, reason);
        if ((status == OK) != rows[i].walks) fail_msg("%s: %s: %s", rows[i].name, status_name(status), reason);
        if (status == OK) layers_fini(&layers);
        if (status == OK) compare_with_look_up(path, &dice);
    }
}

static void what_is_no_file_is_an_error(void **state)
{
    (void)state;
    char reason[REASON_MAX];
    struct mmdb *mmdb;
    assert_int_equal(mmdb_open("/nonexistent.mmdb", &mmdb, reason), ERR_IO);
    assert_non_null(strstr(reason, "/nonexistent.mmdb: No such file"));
    assert_int_equal(mmdb_open("/tmp", &mmdb, reason), ERR_IO);
    assert_non_null(strstr(reason, "not a regular file"));
    assert_int_equal(mmdb_open(SOURCE_DIR "/geo/mmdb.c", &mmdb, reason), ERR_SYNTAX);
    assert_non_null(strstr(reason, "not a MaxMind DB"));
    char path[64];
    file_text(path, "");
    assert_int_equal(mmdb_open(path, &mmdb, reason), ERR_SYNTAX);
    unlink(path);
    mmdb_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_expected_place_comes_out_as_listed),
        cmocka_unit_test(every_expected_as_comes_out_as_listed),
        cmocka_unit_test(every_format_equals_the_library_look_up),
        cmocka_unit_test(real_trees_equal_the_library_look_up),
        cmocka_unit_test(the_widest_network_has_a_64),
        cmocka_unit_test(aliases_are_not_copied),
        cmocka_unit_test(random_trees_equal_the_longest_prefix),
        cmocka_unit_test(ipv4_only_trees_say_nothing_of_ipv6),
        cmocka_unit_test(each_record_is_decoded_once),
        cmocka_unit_test(cycles_end_with_a_reason),
        cmocka_unit_test(records_outside_the_file_end_with_a_reason),
        cmocka_unit_test(coordinates_outside_the_earth_end_with_a_reason),
        cmocka_unit_test(odd_fields_count_as_absent),
        cmocka_unit_test(numbers_of_any_type_count),
        cmocka_unit_test(broken_databases_give_a_reason_or_right_answers),
        cmocka_unit_test(what_is_no_file_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
