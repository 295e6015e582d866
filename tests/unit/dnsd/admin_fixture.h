/* admin_fixture.h - the admin interface over a world of the test's own: control.h and the workers, played by this file.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   client thread --HTTP--> admin_open's server on the test's loop --> these control_* and worker_* functions
 *
 * admin_fixture_run(work) runs `work` on a thread of its own while the loop turns here; it returns when the thread has ended.
 * Included once by each test program: it defines the functions of control.h and worker.h that the admin rooms call. */
#ifndef ADMIN_FIXTURE_H
#define ADMIN_FIXTURE_H

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

#include "dnsd/admin/admin.h"
#include "dnsd/cli/fetch.h"
/* gcc 12 takes the file names that the world fixture makes inside itself for overlapping ones when the fixture is static */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-truncation"
#pragma GCC diagnostic ignored "-Wrestrict"
#include "world_fixture.h"
#pragma GCC diagnostic pop

#define FAKE_WORKERS 3
#define FAKE_TIMEOUT_MS 30000

enum fake_mood { FAKE_WELL, FAKE_SILENT, FAKE_REFUSING, FAKE_FORGING };

struct worker {
    struct counters counters;
    uv_udp_t socket;
    uint16_t port;
    enum fake_mood mood;
    char buffer[512];
};

enum fake_reload { FAKE_RELOAD_LATER, FAKE_RELOAD_AT_ONCE, FAKE_RELOAD_BUSY, FAKE_RELOAD_NEVER };

struct control {
    uv_loop_t loop;
    struct world_fixture fixture;
    bool no_world;
    struct worker workers[FAKE_WORKERS];
    /* reload */
    enum fake_reload reload;
    struct control_attempt outcome;
    uv_timer_t reload_timer;
    uint64_t reload_ms;
    control_done *done;
    void *done_context;
    /* upgrade */
    control_upgraded *upgraded;
    void *upgraded_context;
    uv_timer_t upgrade_timer;
    const char *upgrade_why; /* told after a while; NULL: it has taken over */
    bool upgrade_busy;
    /* report */
    char reported[FACT_NAME_MAX];
    struct fact_load load;
    enum status report_status;
    struct control_attempt last_reload;
    /* PoPs */
    struct council *council;
    bool suspect;
    /* orders */
    struct order_book *orders;
    struct audit_ring *audit;
    struct control_order ordered; /* the last one */
    bool cancelled;
    enum status order_status;
    bool wants_restart;
    /* the run */
    uv_async_t finished;
};

static const char fixture_zone[] = "$ORIGIN example.com.\n$TTL 300\n@ IN SOA ns1 h 7 3600 600 86400 60\n@ IN NS ns1\n"
                                   "ns1 IN A 192.0.2.53\nwww IN CNAME api\nplain IN A 192.0.2.99\n"
                                   "fixed.models IN A 192.0.2.98\n";
static const char fixture_yaml[] =
    "pop: {name: pop-test, location: {latitude: 52.37, longitude: 4.90}}\n"
    "fleet: test\n"
    "zones: [{origin: example.com, file: example.com.zone}]\n"
    "regions:\n"
    "  - {name: eu, location: {latitude: 50.1, longitude: 8.7}, endpoints: [{name: eu-a, addresses: [192.0.2.1,"
    " \"2001:db8::1\"], capacity_rps: 100, probe: {kind: tcp, address: 127.0.0.1@1}}]}\n"
    "  - {name: us, location: {latitude: 39.0, longitude: -77.5}, endpoints: [{name: us-a, addresses: [192.0.2.2],"
    " capacity_rps: 100}, {name: us-b, addresses: [192.0.2.3], capacity_rps: 100}]}\n"
    "  - {name: ap, location: {latitude: 1.35, longitude: 103.8}, endpoints: [{name: ap-a, addresses: [192.0.2.4],"
    " capacity_rps: 50}]}\n"
    "policies:\n"
    "  - {name: default, steering: score}\n"
    "  - {name: near, steering: nearest}\n"
    "  - {name: even, steering: weighted}\n"
    "  - name: residency\n"
    "    steering: score\n"
    "    places: [{match: {country: [DE]}, only: [eu]}, {match: {continent: [SA]}, prefer: [ap]}]\n"
    "pins: [{prefix: 53.1.0.0/16, regions: [us]}]\n"
    "services:\n"
    "  - {name: api.example.com, regions: [eu, us, ap]}\n"
    "  - {name: near.example.com, regions: [eu, us, ap], policy: near}\n"
    "  - {name: even.example.com, regions: [eu, us, ap], policy: even}\n"
    "  - {name: law.example.com, regions: [eu, us, ap], policy: residency}\n"
    "  - {name: \"*.models.example.com\", regions: [us, ap]}\n";

/* ---- control.h ---- */

const struct world *control_world(const struct control *control)
{
    return control->no_world ? NULL : &control->fixture.world;
}

const struct announcer *control_announcer(const struct control *control)
{
    (void)control;
    return NULL;
}

