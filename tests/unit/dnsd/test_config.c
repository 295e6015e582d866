/* test_config.c - what a sound configuration becomes.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dnsd/config/config.h"
#include "geo/country.h"

static void print_problems(const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        char line[1024];
        problem_format(&problems->list[i], line, sizeof line);
        print_error("%s\n", line);
    }
}

static struct config *load(const char *path)
{
    struct problems problems;
    struct config *config = NULL;
    problems_init(&problems);
    enum status status = config_load(path, &problems, &config);
    print_problems(&problems);
    assert_int_equal(status, OK);
    problems_fini(&problems);
    return config;
}

static struct config *parse(const char *text)
{
    struct problems problems;
    struct config *config = NULL;
    problems_init(&problems);
    enum status status = config_parse(NULL, text, strlen(text), &problems, &config);
    print_problems(&problems);
    assert_int_equal(status, OK);
    problems_fini(&problems);
    return config;
}

static void assert_address(const struct address *address, const char *expected)
{
    char text[ADDRESS_TEXT_MAX];
    address_format(address, text);
    assert_string_equal(text, expected);
}

static void minimal_has_good_defaults(void **state)
{
    (void)state;
    struct config *config = load(SOURCE_DIR "/deploy/examples/minimal.yaml");
    const struct model *model = &config->model;
    assert_true(strlen(config->pop_name) > 0);
    assert_false(config->pop_located);
    assert_string_equal(config->fleet, "default");
    assert_string_equal(config->nsid, config->pop_name);
    assert_int_equal(config->listen_count, 2);
    assert_address(&config->listen[0].address, "0.0.0.0");
    assert_address(&config->listen[1].address, "::");
    assert_int_equal(config->listen[0].port, 53);
    assert_int_equal(config->listen[1].port, 53);
    assert_true(config->workers >= 1);
    assert_null(config->user);
    assert_int_equal(config->udp_payload, 1232);
    assert_int_equal(config->report_ttl_ms, 60000);
    assert_int_equal(config->probe_concurrency, 64);
    assert_int_equal(config->tcp.connections, 1024);
    assert_int_equal(config->tcp.connections_per_client, 32);
    assert_int_equal(config->tcp.idle_ms, 10000);
    assert_int_equal(config->tcp.total_ms, 120000);
    assert_int_equal(config->tcp.pipelined, 64);
    assert_address(&config->admin_address, "127.0.0.1");
    assert_int_equal(config->admin_port, 8053);
    assert_string_equal(config->geo.database, "default");
    assert_null(config->geo.text_ipv4);
    assert_null(config->geo.text_ipv6);
    assert_null(config->geo.asn_database);
    assert_int_equal(config->geo_check_ms, 10000);
    assert_int_equal(config->zone_count, 1);
    assert_string_equal(config->zones[0].origin, "example.com");
    assert_string_equal(config->zones[0].file, SOURCE_DIR "/deploy/examples/example.com.zone");

    assert_int_equal(model->region_count, 1);
    const struct region *region = &model->regions[0];
    assert_string_equal(region->country, "IE");
    assert_int_equal(region->min_healthy_permille, 500);
    assert_int_equal(region->ramp_s, 30);
    assert_true(region->location.latitude == country_find("IE")->location.latitude);
    assert_int_equal(model->endpoint_count, 1);
    assert_int_equal(model->endpoints[0].weight, 1);
    assert_true(model->endpoints[0].capacity_rps == 0);
    assert_false(model->endpoints[0].probed);
    assert_int_equal(config->probes[0].kind, PROBE_NONE);
    assert_int_equal(model->policy_count, 1);
    const struct policy *policy = &model->policies[0];
    assert_string_equal(policy->name, "default");
    assert_int_equal(policy->steering, STEERING_BALANCED);
    assert_true(policy->network_weight == 1.0 && policy->utilisation_ms_per_percent == 2.0 &&
                policy->processing_weight == 1.0);
    assert_true(policy->unreachable_penalty_ms == 300.0);
    const struct health_rules *health = &model->health;
    assert_int_equal(health->quorum, QUORUM_MAJORITY);
    assert_int_equal(health->static_ms, 10000);
    assert_int_equal(health->panic_permille, 500);
    assert_int_equal(health->degraded_permille, 500);
    assert_true(policy->require_capacity);
    assert_false(policy->has_unknown);
    assert_null(policy->region_weights);
    assert_int_equal(policy->rule_count, 0);
    assert_int_equal(model->service_count, 1);
    assert_int_equal(model->services[0].ttl_s, 30);
    assert_int_equal(model->services[0].ttl_min_s, 5);
    assert_int_equal(model->plans[model->services[0].plan].region_count, 1);
    assert_int_equal(model->latency_base_us, 9000);
    assert_true(model->latency_us_per_km > 15.2199 && model->latency_us_per_km < 15.2201);
    config_release(config);
}

static void the_designs_sample_is_read_as_meant(void **state)
{
    (void)state;
    struct config *config = load(TEST_DATA "/config/good_design.yaml");
    const struct model *model = &config->model;
    assert_string_equal(config->pop_name, "pop-eu");
    assert_true(config->pop_located && config->pop_location.latitude == 52.37 &&
                config->pop_location.longitude == 4.90);
    assert_string_equal(config->fleet, "production");
    assert_int_equal(model->region_count, 4);
    region_id europe = region_find(model, "eu-west-1");
    assert_int_not_equal(europe, ID_NONE);
    const struct region *region = &model->regions[europe];
    assert_true(region->location.longitude == -6.26);
    assert_int_equal(region->endpoint_count, 1);
    const struct endpoint *endpoint = &model->endpoints[region->first_endpoint];
    assert_string_equal(endpoint->name, "eu-west-1-a");
    assert_int_equal(endpoint->region, europe);
    assert_int_equal(endpoint->address_count, 2);
    assert_address(&endpoint->addresses[1], "2001:db8:3::30");
    assert_true(endpoint->capacity_rps == 80);
    assert_true(endpoint->probed);
    assert_int_equal(endpoint->probe_interval_ms, 1000);
    assert_int_equal(endpoint->probe_timeout_ms, 500);
    assert_int_equal(endpoint->rise, 2);
    const struct probe_settings *probe = &config->probes[region->first_endpoint];
    assert_int_equal(probe->kind, PROBE_HTTP);
    assert_string_equal(probe->url, "http://192.0.2.30:8080/health");
    assert_null(probe->method);
    assert_int_equal(probe->status_min, 200);
    assert_int_equal(probe->status_max, 299);

    /* the service's own order of regions, and a policy declared under the name of the built-in one */
    const struct plan *plan = &model->plans[model->services[0].plan];
    static const char *const order[] = {"us-east-1", "us-west-2", "eu-west-1", "ap-southeast-1"};
    assert_int_equal(plan->region_count, 4);
    for (size_t i = 0; i < 4; i++) assert_string_equal(model->regions[plan->regions[i]].name, order[i]);
    assert_string_equal(model->policies[plan->policy].name, "default");
    assert_int_equal(model->policy_count, 2);

    const struct policy *residency = &model->policies[1];
    assert_int_equal(residency->steering, STEERING_NEAREST);
    assert_int_equal(residency->rule_count, 4);
    assert_string_equal(residency->rules[0].continents[0], "EU");
    assert_int_equal(residency->rules[0].only[0], europe);
    assert_int_equal(residency->rules[1].subdivision_count, 3);
    assert_string_equal(residency->rules[1].subdivisions[1], "OR");
    assert_int_equal(residency->rules[1].prefer_count, 2);
    assert_int_equal(residency->rules[1].only_count, 0);
    assert_int_equal(residency->rules[2].network_count, 1);
    assert_int_equal(residency->rules[2].asns[0], 64496);
    assert_int_equal(residency->rules[3].continent_count + residency->rules[3].network_count, 0);
    config_release(config);
}

