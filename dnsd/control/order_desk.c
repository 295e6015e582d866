/* order_desk.c - may this order be given, and what would it do?
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/order_desk.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

__attribute__((format(printf, 3, 4))) static enum status refuse(char error[ORDER_DESK_ERROR_MAX], enum status status,
                                                                const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, ORDER_DESK_ERROR_MAX, format, arguments);
    va_end(arguments);
    return status;
}

/* ---- in words ---- */

static void write_duration(uint32_t ms, char out[16])
{
    uint32_t s = ms / 1000;
    if (ms % 1000 != 0)
        snprintf(out, 16, "%" PRIu32 "ms", ms);
    else if (s % 86400 == 0)
        snprintf(out, 16, "%" PRIu32 "d", s / 86400);
    else if (s % 3600 == 0)
        snprintf(out, 16, "%" PRIu32 "h", s / 3600);
    else if (s % 60 == 0)
        snprintf(out, 16, "%" PRIu32 "m", s / 60);
    else
        snprintf(out, 16, "%" PRIu32 "s", s);
}

void order_desk_describe(const struct fact_order *order, char *out, size_t room)
{
    char value[16] = "", rate[24] = "", duration[16];
    if (order->verb == ORDER_WEIGHT) snprintf(value, sizeof value, " %" PRIu32, order->value);
    if (order->verb == ORDER_SHIFT) snprintf(value, sizeof value, " %" PRIu32 "%%", order->value);
    if (order->percent_per_minute > 0) snprintf(rate, sizeof rate, ", %" PRIu32 "%%/min", order->percent_per_minute);
    write_duration(order->for_ms, duration);
    snprintf(out, room, "%s %s%s%s%s%s, for %s%s", order_verb_name(order->verb), order->target,
             order->service[0] != '\0' ? " of " : "", order->service, value, rate, duration,
             order->overrides ? ", against the rules" : "");
}

static void write_safety(const struct safety_finding *finding, const struct safety_state *state,
                         const struct config *config, char out[AUDIT_TEXT_MAX])
{
    if (finding->service == ID_NONE) return;
    snprintf(out, AUDIT_TEXT_MAX, "%.120s: %zu of %zu regions in, %.1f%% of its capacity out",
             config->model.services[finding->service].name, state->regions_in, finding->region_count,
             state->out_percent);
}

void order_desk_name(enum order_verb verb, char out[FACT_NAME_MAX])
{
    uint32_t number = 0;
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) != sizeof number) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        number = (uint32_t)now.tv_nsec ^ (uint32_t)now.tv_sec;
    }
    snprintf(out, FACT_NAME_MAX, "%s-%08" PRIx32, order_verb_name(verb), number);
}

static struct audit_entry entry_of(const struct config *config, const char *author, const char *id,
                                   const struct fact_order *order, const char *what, const char *why)
{
    struct audit_entry entry = {.at_epoch_s = (int64_t)time(NULL)};
    snprintf(entry.by, sizeof entry.by, "%s", config->pop_name);
    snprintf(entry.who, sizeof entry.who, "%s", author);
    snprintf(entry.what, sizeof entry.what, "%s", what);
    snprintf(entry.id, sizeof entry.id, "%s", id);
    snprintf(entry.why, sizeof entry.why, "%s", why);
    order_desk_describe(order, entry.subject, sizeof entry.subject);
    return entry;
}

/* ---- sound? ---- */

static bool plan_has(const struct plan *plan, region_id region)
{
    for (size_t i = 0; i < plan->region_count; i++)
        if (plan->regions[i] == region) return true;
    return false;
}

/* Is there a service, or is it this one, that is steered by weight and served from the region? */
static bool weight_counts(const struct model *model, const struct order *order)
{
    for (size_t i = 0; i < model->service_count; i++) {
        const struct plan *plan = &model->plans[model->services[i].plan];
        if (order->service != ID_NONE && order->service != i) continue;
        if (model->policies[plan->policy].steering == STEERING_WEIGHTED && plan_has(plan, order->region)) return true;
    }
    return false;
}

static enum status check_verb(const struct order_desk *desk, const struct fact_order *fact, const struct order *order,
                              char error[ORDER_DESK_ERROR_MAX])
{
    const struct model *model = &desk->config->model;
    bool moves = fact->verb == ORDER_DRAIN || fact->verb == ORDER_SHIFT;
    if (fact->for_ms < 1000) return refuse(error, ERR_RANGE, "for: expected a second at least");
    if (fact->for_ms > FACT_TTL_MAX_MS) return refuse(error, ERR_RANGE, "for: expected a week at most");
    if (fact->reason[0] == '\0') return refuse(error, ERR_RANGE, "reason: expected a text");
    if (fact->verb == ORDER_SHIFT && (fact->value < 1 || fact->value > 100))
        return refuse(error, ERR_RANGE, "value: %" PRIu32 ": expected a percentage from 1 to 100", fact->value);
    if (fact->verb == ORDER_WEIGHT && fact->value > FACT_PERCENT_MAX)
        return refuse(error, ERR_RANGE, "value: %" PRIu32 ": expected a weight from 0 to %d", fact->value,
                      FACT_PERCENT_MAX);
    if (fact->percent_per_minute > 0 && (!moves || order->region == ID_NONE))
        return refuse(error, ERR_UNSUPPORTED,
                      "percent_per_minute: only a region's drain or shift goes by steps; an endpoint "
                      "leaves its region's answers as a whole");
    if (fact->verb == ORDER_SHIFT && order->region == ID_NONE)
        return refuse(error, ERR_UNSUPPORTED, "shift: %s is an endpoint; only a region's clients can be shifted",
                      fact->target);
    if (fact->verb == ORDER_WEIGHT && order->region != ID_NONE && !weight_counts(model, order))
        return refuse(error, ERR_UNSUPPORTED, "weight: no %sservice that is served from %s is steered by weight",
                      fact->service[0] != '\0' ? "such " : "", fact->target);
    return OK;
}

