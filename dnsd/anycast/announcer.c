/* announcer.c - this PoP's prefixes and who is told of them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/anycast/announcer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/anycast/roll_call.h"
#include "dnsd/anycast/watchdog.h"
#include "dnsd/log.h"
#include "state/secret.h"

#define TYPE_A 1
#define TYPE_SOA 6
#define ASKED_MAX 264 /* a name in presentation form, and its type */

_Static_assert(ANYCAST_NEIGHBOR_MAX <= WATCHDOG_SLOTS, "each neighbour's connection is guarded");
_Static_assert(2 * ANYCAST_PREFIX_MAX <= BGP_PREFIX_MAX, "those before and those now");
_Static_assert(ANYCAST_COMMUNITY_MAX < BGP_COMMUNITY_MAX, "and GRACEFUL_SHUTDOWN");

/* A prefix in its slot. */
struct line {
    bool used;
    bool leaving; /* the configuration has it no more: withdrawn, and free when all neighbours know */
    struct prefix prefix;
    char text[PREFIX_TEXT_MAX];
    char asked[ASKED_MAX];
    size_t question;
    struct gate gate;
    struct gate_verdict verdict;
    uint64_t announcements, withdrawals;
};

/* A neighbour in its slot. */
struct seat {
    struct announcer *announcer;
    unsigned slot;
    struct bgp_session *session; /* NULL: free */
    struct bgp_session_options options; /* it was opened with */
    const struct anycast_neighbor *row;
    bool was_up;
    char trouble[BGP_TROUBLE_MAX]; /* that was logged */
};

struct announcer {
    uv_loop_t *loop;
    uv_timer_t timer;
    const struct config *config;
    struct announcer_owner owner;
    struct roll_call *roll_call;
    struct watchdog *watchdog;
    size_t worker_count;
    int64_t *answered_ms; /* by worker, while a gate is judged */
    struct line lines[BGP_PREFIX_MAX];
    struct seat seats[ANYCAST_NEIGHBOR_MAX];
    bool well; /* KEEPALIVE may be sent */
    bool closing;
};

static int64_t now_of(const struct announcer *announcer)
{
    return (int64_t)uv_now(announcer->loop);
}

/* ---- what sessions ask and tell ---- */

static void fill_wanted(const struct announcer *announcer, struct bgp_wanted *wanted)
{
    *wanted = (struct bgp_wanted){.count = BGP_PREFIX_MAX};
    for (size_t i = 0; i < BGP_PREFIX_MAX; i++) {
        const struct line *line = &announcer->lines[i];
        wanted->prefixes[i] = line->prefix;
        wanted->announced[i] = line->used && !line->leaving && line->verdict.announced;
        wanted->graceful[i] = line->verdict.graceful;
    }
}

static void ask(void *owner, struct bgp_wanted *wanted, bool *well)
{
    const struct announcer *announcer = ((const struct seat *)owner)->announcer;
    *well = announcer->well;
    fill_wanted(announcer, wanted);
}

static void write_neighbor(const struct seat *seat, char out[ADDRESS_TEXT_MAX])
{
    address_format(&seat->options.neighbour, out);
}

static void changed(void *owner, const struct bgp_peer *peer)
{
    struct seat *seat = owner;
    const struct announcer *announcer = seat->announcer;
    bool up = peer->state == BGP_ESTABLISHED;
    char who[ADDRESS_TEXT_MAX], why[BGP_TEXT_MAX + 80] = "";
    if (up == seat->was_up) return;
    seat->was_up = up;
    write_neighbor(seat, who);
    if (!up && peer->last.code != 0) {
        char text[BGP_TEXT_MAX + 64];
        bgp_notice_text(&peer->last, text);
        snprintf(why, sizeof why, "%s: %s", peer->last_ours ? "we said" : "it said", text);
    } else if (!up) {
        snprintf(why, sizeof why, "%s", seat->session != NULL ? bgp_session_trouble(seat->session) : "");
    }
    if (!up) log_line(LOG_LEVEL_WARNING, "BGP session down", "neighbor=%s why=\"%s\"", who, why);
    announcer->owner.event(announcer->owner.context, up ? "bgp-up" : "bgp-down", who, why);
}