static void the_full_example_uses_every_feature(void **state)
{
    (void)state;
    struct config *config = load(SOURCE_DIR "/deploy/examples/full.yaml");
    const struct model *model = &config->model;
    assert_int_equal(model->endpoints[0].degraded_ms, 250);
    assert_int_equal(model->endpoints[0].probe_from, 3);
    assert_int_equal(model->endpoints[1].degraded_ms, 0);
    assert_int_equal(model->endpoints[1].probe_from, 0);
    const struct probe_settings *https = &config->probes[endpoint_find(model, "us-east-1-b")];
    assert_string_equal(https->tls_name, "api.example.com");
    assert_string_equal(https->ca_file, SOURCE_DIR "/deploy/examples/internal-ca.pem");
    assert_int_equal(https->status_min, 204);
    assert_int_equal(https->status_max, 204);
    const struct probe_settings *tcp = &config->probes[endpoint_find(model, "us-west-2-a")];
    assert_int_equal(tcp->kind, PROBE_TCP);
    assert_int_equal(tcp->port, 443);
    const struct probe_settings *dns = &config->probes[endpoint_find(model, "eu-west-1-a")];
    assert_int_equal(dns->kind, PROBE_DNS);
    assert_int_equal(dns->port, 53);
    assert_int_equal(dns->type, 16);
    assert_string_equal(dns->name, "health.example.net");
    assert_string_equal(model->endpoints[endpoint_find(model, "overflow-a")].hostname, "api.overflow.example.net");
    assert_string_equal(config->user, "nobody");

    const struct policy *shares = &model->policies[3];
    assert_int_equal(shares->steering, STEERING_WEIGHTED);
    assert_int_equal(shares->region_weights[region_find(model, "us-east-1")], 95);
    assert_int_equal(shares->region_weights[region_find(model, "us-west-2")], 0);
    const struct policy *first = &model->policies[0];
    assert_true(first->has_unknown && first->unknown.has_location);
    assert_string_equal(first->unknown.country, "US");
    assert_string_equal(first->unknown.continent, "NA");
    assert_int_equal(first->unknown.source, PLACE_UNKNOWN);
    assert_true(model->policies[1].rules[3].fallback_any);

    /* pins: by prefix, the inner beats the outer; by AS */
    assert_int_equal(model->pin_count, 4);
    for (size_t i = 0; i < model->pin_count; i++) {
        const struct pin *pin = &model->pins[i];
        assert_true((pin->network != ID_NONE) != (pin->asn != 0));
        if (pin->network != ID_NONE) assert_int_equal(model->networks[pin->network].pin, i);
        assert_true(!pin->has_place || pin->place.source == PLACE_PIN);
        assert_true(pin->line > 0);
    }
    assert_int_equal(model->pins[3].asn, 64511); /* behind those by prefix, which pin_find counts on */
    assert_string_equal(model->pins[3].place.continent, "AS");
    assert_int_equal(model->asn_count, 2);
    assert_true(model->asns[0] == 64496 && model->asns[1] == 64511);

    assert_int_equal(model->latency_row_count, 8);
    assert_int_equal(model->latency_rows[0].from, LATENCY_FROM_NETWORK);
    assert_int_equal(model->latency_rows[0].latency_us, 12500);
    assert_int_equal(model->latency_rows[2].from, LATENCY_FROM_COUNTRY);
    assert_string_equal(model->latency_rows[2].country, "DE");
    assert_int_equal(model->latency_rows[5].from, LATENCY_FROM_REGION);
    assert_int_equal(model->latency_rows[5].nearest, region_find(model, "us-east-1"));
    assert_int_equal(model->latency_rows[5].to, region_find(model, "us-west-2"));

    /* a service without regions has all, in the file's order */
    const struct plan *near = &model->plans[model->services[4].plan];
    assert_int_equal(near->region_count, model->region_count);
    for (size_t i = 0; i < near->region_count; i++) assert_int_equal(near->regions[i], i);
    assert_string_equal(model->services[5].name, "*.models.example.com");

    const struct anycast_settings *anycast = &config->anycast;
    assert_int_equal(anycast->local_as, 64500);
    assert_int_equal(anycast->router_id, 0xc6336407);
    assert_int_equal(anycast->neighbor_count, 2);
    assert_int_equal(anycast->neighbors[0].as, 64496);
    assert_true(anycast->neighbors[0].ttl_security && !anycast->neighbors[1].ttl_security);
    assert_int_equal(anycast->neighbors[0].source.family, FAMILY_NONE);
    assert_int_equal(anycast->neighbors[1].source.family, FAMILY_IPV6);
    assert_int_equal(anycast->neighbors[1].port, 179);
    assert_int_equal(anycast->prefix_count, 2);
    assert_int_equal(anycast->prefixes[0].service, ID_NONE);
    assert_string_equal(model->services[anycast->prefixes[1].service].name, "api.example.com");
    assert_int_equal(anycast->prefixes[1].prefix.length, 128);
    assert_int_equal(anycast->communities[0], 64496u << 16 | 100);
    assert_int_equal(anycast->next_hop4.family, FAMILY_IPV4);
    assert_int_equal(anycast->next_hop6.family, FAMILY_NONE);
    assert_int_equal(anycast->drain_ms, 20000);
    config_release(config);
}