static enum status check_names(const struct order_desk *desk, const struct fact_order *fact, struct order *out,
                               char error[ORDER_DESK_ERROR_MAX])
{
    const struct model *model = &desk->config->model;
    if (order_resolve(model, fact, out) != OK) {
        bool target = region_find(model, fact->target) != ID_NONE || endpoint_find(model, fact->target) != ID_NONE;
        return target ? refuse(error, ERR_NOT_FOUND, "service: %s: expected the name of a service", fact->service)
                      : refuse(error, ERR_NOT_FOUND, "target: %s: expected the name of a region or an endpoint",
                               fact->target);
    }
    region_id region = out->region != ID_NONE ? out->region : model->endpoints[out->endpoint].region;
    if (out->service != ID_NONE && !plan_has(&model->plans[model->services[out->service].plan], region))
        return refuse(error, ERR_UNSUPPORTED, "service: %s is not served from %s", fact->service, fact->target);
    return OK;
}

static enum status check_limits(const struct order_desk *desk, const struct order *order,
                                char error[ORDER_DESK_ERROR_MAX])
{
    struct order orders[ORDER_MAX];
    size_t count = order_book_in_force(knowledge_orders(desk->knowledge), desk->now_ms, orders);
    if (count == ORDER_MAX) return refuse(error, ERR_LIMIT, "there are %d orders in force already", ORDER_MAX);
    service_id services[SNAPSHOT_SERVICE_MAX];
    size_t service_count = 0;
    for (size_t i = 0; order->service != ID_NONE && i < count; i++) {
        size_t at = 0;
        if (orders[i].service == ID_NONE || orders[i].service == order->service) continue;
        while (at < service_count && services[at] != orders[i].service) at++;
        if (at == service_count && service_count < SNAPSHOT_SERVICE_MAX) services[service_count++] = orders[i].service;
    }
    if (service_count == SNAPSHOT_SERVICE_MAX)
        return refuse(error, ERR_LIMIT, "%d services have orders of their own already", SNAPSHOT_SERVICE_MAX);
    return OK;
}

/* ---- safe? ---- */

static enum status foresee(const struct order_desk *desk, const struct order *extra, struct snapshot **out)
{
    struct snapshot *snapshot;
    enum status status = snapshot_new(&desk->config->model, &snapshot);
    if (status != OK) return status;
    status = extra != NULL ? knowledge_foresee(desk->knowledge, extra, desk->before, desk->now_ms, snapshot)
                           : knowledge_snapshot(desk->knowledge, desk->before, desk->now_ms, snapshot);
    if (status == OK)
        *out = snapshot;
    else
        snapshot_free(snapshot);
    return status;
}

static enum status refuse_unsafe(const struct order_desk *desk, const struct fact_order *order,
                                 const struct safety_finding *finding, char error[ORDER_DESK_ERROR_MAX])
{
    const struct config *config = desk->config;
    const char *service = config->model.services[finding->service].name;
    char asked[256];
    order_desk_describe(order, asked, sizeof asked);
    if (finding->word == SAFETY_REGIONS)
        return refuse(
            error, ERR_STATE,
            "%.160s: would leave %.120s with %zu of its %zu regions (%zu are in now); rules.min_regions is %" PRIu32
            " (--override takes it all the same)",
            asked, service, finding->then.regions_in, finding->region_count, finding->now.regions_in,
            config->rules.min_regions);
    return refuse(
        error, ERR_STATE,
        "%.160s: would take %.1f%% of the capacity of %.120s out (%.1f%% is out now); rules.max_out_percent is %g "
        "(--override takes it all the same)",
        asked, finding->then.out_percent, service, finding->now.out_percent, config->rules.max_out_percent);
}

static enum status judge_safety(const struct order_desk *desk, const struct fact_order *fact, const struct order *order,
                                struct order_judgement *out, char error[ORDER_DESK_ERROR_MAX])
{
    struct snapshot *now, *then;
    enum status status = foresee(desk, NULL, &now);
    if (status != OK) return refuse(error, status, "out of memory");
    status = foresee(desk, order, &then);
    if (status != OK) {
        snapshot_free(now);
        return refuse(error, status, "out of memory");
    }
    bool safe = safety_check(&desk->config->model, &desk->config->rules, now, then, &out->finding);
    snapshot_free(now);
    snapshot_free(then);
    out->overridden = !safe && fact->overrides;
    return safe || fact->overrides ? OK : refuse_unsafe(desk, fact, &out->finding, error);
}