static void guard(void *owner, int descriptor)
{
    struct seat *seat = owner;
    watchdog_guard(seat->announcer->watchdog, seat->slot, descriptor);
}

/* Why there is no session, once for each reason. */
static void complain(struct seat *seat)
{
    const char *trouble = bgp_session_trouble(seat->session);
    char who[ADDRESS_TEXT_MAX];
    if (strcmp(trouble, seat->trouble) == 0) return;
    snprintf(seat->trouble, sizeof seat->trouble, "%s", trouble);
    write_neighbor(seat, who);
    if (trouble[0] != '\0') log_line(LOG_LEVEL_WARNING, "no BGP session", "neighbor=%s why=\"%s\"", who, trouble);
}

static void poke_sessions(struct announcer *announcer)
{
    for (size_t i = 0; i < ANYCAST_NEIGHBOR_MAX; i++)
        if (announcer->seats[i].session != NULL) bgp_session_poke(announcer->seats[i].session);
}

/* ---- judging ---- */

static void tell(struct announcer *announcer, struct line *line, const struct gate_verdict *before)
{
    const struct gate_verdict *now = &line->verdict;
    char why[96];
    const char *what = NULL;
    if (now->announced != before->announced) what = now->announced ? "announce" : "withdraw";
    else if (now->reason != before->reason && now->reason == GATE_LAST) what = "stay";
    else if (now->graceful && !before->graceful) what = "graceful";
    if (now->announced && !before->announced) line->announcements++;
    if (!now->announced && before->announced) line->withdrawals++;
    if (what == NULL) return;
    if (now->worker < announcer->worker_count)
        snprintf(why, sizeof why, "%s: worker %zu does not answer", gate_reason_name(now->reason), now->worker);
    else
        snprintf(why, sizeof why, "%s", gate_reason_name(now->reason));
    if (now->reason == GATE_LAST)
        log_line(LOG_LEVEL_WARNING, "no other PoP announces it, so this one stays, though it should not", "prefix=%s", line->text);
    announcer->owner.event(announcer->owner.context, what, line->text, why);
}

static bool judge(struct announcer *announcer, struct line *line, const struct announcer_outside *outside)
{
    struct gate_verdict before = line->verdict;
    struct gate_facts facts = {
        .ready = true,
        .draining = outside->draining || outside->ending,
        .ending = outside->ending,
        .drain_ms = announcer->config->anycast.drain_ms,
        .answered_ms = announcer->answered_ms,
        .worker_count = announcer->worker_count,
        .others_known = outside->others_known,
    };
    roll_call_answered(announcer->roll_call, line->question, now_of(announcer), announcer->answered_ms);
    if (facts.others_known) facts.others_announcing = announcer->owner.others(announcer->owner.context, line->text);
    line->verdict = gate_judge(&line->gate, &facts, now_of(announcer));
    tell(announcer, line, &before);
    return line->verdict.announced != before.announced || line->verdict.graceful != before.graceful;
}

/* A slot is free when no neighbour has a route by it any more. */
static void free_lines(struct announcer *announcer)
{
    for (size_t i = 0; i < BGP_PREFIX_MAX; i++) {
        bool told = false;
        if (!announcer->lines[i].leaving) continue;
        for (size_t j = 0; j < ANYCAST_NEIGHBOR_MAX; j++)
            told |= announcer->seats[j].session != NULL && bgp_session_peer(announcer->seats[j].session)->told[i];
        if (!told) announcer->lines[i] = (struct line){.used = false};
    }
}

static void turn(struct announcer *announcer)
{
    struct announcer_outside outside = {.draining = false};
    bool turned = false, any = false, well = false;
    announcer->owner.look(announcer->owner.context, &outside);
    roll_call_turn(announcer->roll_call, now_of(announcer));
    for (size_t i = 0; i < BGP_PREFIX_MAX; i++) {
        struct line *line = &announcer->lines[i];
        if (!line->used || line->leaving) continue;
        turned |= judge(announcer, line, &outside);
        well |= line->verdict.well;
        any = true;
    }
    announcer->well = well || !any;
    if (turned) {
        poke_sessions(announcer);
        announcer->owner.turned(announcer->owner.context);
    }
    free_lines(announcer);
    for (size_t i = 0; i < ANYCAST_NEIGHBOR_MAX; i++)
        if (announcer->seats[i].session != NULL) complain(&announcer->seats[i]);
}