#define PREAMBLE                                                                                                       \
    "zones: [{origin: example.com, file: z}]\n"                                                                        \
    "regions:\n"                                                                                                       \
    "  - {name: a, country: US, endpoints: [{name: a-1, addresses: [192.0.2.1]}, {name: a-2, addresses: "              \
    "[192.0.2.2]}]}\n"                                                                                                 \
    "  - {name: b, country: DE, endpoints: [{name: b-1, addresses: [192.0.2.3]}]}\n"

static void services_with_the_same_choice_share_a_plan(void **state)
{
    (void)state;
    struct config *config = parse(PREAMBLE "services:\n"
                                           "  - {name: one.example.com, regions: [a, b]}\n"
                                           "  - {name: two.example.com, regions: [a, b], policy: default}\n"
                                           "  - {name: three.example.com, regions: [b, a]}\n"
                                           "  - {name: four.example.com}\n"
                                           "  - {name: five.example.com, policy: other}\n"
                                           "policies: [{name: other}]\n");
    const struct model *model = &config->model;
    assert_int_equal(model->plan_count, 3);
    assert_int_equal(model->services[0].plan, model->services[1].plan);
    assert_int_equal(model->services[0].plan, model->services[3].plan);
    assert_int_not_equal(model->services[0].plan, model->services[2].plan);
    assert_int_not_equal(model->services[0].plan, model->services[4].plan);
    config_release(config);
}