void control_status(const struct control *control, struct control_status *out)
{
    memset(out, 0, sizeof *out);
    out->version = "0.0.0-test";
    out->started_epoch_s = time(NULL) - 100;
    out->now_ms = control->fixture.snapshot->now_ms + 5000;
    out->published_ms = control->fixture.snapshot->now_ms;
    out->worlds_published = 4;
    out->reload = control->last_reload;
    out->database = (struct control_attempt){.at_epoch_s = 1700000000};
    if (control->wants_restart) {
        out->restart[out->restart_count++] = "listen";
        out->restart[out->restart_count++] = "workers";
    }
    strcpy(out->store, "embedded");
}

size_t control_worker_count(const struct control *control)
{
    (void)control;
    return FAKE_WORKERS;
}

const struct worker *control_worker(const struct control *control, size_t index)
{
    return &control->workers[index];
}

uv_loop_t *control_loop(const struct control *control)
{
    return (uv_loop_t *)(uintptr_t)&control->loop;
}

const char *control_endpoint_detail(const struct control *control, endpoint_id endpoint)
{
    (void)control;
    return endpoint == 0 ? "said \"\xff\033[2J\" in 3.1 ms" : "";
}

const struct council *control_council(const struct control *control)
{
    return control->council;
}

bool control_suspect(const struct control *control)
{
    return control->suspect;
}

int64_t control_now_ms(const struct control *control)
{
    return control->fixture.snapshot->now_ms + 5000;
}

const char *control_load_detail(const struct control *control, endpoint_id endpoint)
{
    (void)control;
    return endpoint == 0 ? "status 404" : "";
}

static void fake_reload_done(uv_timer_t *timer)
{
    struct control *control = timer->data;
    control_done *done = control->done;
    control->done = NULL;
    done(control->done_context, &control->outcome);
}

static void fake_upgrade_done(uv_timer_t *timer)
{
    struct control *control = timer->data;
    control->upgraded(control->upgraded_context, control->upgrade_why);
}

enum status control_upgrade(struct control *control, control_upgraded *done, void *context, char error[256])
{
    snprintf(error, 256, "another one is to take over already");
    if (control->upgrade_busy) return ERR_STATE;
    control->upgraded = done;
    control->upgraded_context = context;
    uv_timer_start(&control->upgrade_timer, fake_upgrade_done, 100, 0);
    return OK;
}

int control_inherited_admin(struct control *control, const struct address *address, uint16_t port)
{
    (void)control;
    (void)address;
    (void)port;
    return -1;
}

void control_bequeath_admin(struct control *control, int descriptor, void (*leave)(void *context), void *context)
{
    (void)control;
    (void)descriptor;
    (void)leave;
    (void)context;
}

enum status control_reload(struct control *control, control_done *done, void *context)
{
    if (control->reload == FAKE_RELOAD_BUSY) return ERR_STATE;
    if (control->reload == FAKE_RELOAD_AT_ONCE) {
        done(context, &control->outcome);
        return OK;
    }
    control->done = done;
    control->done_context = context;
    if (control->reload == FAKE_RELOAD_LATER) {
        uv_timer_start(&control->reload_timer, fake_reload_done, control->reload_ms, 0);
    }
    return OK;
}

enum status control_report(struct control *control, const char *subject, const struct fact_load *load)
{
    if (control->report_status != OK) return control->report_status;
    strcpy(control->reported, subject);
    control->load = *load;
    return OK;
}

static enum status fake_order(struct control *control, struct control_order *order, bool cancel)
{
    control->cancelled = cancel;
    if (!cancel) strcpy(order->id, "drain-1");
    strcpy(order->error, "not on my watch");
    order->judgement.finding.region_count = 3;
    strcpy(order->judgement.audit.what, "drain");
    control->ordered = *order;
    return control->order_status;
}

enum status control_order(struct control *control, struct control_order *order)
{
    return fake_order(control, order, false);
}

enum status control_cancel(struct control *control, struct control_order *order)
{
    return fake_order(control, order, true);
}

const struct order_book *control_orders(const struct control *control)
{
    return control->orders;
}

const struct audit_ring *control_audit(const struct control *control)
{
    return control->audit;
}

/* ---- worker.h ---- */

const struct counters *worker_counters(const struct worker *worker)
{
    return &worker->counters;
}

uint64_t worker_adopted(const struct worker *worker)
{
    return counter_read(&worker->counters.adopted);
}

uint16_t worker_check_port(const struct worker *worker)
{
    return worker->port;
}

static void fake_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct worker *worker = handle->data;
    (void)suggested;
    *out = uv_buf_init(worker->buffer, sizeof worker->buffer);
}

static void fake_answer(uv_udp_t *socket, ssize_t size, const uv_buf_t *buffer, const struct sockaddr *from,
                        unsigned flags)
{
    struct worker *worker = socket->data;
    (void)flags;
    if (size < 12 || from == NULL || worker->mood == FAKE_SILENT) return;
    buffer->base[2] = (char)0x84;
    buffer->base[3] = worker->mood == FAKE_REFUSING ? 5 : 0;
    buffer->base[7] = worker->mood == FAKE_REFUSING ? 0 : 1; /* the count is what is looked at */
    if (worker->mood == FAKE_FORGING) buffer->base[0] ^= 1;  /* another identifier */
    uv_buf_t answer = uv_buf_init(buffer->base, (unsigned)size);
    (void)uv_udp_try_send(socket, &answer, 1, from);
}