static void on_timer(uv_timer_t *timer)
{
    struct announcer *announcer = timer->data;
    watchdog_beat(announcer->watchdog);
    turn(announcer);
}

void announcer_poke(struct announcer *announcer)
{
    turn(announcer);
}

/* ---- prefixes ---- */

static size_t find_line(const struct announcer *announcer, const struct prefix *prefix)
{
    for (size_t i = 0; i < BGP_PREFIX_MAX; i++)
        if (announcer->lines[i].used && prefix_equal(&announcer->lines[i].prefix, prefix)) return i;
    return BGP_PREFIX_MAX;
}

/* The configuration's prefix in a slot of its own; it is not leaving, if it was. */
static struct line *seat_prefix(struct announcer *announcer, const struct prefix *prefix)
{
    size_t at = find_line(announcer, prefix);
    if (at == BGP_PREFIX_MAX) {
        for (at = 0; announcer->lines[at].used;) at++; /* ends: those before and those now are no more than there are slots */
        announcer->lines[at] = (struct line){.used = true, .prefix = *prefix, .gate = gate_new(now_of(announcer))};
        prefix_format(prefix, announcer->lines[at].text);
    }
    announcer->lines[at].leaving = false;
    return &announcer->lines[at];
}

/* What workers are asked for a prefix. */
static struct roll_call_subject subject_of(const struct config *config, const struct anycast_prefix *prefix)
{
    if (prefix->service != ID_NONE) return (struct roll_call_subject){config->model.services[prefix->service].name, TYPE_A};
    const char *origin = config->zones[0].origin;
    return (struct roll_call_subject){origin[0] != '\0' ? origin : ".", TYPE_SOA};
}

static enum status set_prefixes(struct announcer *announcer, const struct config *config)
{
    const struct anycast_settings *settings = &config->anycast;
    struct roll_call_subject subjects[ANYCAST_PREFIX_MAX];
    for (size_t i = 0; i < settings->prefix_count; i++) subjects[i] = subject_of(config, &settings->prefixes[i]);
    enum status status = roll_call_set(announcer->roll_call, subjects, settings->prefix_count);
    if (status != OK) return status;
    free_lines(announcer);
    for (size_t i = 0; i < BGP_PREFIX_MAX; i++) announcer->lines[i].leaving = announcer->lines[i].used;
    for (size_t i = 0; i < settings->prefix_count; i++) {
        struct line *line = seat_prefix(announcer, &settings->prefixes[i].prefix);
        line->question = i;
        snprintf(line->asked, sizeof line->asked, "%.*s %s", ASKED_MAX - 8, subjects[i].name, subjects[i].type == TYPE_SOA ? "SOA" : "A");
    }
    return OK;
}

/* ---- from one process to the next ---- */

/* What neighbours were told stays as it is until it is judged; what is not wanted any more is withdrawn. */
static void resume_prefixes(struct announcer *announcer, const struct bequests *before)
{
    for (size_t i = 0; i < before->count; i++) {
        for (size_t j = 0; j < before->list[i].prefix_count; j++) {
            const struct prefix *prefix = &before->list[i].prefixes[j];
            size_t at = find_line(announcer, prefix);
            if (at == BGP_PREFIX_MAX) {
                seat_prefix(announcer, prefix)->leaving = true;
                continue;
            }
            struct line *line = &announcer->lines[at];
            if (line->leaving || line->gate.announced) continue;
            line->gate = gate_resumed(now_of(announcer));
            line->verdict = (struct gate_verdict){
                .announced = true, .graceful = before->list[i].graceful[j], .well = true, .reason = GATE_WELL, .worker = announcer->worker_count};
            roll_call_vouch(announcer->roll_call, line->question);
        }
    }
    announcer->well = before->count > 0;
}