static void endpoints_stand_together_in_the_order_of_their_regions(void **state)
{
    (void)state;
    struct config *config = parse(PREAMBLE);
    const struct model *model = &config->model;
    assert_int_equal(model->endpoint_count, 3);
    assert_int_equal(model->regions[0].first_endpoint, 0);
    assert_int_equal(model->regions[0].endpoint_count, 2);
    assert_int_equal(model->regions[1].first_endpoint, 2);
    for (size_t i = 0; i < model->region_count; i++)
        for (size_t j = 0; j < model->regions[i].endpoint_count; j++)
            assert_int_equal(model->endpoints[model->regions[i].first_endpoint + j].region, i);
    config_release(config);
}

static void zones_alone_need_no_regions(void **state)
{
    (void)state;
    struct config *config = parse("zones: [{origin: ., file: root.zone}]\n");
    assert_string_equal(config->zones[0].origin, "");
    assert_string_equal(config->zones[0].file, "root.zone");
    assert_int_equal(config->model.region_count, 0);
    assert_int_equal(config->model.policy_count, 1);
    config_release(config);
}

static void admin_can_be_switched_off(void **state)
{
    (void)state;
    struct config *config = parse("zones: [{origin: example.com, file: z}]\nadmin: {listen: none}\n");
    assert_int_equal(config->admin_address.family, FAMILY_NONE);
    config_release(config);
    config = parse("zones: [{origin: example.com, file: z}]\nadmin: {listen: \"::1\"}\n");
    assert_address(&config->admin_address, "::1");
    assert_int_equal(config->admin_port, 8053);
    config_release(config);
}