static void fake_worker_open(struct control *control, struct worker *worker)
{
    struct sockaddr_in name;
    int size = sizeof name;
    uv_udp_init(&control->loop, &worker->socket);
    worker->socket.data = worker;
    uv_ip4_addr("127.0.0.1", 0, &name);
    assert_int_equal(uv_udp_bind(&worker->socket, (const struct sockaddr *)&name, 0), 0);
    uv_udp_getsockname(&worker->socket, (struct sockaddr *)&name, &size);
    worker->port = ntohs(name.sin_port);
    uv_udp_recv_start(&worker->socket, fake_allocate, fake_answer);
}

/* ---- the run ---- */

struct admin_fixture {
    struct control control;
    struct admin *admin;
    struct admin_place place;
};

static inline void fake_finished(uv_async_t *async)
{
    uv_stop(async->loop);
}

static inline void admin_fixture_open(struct admin_fixture *fixture)
{
    struct address address;
    char error[CONTROL_ERROR_MAX] = "";
    char text[64];
    struct control *control = &fixture->control;
    memset(fixture, 0, sizeof *fixture);
    assert_int_equal(uv_loop_init(&control->loop), 0);
    world_fixture_open(&control->fixture, fixture_yaml, (struct fixture_file[]){{"example.com.zone", fixture_zone}}, 1);
    struct council_self self = {.name = "pop-test"};
    assert_int_equal(council_new(&control->fixture.config->model, &self, &control->council), OK);
    assert_int_equal(order_book_new(&control->fixture.config->model, &control->orders), OK);
    assert_int_equal(audit_ring_new(&control->audit), OK);
    for (size_t i = 0; i < FAKE_WORKERS; i++) fake_worker_open(control, &control->workers[i]);
    uv_async_init(&control->loop, &control->finished, fake_finished);
    uv_timer_init(&control->loop, &control->reload_timer);
    control->reload_timer.data = control;
    uv_timer_init(&control->loop, &control->upgrade_timer);
    control->upgrade_timer.data = control;
    assert_int_equal(address_parse("127.0.0.1", &address), OK);
    if (admin_open(control, &address, 0, &fixture->admin, error) != OK) fail_msg("%s", error);
    snprintf(text, sizeof text, "127.0.0.1@%u", (unsigned)admin_port(fixture->admin));
    assert_int_equal(admin_place_parse(text, &fixture->place), OK);
}

static inline void fake_close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

static inline void admin_fixture_close(struct admin_fixture *fixture)
{
    struct control *control = &fixture->control;
    admin_close(fixture->admin);
    uv_run(&control->loop, UV_RUN_NOWAIT);
    if (control->done != NULL) fake_reload_done(&control->reload_timer); /* as control_close promises */
    uv_walk(&control->loop, fake_close_handle, NULL);
    uv_run(&control->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&control->loop), 0);
    council_free(control->council);
    order_book_free(control->orders);
    audit_ring_free(control->audit);
    world_fixture_close(&control->fixture);
}

struct fixture_work {
    struct admin_fixture *fixture;
    void (*work)(struct admin_fixture *fixture, void *context);
    void *context;
};

static inline void *fixture_thread(void *argument)
{
    struct fixture_work *work = argument;
    work->work(work->fixture, work->context);
    uv_async_send(&work->fixture->control.finished);
    return NULL;
}

static inline void admin_fixture_run(struct admin_fixture *fixture,
                                     void (*work)(struct admin_fixture *fixture, void *context), void *context)
{
    pthread_t thread;
    struct fixture_work argument = {.fixture = fixture, .work = work, .context = context};
    assert_int_equal(pthread_create(&thread, NULL, fixture_thread, &argument), 0);
    uv_run(&fixture->control.loop, UV_RUN_DEFAULT);
    pthread_join(thread, NULL);
}

/* ---- one request ---- */

struct fixture_request {
    const char *path;
    const char *body; /* NULL: GET */
    long http_status; /* 0: no answer */
    char *text;       /* free it */
};

static inline void fixture_fetch(struct admin_fixture *fixture, void *context)
{
    struct fixture_request *request = context;
    struct fetch_response response = {.body = NULL};
    char error[FETCH_ERROR_MAX];
    struct fetch_request wire = {
        .place = &fixture->place, .path = request->path, .body = request->body, .timeout_ms = FAKE_TIMEOUT_MS};
    request->http_status = 0;
    request->text = NULL;
    if (fetch(&wire, &response, error) != OK) return;
    request->http_status = response.http_status;
    request->text = response.body;
}

/* HTTP status; *text to be freed. */
static inline long fixture_ask(struct admin_fixture *fixture, const char *path, const char *body, char **text)
{
    struct fixture_request request = {.path = path, .body = body};
    admin_fixture_run(fixture, fixture_fetch, &request);
    *text = request.text;
    return request.http_status;
}

#endif
