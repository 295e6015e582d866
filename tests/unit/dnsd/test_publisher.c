/* test_publisher.c - worlds: what is shared, when nothing is published, when the old ones go.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dnsd/control/carry.h"
#include "dnsd/control/publisher.h"
#include "router/orders.h"
#include "tests/unit/dnsd/ask.h"
#include "tests/unit/dnsd/world_fixture.h"

static const char yaml[] =
    "listen: [\"127.0.0.1@53\"]\n" /* not opened here */
    "zones: [{origin: example.com, file: example.com.zone}]\n"
    "regions:\n"
    "  - {name: east, location: {latitude: 39, longitude: -77}, ramp_s: 0,\n"
    "     endpoints: [{name: a, addresses: [192.0.2.1]}, {name: a2, addresses: [192.0.2.11]}]}\n"
    "  - {name: west, location: {latitude: 50, longitude: 8}, ramp_s: 0,\n"
    "     endpoints: [{name: b, addresses: [192.0.2.2]}]}\n"
    "services:\n"
    "  - {name: api.example.com, regions: [east, west], policy: near}\n"
    "  - {name: one.example.com, regions: [west], policy: near}\n"
    "  - {name: twin.example.com, regions: [east, west], policy: near}\n" /* the first one's plan */
    "policies: [{name: near, steering: nearest}]\n";

static const char zone[] = "$ORIGIN example.com.\n$TTL 60\n@ SOA ns1 hostmaster 1 7200 1800 259200 60\n@ NS ns1\n"
                           "ns1 A 192.0.2.53\n";

struct stage {
    struct world_fixture fixture; /* writes the files */
    struct ground *ground;
    struct publisher *publisher;
};

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    struct problems problems;
    if (stage == NULL) return 1;
    world_fixture_open(&stage->fixture, yaml, (struct fixture_file[]){{"example.com.zone", zone}}, 1);
    problems_init(&problems);
    world_fixture_must(ground_load(config_hold(stage->fixture.config), &problems, &stage->ground), "ground", &problems);
    problems_fini(&problems);
    world_fixture_must(publisher_new(&stage->publisher), "publisher", NULL);
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;
    publisher_free(stage->publisher);
    ground_release(stage->ground);
    world_fixture_close(&stage->fixture);
    free(stage);
    return 0;
}

/* Build from a snapshot in which the endpoints of a bit mask are down. Returns whether a world was published. */
static bool build(struct stage *stage, unsigned down)
{
    struct snapshot *snapshot;
    bool changed;
    const struct model *model = &stage->ground->config->model;
    assert_int_equal(snapshot_new(model, &snapshot), OK);
    for (size_t i = 0; i < model->endpoint_count; i++) snapshot->endpoints[i].up = (down >> i & 1) == 0;
    snapshot_derive(model, publisher_snapshot(stage->publisher), snapshot);
    assert_int_equal(publisher_build(stage->publisher, stage->ground, snapshot, &changed), OK);
    return changed;
}

static void first_build_publishes_sequence_one(void **state)
{
    struct stage *stage = *state;
    assert_null(publisher_world(stage->publisher));
    assert_true(build(stage, 0));
    assert_int_equal(publisher_world(stage->publisher)->sequence, 1);
}

static void same_knowledge_publishes_nothing_but_is_seen(void **state)
{
    struct stage *stage = *state;
    build(stage, 0);
    const struct world *world = publisher_world(stage->publisher);
    const struct snapshot *before = publisher_snapshot(stage->publisher);
    assert_false(build(stage, 0));
    assert_ptr_equal(publisher_world(stage->publisher), world);
    assert_int_equal(publisher_view(stage->publisher)->sequence, 1);
    assert_ptr_not_equal(publisher_snapshot(stage->publisher), before);
    assert_ptr_equal(publisher_view(stage->publisher)->snapshot, publisher_snapshot(stage->publisher));
}

static void endpoint_down_rewrites_answers_and_keeps_charts(void **state)
{
    struct stage *stage = *state;
    build(stage, 0);
    const struct chart *chart = publisher_world(stage->publisher)->charts[0];
    const struct answers *answers = publisher_world(stage->publisher)->answers;
    assert_true(build(stage, 1)); /* one of east's two: half of the weight is enough */
    assert_ptr_equal(publisher_world(stage->publisher)->charts[0], chart);
    assert_ptr_not_equal(publisher_world(stage->publisher)->answers, answers);
}

static void region_down_folds_only_the_charts_it_is_in(void **state)
{
    struct stage *stage = *state;
    build(stage, 0);
    const struct world *world = publisher_world(stage->publisher);
    plan_id both = stage->ground->config->model.services[0].plan, one = stage->ground->config->model.services[1].plan;
    const struct chart *chart_both = world->charts[both], *chart_one = world->charts[one];
    assert_true(build(stage, 3));
    world = publisher_world(stage->publisher);
    assert_ptr_not_equal(world->charts[both], chart_both);
    assert_ptr_equal(world->charts[one], chart_one);
    for (size_t i = 0; i < world->decisions[both]->count; i++) {
        assert_int_equal(world->decisions[both]->list[i].shares[0].region, region_find(&world->config->model, "west"));
    }
}

