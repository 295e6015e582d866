/* order_page.c - orders and the audit trail as JSON.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/admin/order_page.h"

#include "dnsd/admin/figure.h"

static json_t *text_or_null(const char *text)
{
    return text == NULL || text[0] == '\0' ? json_null() : figure_text(text);
}

static const char *state_name(enum order_state state)
{
    switch (state) {
    case ORDER_IN_FORCE: return "in force";
    case ORDER_CANCELLED: return "cancelled";
    case ORDER_UNKNOWN_TARGET: return "unknown here";
    }
    return "unknown";
}

static json_t *value_json(const struct fact_order *order)
{
    bool has_value = order->verb == ORDER_WEIGHT || order->verb == ORDER_SHIFT;
    return has_value ? json_integer(order->value) : json_null();
}

/* How much a drain or shift has moved by now. */
static json_t *moved_json(const struct order_line *line)
{
    const struct fact_order *order = &line->fact->order;
    if (order->verb != ORDER_DRAIN && order->verb != ORDER_SHIFT) return json_null();
    struct order progress = {
        .verb = order->verb,
        .value = order->value,
        .percent_per_minute = order->percent_per_minute,
        .elapsed_ms = line->elapsed_ms,
    };
    return json_real(order_progress(&progress).moved_permille / 10.0);
}

static void add_line(void *context, const struct order_line *line)
{
    const struct fact *fact = line->fact;
    const struct fact_order *order = &fact->order;
    json_array_append_new(
        context,
        json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:s, s:o, s:b, s:o, s:o, s:o}", "id", fact->subject,
                  "verb", order_verb_name(order->verb), "target", order->target, "state", state_name(line->state),
                  "service", text_or_null(order->service), "value", value_json(order), "percent_per_minute",
                  order->percent_per_minute > 0 ? json_integer(order->percent_per_minute) : json_null(),
                  "moved_percent", moved_json(line), "author", fact->writer, "reason", order->reason, "given",
                  order->given_epoch_s > 0 ? figure_time(order->given_epoch_s) : json_null(), "override",
                  (int)order->overrides, "cancelled_by", text_or_null(line->cancelled_by), "age_s",
                  figure_s(line->elapsed_ms), "remaining_s", figure_s(line->remaining_ms)));
}

json_t *order_page_list(const struct control *control)
{
    struct control_status status;
    json_t *list = json_array();
    if (list == NULL || control_world(control) == NULL) return json_pack("{s:o}", "orders", list);
    control_status(control, &status);
    order_book_each(control_orders(control), status.now_ms, list, add_line);
    return json_pack("{s:o}", "orders", list);
}

static json_t *state_json(const struct safety_state *state)
{
    return json_pack("{s:I, s:f}", "regions_in", (json_int_t)state->regions_in, "out_percent", state->out_percent);
}

static json_t *finding_json(const struct control *control, const struct safety_finding *finding)
{
    const struct world *world = control_world(control);
    if (world == NULL || finding->service >= world->config->model.service_count) return json_null();
    return json_pack(
        "{s:o, s:I, s:o, s:o}", "service", figure_text(world->config->model.services[finding->service].name), "regions",
        (json_int_t)finding->region_count, "now", state_json(&finding->now), "then", state_json(&finding->then));
}

static json_t *entry_json(const struct audit_entry *entry)
{
    const char *pairs[2 * AUDIT_FIELD_COUNT];
    json_t *object = json_pack("{s:o}", "at", figure_time(entry->at_epoch_s));
    audit_fields(entry, pairs);
    for (size_t i = 0; i < AUDIT_FIELD_COUNT; i++)
        json_object_set_new(object, pairs[2 * i], text_or_null(pairs[2 * i + 1]));
    return object;
}

/* Where orders are written by operators themselves; NULL: here. */
static json_t *shared_json(const struct control *control)
{
    const struct world *world = control_world(control);
    if (world == NULL || world->config->server_count == 0) return NULL;
    const struct config *config = world->config;
    json_t *servers = json_array();
    for (size_t i = 0; i < config->server_count; i++)
        json_array_append_new(servers,
                              json_pack("{s:o, s:i, s:i}", "host", figure_text(config->servers[i].host), "port",
                                        (int)config->servers[i].port, "database", (int)config->servers[i].database));
    return json_pack("{s:s, s:o, s:o}", "fleet", config->fleet, "servers", servers, "key_file",
                     text_or_null(config->key_file));
}

json_t *order_page_judgement(const struct control *control, const struct control_order *order)
{
    const struct order_judgement *judgement = &order->judgement;
    return json_pack("{s:s, s:s, s:b, s:b, s:o, s:o, s:o*}", "result", "ok", "id", order->id, "given",
                     (int)(order->intent == CONTROL_GIVE), "overridden", (int)judgement->overridden, "safety",
                     judgement->finding.region_count > 0 ? finding_json(control, &judgement->finding) : json_null(),
                     "audit", entry_json(&judgement->audit), "shared", shared_json(control));
}

static void add_entry(void *context, uint64_t number, const struct audit_entry *entry)
{
    json_t *object = entry_json(entry);
    json_object_set_new(object, "number", json_integer((json_int_t)number));
    json_array_append_new(context, object);
}

json_t *order_page_audit(const struct control *control, const struct audit_question *question)
{
    const struct audit_ring *ring = control_audit(control);
    json_t *list = json_array();
    if (list == NULL) return NULL;
    audit_ring_each(ring, question->since, question->limit, list, add_entry);
    return json_pack("{s:I, s:o, s:o*}", "newest", (json_int_t)audit_ring_newest(ring), "entries", list, "shared",
                     shared_json(control));
}