static void a_service_may_serve_the_root_zone_or_a_nested_one(void **state)
{
    (void)state;
    struct config *config =
        parse("zones: [{origin: ., file: r}, {origin: b.example.com, file: z}]\n"
              "regions: [{name: n, country: US, endpoints: [{name: n-1, hostname: LB.example.NET.}]}]\n"
              "services: [{name: A.example.com.}, {name: a.b.example.com}, {name: '*.example.com'}]\n");
    assert_string_equal(config->model.services[0].name, "a.example.com");
    assert_string_equal(config->model.endpoints[0].hostname, "lb.example.net");
    assert_int_equal(config->model.endpoints[0].address_count, 0);
    config_release(config);
}

static void an_anchor_may_be_used_again(void **state)
{
    (void)state;
    struct config *config =
        parse("zones: [{origin: example.com, file: z}]\n"
              "regions:\n"
              "  - {name: a, country: US, endpoints: [{name: a-1, addresses: [192.0.2.1], probe: &p {kind: tcp, "
              "address: 192.0.2.9@80, interval_ms: 300}}]}\n"
              "  - {name: b, country: US, endpoints: [{name: b-1, addresses: [192.0.2.2], probe: *p}]}\n");
    assert_int_equal(config->probes[1].interval_ms, 300);
    assert_int_equal(config->probes[1].timeout_ms, 150); /* half of the interval, where 500 would not fit */
    assert_int_equal(config->probes[1].port, 80);
    config_release(config);
}

/* The router looks into these lists by halving them. */
static void networks_and_as_numbers_of_rules_and_pins_ascend(void **state)
{
    (void)state;
    struct config *config =
        parse("zones: [{origin: a.example, file: a.zone}]\n"
              "regions: [{name: a, country: US, endpoints: [{name: a-1, addresses: [192.0.2.1]}]}]\n"
              "policies: [{name: default, places: [{match: {prefix: [192.0.2.0/24, 10.0.0.0/8, 172.16.0.0/12], "
              "asn: [64510, 64499, 64500]}, only: a}]}]\n"
              "pins: [{asn: [64511, 64496], place: {country: DE}}, {prefix: 10.1.0.0/16, place: {country: DE}}, "
              "{asn: 64498, place: {country: FR}}]\n");
    const struct model *model = &config->model;
    const struct rule *rule = &model->policies[0].rules[0];
    assert_int_equal(rule->network_count, 3);
    assert_int_equal(rule->asn_count, 3);
    for (size_t i = 1; i < 3; i++) {
        assert_true(rule->networks[i - 1] < rule->networks[i]);
        assert_true(rule->asns[i - 1] < rule->asns[i]);
    }
    assert_int_equal(model->pin_count, 4);
    for (size_t i = 1; i < model->pin_count; i++) assert_true(model->pins[i - 1].asn < model->pins[i].asn);
    assert_int_equal(pin_find(model, ID_NONE, 64496), 1);
    assert_string_equal(model->pins[pin_find(model, ID_NONE, 64498)].place.country, "FR");
    assert_string_equal(model->pins[pin_find(model, model->pins[0].network, 64498)].place.country, "DE");
    config_release(config);
}