/* The session of these options as the process before led it, with `told` in our slots; NULL: there is none. */
static struct bequest *find_bequest(const struct announcer *announcer, struct bequests *before, const struct bgp_session_options *options)
{
    for (size_t i = 0; before != NULL && i < before->count; i++) {
        struct bequest *one = &before->list[i];
        if (one->descriptor < 0 || one->digest != bgp_session_digest(options)) continue;
        for (size_t j = 0; j < one->prefix_count; j++) {
            size_t at = find_line(announcer, &one->prefixes[j]);
            if (at == BGP_PREFIX_MAX) continue;
            one->session.told[at] = true;
            one->session.told_graceful[at] = one->graceful[j];
        }
        return one;
    }
    return NULL;
}

static bool bequeath(const struct announcer *announcer, struct seat *seat, struct bequest *out)
{
    memset(out, 0, sizeof *out);
    out->digest = bgp_session_digest(&seat->options);
    if (!bgp_session_suspend(seat->session, &out->descriptor, &out->session)) return false;
    for (size_t i = 0; i < BGP_PREFIX_MAX; i++) {
        if (!out->session.told[i]) continue;
        out->graceful[out->prefix_count] = out->session.told_graceful[i];
        out->prefixes[out->prefix_count++] = announcer->lines[i].prefix;
    }
    return true;
}

void announcer_hand_over(struct announcer *announcer, void *context, enum status (*send)(void *context, const char *text, int descriptor))
{
    uv_timer_stop(&announcer->timer);
    for (size_t i = 0; i < ANYCAST_NEIGHBOR_MAX; i++) {
        static struct bequest bequest; /* 10 KB */
        char text[BEQUEST_TEXT_MAX], whole[BEQUEST_TEXT_MAX + 8];
        struct seat *seat = &announcer->seats[i];
        if (seat->session == NULL || !bequeath(announcer, seat, &bequest) || bequest_write(&bequest, text) != OK) continue;
        snprintf(whole, sizeof whole, "bgp %s", text);
        if (send(context, whole, bequest.descriptor) != OK) continue;
        bgp_session_abandon(seat->session);
        explicit_bzero(&seat->options, sizeof seat->options);
        seat->session = NULL;
    }
}

/* ---- neighbours ---- */

enum status announcer_password(const struct anycast_neighbor *neighbor, char out[BGP_PASSWORD_MAX + 1], char error[ANNOUNCER_ERROR_MAX])
{
    size_t size;
    out[0] = '\0';
    if (neighbor->password_file == NULL) return OK;
    enum status status = secret_read(neighbor->password_file, out, BGP_PASSWORD_MAX + 1, &size);
    if (status != OK) snprintf(error, ANNOUNCER_ERROR_MAX, "a file with a password of 1 to %d bytes (%s)", BGP_PASSWORD_MAX, secret_reason(status));
    return status;
}

static struct bgp_session_options options_of(const struct anycast_settings *settings, const struct anycast_neighbor *row)
{
    struct bgp_session_options options = {
        .settings = {.local_as = settings->local_as,
                     .peer_as = row->as,
                     .router_id = settings->router_id,
                     .hold_time_s = row->hold_time_s,
                     .next_hop4 = settings->next_hop4,
                     .next_hop6 = settings->next_hop6,
                     .community_count = settings->community_count},
        .neighbour = row->address,
        .port = row->port,
        .source = row->source,
        .ttl_security = row->ttl_security,
        .ask = ask,
        .changed = changed,
        .guard = guard,
    };
    memcpy(options.settings.communities, settings->communities, settings->community_count * sizeof *settings->communities);
    return options;
}

static struct seat *find_seat(struct announcer *announcer, const struct bgp_session_options *options)
{
    for (size_t i = 0; i < ANYCAST_NEIGHBOR_MAX; i++) {
        struct seat *seat = &announcer->seats[i];
        if (seat->session != NULL && bgp_session_digest(&seat->options) == bgp_session_digest(options)) return seat;
    }
    return NULL;
}

static void leave_seat(struct seat *seat, const char *reason)
{
    bgp_session_close(seat->session, reason);
    explicit_bzero(&seat->options, sizeof seat->options);
    seat->session = NULL;
    seat->row = NULL;
}