static void old_worlds_wait_for_every_worker(void **state)
{
    struct stage *stage = *state;
    struct worker *workers[2];
    char error[WORKER_ERROR_MAX];
    for (unsigned i = 0; i < 2; i++) {
        struct worker_settings settings = {.index = i, .tcp = stage->ground->config->tcp};
        assert_int_equal(worker_open(&settings, &workers[i], error), OK);
    }
    for (unsigned i = 0; i < 4; i++) build(stage, i % 2); /* sequences 1..4 */
    assert_int_equal(publisher_backlog(stage->publisher), 4);
    assert_int_equal(worker_start(workers[0], publisher_world(stage->publisher)), OK);
    for (unsigned i = 0; worker_adopted(workers[0]) < 4 && i < 5000; i++) usleep(1000);
    publisher_reclaim(stage->publisher, workers, 2); /* the second one has adopted nothing yet */
    assert_int_equal(publisher_backlog(stage->publisher), 4);
    publisher_reclaim(stage->publisher, workers, 1);
    assert_int_equal(publisher_backlog(stage->publisher), 1);
    worker_stop(workers[0]);
    worker_stop(workers[1]);
}

static void full_backlog_stops_publication_and_keeps_the_world(void **state)
{
    struct stage *stage = *state;
    struct snapshot *snapshot;
    bool changed;
    for (unsigned i = 0; i < PUBLISHER_BACKLOG_MAX; i++) assert_true(build(stage, i % 2));
    const struct world *world = publisher_world(stage->publisher);
    assert_int_equal(snapshot_new(&stage->ground->config->model, &snapshot), OK);
    assert_int_equal(publisher_build(stage->publisher, stage->ground, snapshot, &changed), ERR_STATE);
    assert_ptr_equal(publisher_world(stage->publisher), world);
    publisher_reclaim(stage->publisher, NULL, 0);
    assert_true(build(stage, PUBLISHER_BACKLOG_MAX % 2));
}

static void other_atlas_shares_zones_and_answers(void **state)
{
    struct stage *stage = *state;
    static const struct sounding none;
    struct ground_survey survey;
    struct ground *next;
    char error[GROUND_ERROR_MAX];
    build(stage, 0);
    const struct answers *answers = publisher_world(stage->publisher)->answers;
    assert_int_equal(ground_survey(stage->ground->config, &none, &survey, error), OK);
    assert_true(ground_files_equal(&survey.files, &stage->ground->files));
    assert_int_equal(ground_with_survey(stage->ground, &survey, &next), OK);
    ground_release(stage->ground);
    stage->ground = next;
    assert_true(build(stage, 0));
    assert_ptr_equal(publisher_world(stage->publisher)->answers, answers);
    assert_ptr_equal(publisher_world(stage->publisher)->atlas, stage->ground->atlas);
}

/* Build with a drain of region east for the service api alone, or without. */
static bool build_drained(struct stage *stage, bool drained)
{
    struct snapshot *snapshot;
    bool changed;
    const struct model *model = &stage->ground->config->model;
    struct order order = {.verb = ORDER_DRAIN,
                          .region = region_find(model, "east"),
                          .endpoint = ID_NONE,
                          .service = 0,
                          .remaining_ms = 600000};
    assert_int_equal(snapshot_new(model, &snapshot), OK);
    assert_int_equal(orders_derive(model, &order, drained, publisher_snapshot(stage->publisher), snapshot), OK);
    assert_int_equal(publisher_build(stage->publisher, stage->ground, snapshot, &changed), OK);
    return changed;
}

/* Does a client near east get the address? */
static bool answers_with(const struct stage *stage, const char *name, const char *address)
{
    struct asked *asked = ask(publisher_world(stage->publisher),
                              &(struct question){.name = name, .type = LDNS_RR_TYPE_A, .ecs = "6.0.0.0/24"});
    bool found = strstr(asked->answer, address) != NULL;
    return found;
}

static void order_of_a_service_steers_that_service_alone(void **state)
{
    struct stage *stage = *state;
    build(stage, 0);
    assert_true(build_drained(stage, true));
    const struct world *world = publisher_world(stage->publisher);
    assert_int_equal(world->config->model.services[0].plan, world->config->model.services[2].plan);
    assert_true(answers_with(stage, "api.example.com.", "192.0.2.2\n"));
    assert_true(answers_with(stage, "twin.example.com.", "192.0.2.1\n"));
    assert_int_equal(world_chart(world, 0), world->config->model.plan_count);
    assert_false(build_drained(stage, true)); /* the same again */
    assert_true(build_drained(stage, false));
    world = publisher_world(stage->publisher);
    assert_ptr_equal(world->zones, stage->ground->zones->zones); /* as if it had never been */
    assert_true(answers_with(stage, "api.example.com.", "192.0.2.1\n"));
}

static void carry_follows_names_not_ids(void **state)
{
    struct stage *stage = *state;
    const struct model *model = &stage->ground->config->model;
    struct region regions[2] = {model->regions[1], model->regions[0]};
    struct model turned = *model;
    struct snapshot *snapshot, *carried;
    turned.regions = regions;
    assert_int_equal(snapshot_new(model, &snapshot), OK);
    snapshot->regions[0].since_ms = 4711;
    snapshot->regions[0].up = false;
    assert_int_equal(snapshot_carry(model, snapshot, &turned, &carried), OK);
    assert_int_equal(carried->regions[1].since_ms, 4711);
    assert_false(carried->regions[1].up);
    assert_true(carried->regions[0].up);
    snapshot_free(carried);
    snapshot_free(snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(first_build_publishes_sequence_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(same_knowledge_publishes_nothing_but_is_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(endpoint_down_rewrites_answers_and_keeps_charts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(region_down_folds_only_the_charts_it_is_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(old_worlds_wait_for_every_worker, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_backlog_stops_publication_and_keeps_the_world, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_atlas_shares_zones_and_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(order_of_a_service_steers_that_service_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(carry_follows_names_not_ids, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