static void files_are_relative_to_the_configuration(void **state)
{
    (void)state;
    static const char text[] = "zones: [{origin: a.example, file: a.zone}, {origin: b.example, file: /etc/b.zone}]\n"
                               "geo: {database: city.mmdb, asn_database: ../asn.mmdb}\n";
    struct problems problems;
    struct config *config = NULL;
    problems_init(&problems);
    assert_int_equal(config_parse("/etc/meridian/meridian.yaml", text, strlen(text), &problems, &config), OK);
    assert_string_equal(config->path, "/etc/meridian/meridian.yaml");
    assert_string_equal(config->zones[0].file, "/etc/meridian/a.zone");
    assert_string_equal(config->zones[1].file, "/etc/b.zone");
    assert_string_equal(config->geo.database, "/etc/meridian/city.mmdb");
    assert_string_equal(config->geo.asn_database, "/etc/meridian/../asn.mmdb");
    config_release(config);
    assert_int_equal(config_parse("meridian.yaml", text, strlen(text), &problems, &config), OK);
    assert_string_equal(config->zones[0].file, "a.zone");
    config_release(config);
    problems_fini(&problems);
}

static void without_a_path_no_file_is_read(void **state)
{
    (void)state;
    static const char text[] = "zones: [{origin: a.example, file: a.zone}]\nlatency: {table: /etc/passwd}\n";
    struct problems problems;
    struct config *config = NULL;
    char line[256];
    problems_init(&problems);
    assert_int_equal(config_parse(NULL, text, strlen(text), &problems, &config), ERR_SYNTAX);
    assert_int_equal(problems.count, 1);
    problem_format(&problems.list[0], line, sizeof line);
    assert_string_equal(
        line, "configuration:2: latency.table: /etc/passwd: no file names: this text has no place of its own");
    problems_fini(&problems);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void the_digest_is_of_all_files(void **state)
{
    (void)state;
    char folder[] = "/tmp/meridian-config-XXXXXX", yaml[64], csv[64];
    assert_non_null(mkdtemp(folder));
    snprintf(yaml, sizeof yaml, "%s/a.yaml", folder);
    snprintf(csv, sizeof csv, "%s/t.csv", folder);
    write_file(yaml, PREAMBLE "latency: {table: t.csv}\n");
    write_file(csv, "a,b,1\n");
    struct config *config = load(yaml);
    uint64_t first = config->digest;
    config_release(config);
    config = load(yaml);
    assert_true(config->digest == first);
    config_release(config);
    write_file(csv, "a,b,2\n");
    config = load(yaml);
    assert_true(config->digest != first);
    uint64_t second = config->digest;
    config_release(config);
    write_file(yaml, PREAMBLE "latency: {table: t.csv}\n# a comment\n");
    config = load(yaml);
    assert_true(config->digest != first && config->digest != second);
    config_release(config);
    unlink(yaml);
    unlink(csv);
    rmdir(folder);
}

static void references_are_counted(void **state)
{
    (void)state;
    struct config *config = parse(PREAMBLE);
    assert_ptr_equal(config_hold(config), config);
    config_release(config);
    assert_int_equal(config->model.region_count, 2); /* still there: the sanitizer would tell */
    config_release(config);
    config_release(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minimal_has_good_defaults),
        cmocka_unit_test(the_designs_sample_is_read_as_meant),
        cmocka_unit_test(the_full_example_uses_every_feature),
        cmocka_unit_test(services_with_the_same_choice_share_a_plan),
        cmocka_unit_test(endpoints_stand_together_in_the_order_of_their_regions),
        cmocka_unit_test(zones_alone_need_no_regions),
        cmocka_unit_test(admin_can_be_switched_off),
        cmocka_unit_test(a_service_may_serve_the_root_zone_or_a_nested_one),
        cmocka_unit_test(an_anchor_may_be_used_again),
        cmocka_unit_test(networks_and_as_numbers_of_rules_and_pins_ascend),
        cmocka_unit_test(files_are_relative_to_the_configuration),
        cmocka_unit_test(without_a_path_no_file_is_read),
        cmocka_unit_test(the_digest_is_of_all_files),
        cmocka_unit_test(references_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