static enum status take_seat(struct announcer *announcer, const struct bgp_session_options *options, const struct anycast_neighbor *row,
                             struct bequests *before)
{
    unsigned slot = 0;
    while (announcer->seats[slot].session != NULL) slot++; /* ends: no more rows than slots */
    struct seat *seat = &announcer->seats[slot];
    *seat = (struct seat){.announcer = announcer, .slot = slot, .options = *options, .row = row};
    seat->options.owner = seat;
    struct bequest *bequest = find_bequest(announcer, before, options);
    if (bequest != NULL) {
        int descriptor = bequest->descriptor;
        bequest->descriptor = -1;
        seat->was_up = true; /* and nothing has changed */
        return bgp_session_resume(announcer->loop, &seat->options, descriptor, &bequest->session, &seat->session);
    }
    return bgp_session_open(announcer->loop, &seat->options, &seat->session);
}

/* Sessions by the configuration's rows. With `error` (at the start) the first trouble ends it; else it is logged. */
static enum status set_neighbors(struct announcer *announcer, const struct config *config, struct bequests *before, char *error)
{
    const struct anycast_settings *settings = &config->anycast;
    struct bgp_session_options wanted[ANYCAST_NEIGHBOR_MAX];
    bool sound[ANYCAST_NEIGHBOR_MAX] = {false};
    enum status status = OK;
    for (size_t i = 0; i < settings->neighbor_count && status == OK; i++) {
        char reason[ANNOUNCER_ERROR_MAX] = "";
        wanted[i] = options_of(settings, &settings->neighbors[i]);
        enum status read = announcer_password(&settings->neighbors[i], wanted[i].password, reason);
        sound[i] = read == OK;
        if (read == OK) continue;
        if (error != NULL) {
            snprintf(error, ANNOUNCER_ERROR_MAX, "%s", reason);
            status = read;
        }
        log_line(LOG_LEVEL_ERROR, "no BGP session", "file=%s why=\"%s\"", settings->neighbors[i].password_file, reason);
    }
    for (size_t i = 0; i < ANYCAST_NEIGHBOR_MAX && status == OK; i++) {
        struct seat *seat = &announcer->seats[i];
        bool stays = false;
        for (size_t j = 0; j < settings->neighbor_count && seat->session != NULL; j++) {
            if (!sound[j] || bgp_session_digest(&seat->options) != bgp_session_digest(&wanted[j])) continue;
            stays = true;
            seat->row = &settings->neighbors[j];
        }
        if (seat->session != NULL && !stays) leave_seat(seat, "another configuration");
    }
    for (size_t i = 0; i < settings->neighbor_count && status == OK; i++) {
        if (!sound[i] || find_seat(announcer, &wanted[i]) != NULL) continue;
        status = take_seat(announcer, &wanted[i], &settings->neighbors[i], before);
        if (status != OK && error != NULL) snprintf(error, ANNOUNCER_ERROR_MAX, "no BGP session: %s", status_name(status));
    }
    explicit_bzero(wanted, sizeof wanted);
    return status;
}

/* ---- life ---- */

enum status announcer_open(uv_loop_t *loop, const struct config *config, const uint16_t *ports, size_t worker_count,
                           struct announcer_owner owner, struct bequests *before, struct announcer **out, char error[ANNOUNCER_ERROR_MAX])
{
    struct announcer *announcer = calloc(1, sizeof *announcer);
    snprintf(error, ANNOUNCER_ERROR_MAX, "out of memory");
    if (announcer == NULL) return ERR_MEMORY;
    announcer->loop = loop;
    announcer->config = config;
    announcer->owner = owner;
    announcer->worker_count = worker_count;
    announcer->answered_ms = calloc(worker_count + 1, sizeof *announcer->answered_ms);
    announcer->timer.data = announcer;
    (void)uv_timer_init(loop, &announcer->timer); /* cannot fail */
    enum status status = announcer->answered_ms != NULL ? OK : ERR_MEMORY;
    if (status == OK) status = watchdog_open(&announcer->watchdog);
    if (status == OK) status = roll_call_open(ports, worker_count, &announcer->roll_call);
    if (status == OK) status = set_prefixes(announcer, config);
    if (status == OK && before != NULL) resume_prefixes(announcer, before);
    if (status == OK) status = set_neighbors(announcer, config, before, error);
    if (status != OK) {
        announcer_close(announcer, "cannot start");
        return status;
    }
    uv_timer_start(&announcer->timer, on_timer, 0, ANNOUNCER_TICK_MS);
    *out = announcer;
    return OK;
}