/* ---- a PoP ---- */

/* A PoP that lives is taken out of anycast, as long as another one announces. */
static enum status judge_pop(const struct order_desk *desk, const struct fact_order *order, struct order_judgement *out,
                             char error[ORDER_DESK_ERROR_MAX])
{
    const struct council *council = knowledge_council(desk->knowledge);
    bool own = strcmp(order->target, desk->config->pop_name) == 0;
    out->finding = (struct safety_finding){.service = ID_NONE};
    if (order->for_ms < 1000) return refuse(error, ERR_RANGE, "for: expected a second at least");
    if (order->for_ms > FACT_TTL_MAX_MS) return refuse(error, ERR_RANGE, "for: expected a week at most");
    if (order->reason[0] == '\0') return refuse(error, ERR_RANGE, "reason: expected a text");
    if (order->service[0] != '\0' || order->percent_per_minute > 0)
        return refuse(error, ERR_UNSUPPORTED, "a PoP is drained as a whole: neither for a service nor by steps");
    if (!own && !council_knows(council, order->target))
        return refuse(error, ERR_NOT_FOUND, "pop: %s: expected the name of a PoP that is heard of", order->target);
    size_t others = council_announcing_any(council, order->target) + (!own && desk->announces);
    if (others > 0) return OK;
    out->overridden = order->overrides;
    if (order->overrides) return OK;
    return refuse(error, ERR_STATE, "drain-pop %.64s: would leave no PoP that announces anything (--override takes it all the same)",
                  order->target);
}

/* ---- both ---- */

static enum status judge_regions(const struct order_desk *desk, const struct fact_order *order, const struct order *resolved,
                                 struct order_judgement *out, char error[ORDER_DESK_ERROR_MAX])
{
    enum status status = check_verb(desk, order, resolved, error);
    if (status == OK) status = check_limits(desk, resolved, error);
    return status == OK ? judge_safety(desk, order, resolved, out, error) : status;
}

enum status order_desk_judge(const struct order_desk *desk, const struct fact_order *order, const char *author,
                             struct order_judgement *out, char error[ORDER_DESK_ERROR_MAX])
{
    struct order resolved;
    struct order_judgement judgement = {.overridden = false};
    struct fact_order written = *order;
    if (!fact_name_valid(author)) return refuse(error, ERR_RANGE, "author: expected a name of [a-z0-9-._]");
    bool pop = order->verb == ORDER_DRAIN_POP;
    enum status status = pop ? judge_pop(desk, order, &judgement, error) : check_names(desk, order, &resolved, error);
    if (!pop && status == OK) status = judge_regions(desk, order, &resolved, &judgement, error);
    if (status != OK) return status;
    written.overrides = judgement.overridden; /* an override that was not needed is none */
    judgement.audit = entry_of(desk->config, author, "", &written, "order", order->reason);
    write_safety(&judgement.finding, &judgement.finding.now, desk->config, judgement.audit.before);
    write_safety(&judgement.finding, &judgement.finding.then, desk->config, judgement.audit.after);
    *out = judgement;
    return OK;
}

struct search {
    const char *id;
    bool found;
    struct fact fact;
    enum order_state state;
    int64_t remaining_ms;
};

static void compare_line(void *context, const struct order_line *line)
{
    struct search *search = context;
    if (strcmp(line->fact->subject, search->id) != 0) return;
    search->found = true;
    search->fact = *line->fact;
    search->state = line->state;
    search->remaining_ms = line->remaining_ms;
}

enum status order_desk_cancel(const struct order_desk *desk, const char *id, const char *author, const char *reason,
                              struct fact *out, struct audit_entry *audit, char error[ORDER_DESK_ERROR_MAX])
{
    struct search search = {.id = id};
    if (!fact_name_valid(author)) return refuse(error, ERR_RANGE, "author: expected a name of [a-z0-9-._]");
    order_book_each(knowledge_orders(desk->knowledge), desk->now_ms, &search, compare_line);
    if (!search.found) return refuse(error, ERR_NOT_FOUND, "id: %.64s: there is no such order; it may have ended", id);
    if (search.state == ORDER_CANCELLED) return refuse(error, ERR_EXISTS, "id: %s: it is cancelled already", id);
    *out = search.fact;
    out->order.cancelled = true;
    out->at_ms = SNAPSHOT_UNKNOWN;
    out->ttl_ms = (uint32_t)search.remaining_ms; /* until its own end: then nobody can bring it back */
    *audit = entry_of(desk->config, author, id, &search.fact.order, "cancel", reason);
    snprintf(audit->before, sizeof audit->before, "given by %s: %s", search.fact.writer, search.fact.order.reason);
    return OK;
}