void announcer_adopt(struct announcer *announcer, const struct config *config)
{
    announcer->config = config;
    enum status status = set_prefixes(announcer, config);
    poke_sessions(announcer); /* what is gone is withdrawn first */
    enum status neighbors = set_neighbors(announcer, config, NULL, NULL); /* always: rows are of this configuration now */
    if (status == OK) status = neighbors;
    if (status != OK) log_line(LOG_LEVEL_ERROR, "anycast is not as configured", "error=%s", status_name(status));
    turn(announcer);
    announcer->owner.turned(announcer->owner.context);
}

static void free_announcer(uv_handle_t *handle)
{
    struct announcer *announcer = handle->data;
    watchdog_close(announcer->watchdog);
    roll_call_close(announcer->roll_call);
    free(announcer->answered_ms);
    free(announcer);
}

void announcer_close(struct announcer *announcer, const char *reason)
{
    if (announcer == NULL || announcer->closing) return;
    announcer->closing = true;
    uv_timer_stop(&announcer->timer);
    for (size_t i = 0; i < ANYCAST_NEIGHBOR_MAX; i++)
        if (announcer->seats[i].session != NULL) leave_seat(&announcer->seats[i], reason);
    uv_close((uv_handle_t *)&announcer->timer, free_announcer);
}

/* ---- questions ---- */

bool announcer_gone(const struct announcer *announcer)
{
    for (size_t i = 0; i < BGP_PREFIX_MAX; i++) {
        const struct line *line = &announcer->lines[i];
        if (line->used && !line->leaving && line->verdict.announced) return false;
        for (size_t j = 0; j < ANYCAST_NEIGHBOR_MAX; j++)
            if (announcer->seats[j].session != NULL && bgp_session_peer(announcer->seats[j].session)->told[i]) return false;
    }
    return true;
}

void announcer_list(const struct announcer *announcer, char out[ANNOUNCER_LIST_MAX])
{
    size_t size = 0;
    out[0] = '\0';
    for (size_t i = 0; i < BGP_PREFIX_MAX; i++) {
        const struct line *line = &announcer->lines[i];
        if (!line->used || line->leaving || !line->verdict.announced) continue;
        size += (size_t)snprintf(out + size, ANNOUNCER_LIST_MAX - size, "%s%s", size > 0 ? " " : "", line->text);
    }
}

uint64_t announcer_asked(const struct announcer *announcer)
{
    return roll_call_asked(announcer->roll_call);
}

uint64_t announcer_bites(const struct announcer *announcer)
{
    return watchdog_bites(announcer->watchdog);
}

size_t announcer_worker_count(const struct announcer *announcer)
{
    return announcer->worker_count;
}

size_t announcer_prefixes(const struct announcer *announcer, struct announcer_prefix out[BGP_PREFIX_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < BGP_PREFIX_MAX; i++) {
        const struct line *line = &announcer->lines[i];
        if (!line->used || line->leaving) continue;
        out[count++] = (struct announcer_prefix){
            .prefix = line->text,
            .asked = line->asked,
            .announced = line->verdict.announced,
            .graceful = line->verdict.graceful,
            .reason = line->gate.reason,
            .since_ms = line->gate.since_ms,
            .worker = line->verdict.worker,
            .announcements = line->announcements,
            .withdrawals = line->withdrawals,
        };
    }
    return count;
}

size_t announcer_neighbors(const struct announcer *announcer, struct announcer_neighbor out[ANYCAST_NEIGHBOR_MAX])
{
    struct bgp_wanted wanted;
    size_t count = 0;
    fill_wanted(announcer, &wanted);
    for (size_t i = 0; i < ANYCAST_NEIGHBOR_MAX; i++) {
        const struct seat *seat = &announcer->seats[i];
        if (seat->session == NULL) continue;
        out[count++] = (struct announcer_neighbor){
            .row = seat->row,
            .peer = bgp_session_peer(seat->session),
            .trouble = bgp_session_trouble(seat->session),
            .agrees = bgp_peer_agrees(bgp_session_peer(seat->session), &wanted),
        };
    }
    return count;
}
