/* explain.c - why a client gets the answer it gets, from what the live code computed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/admin/explain.h"

#include <stdio.h>
#include <string.h>

#include "dnsd/admin/figure.h"
#include "dnsd/admin/inquiry.h"
#include "dnsd/admin/overview.h"
#include "dnsd/admin/sharing.h"
#include "dnsd/zone/tables.h"
#include "router/split.h"
#include "router/ttl.h"

/* All that one page is made of. */
struct reading {
    const struct control *control;
    const struct world *world;
    const struct model *model;
    int64_t elapsed_ms;
    const struct explain_question *question;
    const struct inquiry *inquiry;
    const struct service *service;
    size_t view; /* raffle_view of the service */
    /* of the service's plan and the client */
    struct folded_address folded;
    cell_id cell;
    struct chart_hit hit;
    struct decision published;
    struct decision traced;
    struct steering_trace trace;
    region_id choice;
};

/* ---- which service ---- */

/* Does `*.example.com` cover the name? A wildcard stands for one label or more (RFC 4592). */
static bool wildcard_covers(const char *wildcard, const char *name)
{
    const char *suffix = wildcard + 1;
    size_t suffix_size = strlen(suffix);
    size_t name_size = strlen(name);
    return name_size > suffix_size && strcmp(name + name_size - suffix_size, suffix) == 0;
}

static const struct service *service_named(const struct model *model, const char *name)
{
    const struct service *best = NULL;
    for (size_t i = 0; i < model->service_count; i++) {
        const struct service *service = &model->services[i];
        if (strcmp(service->name, name) == 0) return service;
        if (service->name[0] != '*' || !wildcard_covers(service->name, name)) continue;
        if (best == NULL || strlen(service->name) > strlen(best->name)) best = service;
    }
    return best;
}

/* The service that the name or its CNAME chain leads to. A wildcard may be hidden by names of the zone file, so it counts only
 * when the answering code did steer. */
static const struct service *service_reached(const struct model *model, const struct inquiry *inquiry)
{
    for (size_t i = 0; i < inquiry->chain_count; i++) {
        const struct service *service = service_named(model, inquiry->chain[i]);
        if (service == NULL) continue;
        if (inquiry->steered || service->name[0] != '*') return service;
    }
    return NULL;
}

/* ---- where the client is ---- */

static json_t *place_json(const struct place *place)
{
    json_t *latitude = place->has_location ? json_real(place->location.latitude) : json_null();
    json_t *longitude = place->has_location ? json_real(place->location.longitude) : json_null();
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "source", place_source_name(place->source), "continent",
                     place->continent[0] == '\0' ? json_null() : figure_text(place->continent), "country",
                     place->country[0] == '\0' ? json_null() : figure_text(place->country), "subdivision",
                     place->subdivision[0] == '\0' ? json_null() : figure_text(place->subdivision), "latitude",
                     latitude, "longitude", longitude, "accuracy_km",
                     place->accuracy_km == 0 ? json_null() : json_integer(place->accuracy_km));
}

static json_t *names_of(const struct model *model, const region_id *regions, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) json_array_append_new(list, json_string(model->regions[regions[i]].name));
    return list;
}

static json_t *pin_json(const struct reading *reading)
{
    if (reading->trace.pin == ID_NONE) return json_null();
    const struct pin *pin = &reading->model->pins[reading->trace.pin];
    json_t *network =
        pin->network == ID_NONE ? json_null() : figure_prefix(&reading->model->networks[pin->network].prefix);
    return json_pack("{s:I, s:o, s:o, s:o}", "line", (json_int_t)pin->line, "network", network, "asn",
                     pin->asn == 0 ? json_null() : json_integer(pin->asn), "regions",
                     names_of(reading->model, pin->regions, pin->region_count));
}

static json_t *rule_json(const struct reading *reading, const struct policy *policy)
{
    if (reading->trace.rule >= policy->rule_count) return json_null();
    const struct rule *rule = &policy->rules[reading->trace.rule];
    return json_pack("{s:I, s:I, s:o, s:o, s:b}", "index", (json_int_t)reading->trace.rule, "line",
                     (json_int_t)rule->line, "only", names_of(reading->model, rule->only, rule->only_count), "prefer",
                     names_of(reading->model, rule->prefer, rule->prefer_count), "fallback_any",
                     (int)rule->fallback_any);
}

static json_t *client_json(const struct reading *reading)
{
    const struct cell *cell = &reading->world->atlas->cells[reading->cell];
    json_t *network =
        cell->network == ID_NONE ? json_null() : figure_prefix(&reading->model->networks[cell->network].prefix);
    return json_pack("{s:o, s:I, s:o, s:o, s:o, s:o, s:b}", "client", figure_prefix(&reading->question->client), "cell",
                     (json_int_t)reading->cell, "place", place_json(&cell->place), "database",
                     figure_text(reading->world->atlas->source), "network", network, "asn",
                     cell->asn == 0 ? json_null() : json_integer(cell->asn), "embedded_ipv4",
                     (int)(reading->folded.family != reading->question->client.address.family));
}

/* ---- what was decided ---- */

/* Who had how much to say of the network latency; null where a row of the table or nobody else than distance spoke. */
static json_t *layers_json(const struct score *score, const struct latency_shares *shares)
{
    bool blended = score->network_source == LATENCY_DISTANCE || score->network_source == LATENCY_USERS ||
                   score->network_source == LATENCY_POPS;
    if (shares == NULL || !blended) return json_null();
    return json_pack("{s:f, s:f, s:f}", "users", shares->users / 1000.0, "pops", shares->pops / 1000.0, "distance",
                     shares->distance / 1000.0);
}

static json_t *candidate_json(const struct reading *reading, const struct candidate *candidate,
                              const struct latency_shares *shares)
{
    const struct score *score = &candidate->score;
    json_t *view = overview_region(reading->world, candidate->region, reading->elapsed_ms);
    const struct plan *plan = &reading->model->plans[reading->service->plan];
    bool priced = reading->model->policies[plan->policy].steering == STEERING_BALANCED;
    return json_pack("{s:s, s:s, s:o, s:I, s:f, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "region",
                     reading->model->regions[candidate->region].name, "exclusion", exclusion_name(candidate->exclusion),
                     "rank", candidate->exclusion == EXCLUDED_NOT ? json_integer(candidate->rank) : json_null(),
                     "share_permille", (json_int_t)candidate->share, "network_ms", (double)score->network_us / 1000.0,
                     "network_source", latency_source_name(score->network_source), "network_layers", layers_json(score, shares),
                     "utilisation_ms",
                     score->utilisation_known && !priced ? figure_ms(score->utilisation_us) : json_null(), "price_ms",
                     priced ? figure_ms(score->price_us) : json_null(), "processing_ms",
                     score->processing_known ? figure_ms(score->processing_us) : json_null(), "unreachable_ms",
                     figure_ms(score->unreachable_us), "total_ms", figure_ms(score->total_us), "facts", view);
}

static json_t *candidates_json(const struct reading *reading)
{
    json_t *list = json_array();
    struct latency_shares shares[REGION_MAX];
    const struct field *field = reading->world->latencies->field;
    const struct place *place = reading->trace.place;
    bool measured = field != NULL && place != NULL && place->has_location;
    if (measured) latency_shares(field, place, shares);
    for (size_t i = 0; i < reading->trace.candidate_count; i++) {
        const struct candidate *candidate = &reading->trace.candidates[i];
        json_array_append_new(list, candidate_json(reading, candidate, measured ? &shares[candidate->region] : NULL));
    }
    return list;
}

static json_t *shares_json(const struct model *model, const struct decision *decision)
{
    json_t *list = json_array();
    for (size_t i = 0; i < decision->share_count; i++) {
        json_array_append_new(list, json_pack("{s:s, s:I}", "region", model->regions[decision->shares[i].region].name,
                                              "permille", (json_int_t)decision->shares[i].weight));
    }
    return list;
}

static bool decisions_agree(const struct decision *left, const struct decision *right)
{
    return decision_same_shares(left, right) && left->ladder == right->ladder && left->left_only == right->left_only;
}

/* The widest prefix around the client within which everybody gets this decision. */
static json_t *scope_json(const struct reading *reading)
{
    const struct address *address = &reading->question->client.address;
    struct prefix scope = {.address = *address, .length = reading->hit.scope};
    for (unsigned bit = scope.length; bit < 128; bit++) {
        scope.address.bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
    }
    return figure_prefix(&scope);
}

/* The lottery that speaks for the question's type in the region chosen; RAFFLE_NONE. */
static uint32_t lottery_of(const struct reading *reading)
{
    const struct raffle *raffle = &reading->world->answers->raffle;
    enum lottery_kind kind = reading->question->type == TYPE_AAAA ? LOTTERY_IPV6 : LOTTERY_IPV4;
    uint32_t index = raffle_find(raffle, reading->view, reading->choice, kind);
    return index != RAFFLE_NONE ? index : raffle_find(raffle, reading->view, reading->choice, LOTTERY_HOSTNAME);
}

/* Which endpoints of the region answers name: those of the client's block, or in turn; null: all. */
static json_t *named_json(const struct reading *reading)
{
    uint32_t index = lottery_of(reading);
    if (index == RAFFLE_NONE) return json_null();
    const struct raffle *raffle = &reading->world->answers->raffle;
    const struct lottery *lottery = &raffle->lotteries[index];
    const struct address *address = &reading->question->client.address;
    json_t *names = lottery->by_block ? json_array() : json_null();
    if (lottery->by_block) {
        size_t choice = lottery_pick(lottery, address->family, address_position(address), 0);
        const endpoint_id *named = raffle_named(raffle, index, choice);
        for (size_t i = 0; i < lottery->names; i++)
            json_array_append_new(names, json_string(reading->model->endpoints[named[i]].name));
    }
    return json_pack("{s:s, s:b, s:I, s:o}", "strategy",
                     strategy_name(reading->model->regions[reading->choice].strategy), "by_block",
                     (int)lottery->by_block, "per_answer", (json_int_t)lottery->names, "names", names);
}

static json_t *decision_json(const struct reading *reading)
{
    const struct decision *decision = &reading->published;
    return json_pack("{s:s, s:o, s:I, s:s, s:b, s:o, s:o, s:b, s:o}", "choice",
                     reading->model->regions[reading->choice].name, "shares", shares_json(reading->model, decision),
                     "ladder", (json_int_t)decision->ladder, "ladder_name", ladder_name((enum ladder)decision->ladder),
                     "left_only", (int)decision->left_only, "scope", scope_json(reading), "nearest",
                     reading->trace.nearest == ID_NONE
                         ? json_null()
                         : json_string(reading->model->regions[reading->trace.nearest].name),
                     "agrees", (int)decisions_agree(decision, &reading->traced), "endpoints", named_json(reading));
}

static json_t *service_json(const struct reading *reading, const struct policy *policy)
{
    const struct service *service = reading->service;
    json_t *used = reading->trace.place == NULL ? json_null() : place_json(reading->trace.place);
    return json_pack("{s:o, s:i, s:s, s:s, s:b, s:I, s:I, s:I, s:o, s:o, s:o}", "name", figure_text(service->name),
                     "plan", (int)service->plan, "policy", policy->name, "steering", steering_name(policy->steering),
                     "require_capacity", (int)policy->require_capacity, "ttl_s",
                     (json_int_t)ttl_of_service_s(reading->model, service, reading->world->snapshot), "ttl_min_s",
                     (json_int_t)service->ttl_min_s, "ttl_max_s", (json_int_t)service->ttl_s, "place_used", used, "pin",
                     pin_json(reading), "rule", rule_json(reading, policy));
}

/* Ages and verdicts of the candidates' endpoints: what the regions' states stand on. */
static json_t *endpoints_json(const struct reading *reading)
{
    json_t *list = json_array();
    for (size_t i = 0; i < reading->trace.candidate_count; i++) {
        const struct region *region = &reading->model->regions[reading->trace.candidates[i].region];
        for (size_t n = 0; n < region->endpoint_count; n++) {
            endpoint_id id = (endpoint_id)(region->first_endpoint + n);
            json_t *endpoint = overview_endpoint(reading->control, reading->world, id, reading->elapsed_ms);
            if (endpoint != NULL) /* as this service has it */
                json_object_set_new(endpoint, "share", figure_rate(overview_share(reading->world, reading->view, id)));
            json_array_append_new(list, endpoint);
        }
    }
    return list;
}

/* Fill in what belongs to the service's plan. The choice is the region that the answering code counted; where it did not steer (a
 * type that no service has) it is the one that it would have taken. */
static void read_plan(struct reading *reading)
{
    const struct world *world = reading->world;
    size_t chart = world_chart(world, (service_id)(reading->service - reading->model->services));
    const struct address *address = &reading->question->client.address;
    struct steering_input input = {
        .model = reading->model,
        .plan = &reading->model->plans[reading->service->plan],
        .atlas = world->atlas,
        .latencies = world->latencies,
        .snapshot = world->snapshot,
    };
    reading->hit = chart_find(world->charts[chart], address);
    reading->published = world->decisions[chart]->list[reading->hit.decision];
    reading->traced = steering_decide(&input, reading->cell, &reading->trace);
    reading->choice = reading->inquiry->region;
    if (reading->choice == ID_NONE) {
        reading->choice = split_pick(&reading->published, address->family, address_position(address));
    }
    uint32_t lottery = lottery_of(reading);
    if (lottery == RAFFLE_NONE || !world->answers->raffle.lotteries[lottery].by_block) return;
    uint8_t block = address->family == FAMILY_IPV4 ? SPLIT_BLOCK_IPV4 : SPLIT_BLOCK_IPV6;
    if (reading->hit.scope < block) reading->hit.scope = block;
}

/* ---- the page ---- */

static json_t *answer_json(const struct inquiry *inquiry)
{
    return json_pack("{s:b, s:b, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "answered", (int)inquiry->answered,
                     "authoritative", (int)inquiry->authoritative, "rcode", inquiry->rcode, "steered",
                     (int)inquiry->steered, "records",
                     figure_texts((const char *const *)inquiry->records, inquiry->record_count), "authority",
                     figure_texts((const char *const *)inquiry->authority, inquiry->authority_count), "ttl_s",
                     inquiry->record_count == 0 ? json_null() : json_integer(inquiry->ttl_s), "ecs_source",
                     inquiry->has_ecs ? json_integer(inquiry->ecs_source) : json_null(), "ecs_scope",
                     inquiry->has_ecs ? json_integer(inquiry->ecs_scope) : json_null(), "extended_error",
                     inquiry->extended[0] == '\0' ? json_null() : figure_text(inquiry->extended));
}

static json_t *page_json(struct reading *reading, const char *type)
{
    json_t *page = json_pack("{s:o, s:s, s:I, s:o, s:o}", "name", figure_text(reading->inquiry->name), "type", type,
                             "world", (json_int_t)reading->world->sequence, "client", client_json(reading), "answer",
                             answer_json(reading->inquiry));
    if (reading->service == NULL) return page;
    read_plan(reading);
    const struct policy *policy = &reading->model->policies[reading->model->plans[reading->service->plan].policy];
    json_t *steered =
        json_pack("{s:o, s:o, s:o, s:o}", "service", service_json(reading, policy), "decision", decision_json(reading),
                  "regions", candidates_json(reading), "endpoints", endpoints_json(reading));
    if (page == NULL || steered == NULL || json_object_update(page, steered) != 0) {
        json_decref(page);
        page = NULL;
    }
    json_decref(steered);
    return page;
}

enum status explain_json(const struct control *control, const struct explain_question *question, json_t **out,
                         char error[ROUTE_ERROR_MAX])
{
    const struct world *world = control_world(control);
    if (world == NULL) {
        snprintf(error, ROUTE_ERROR_MAX, "no world is published yet");
        return ERR_STATE;
    }
    struct inquiry *inquiry = NULL;
    enum status status = inquiry_make(world, question, &inquiry);
    if (status == ERR_SYNTAX) snprintf(error, ROUTE_ERROR_MAX, "name: %.64s: expected a domain name", question->name);
    if (status != OK) return status;

    struct reading reading = {
        .control = control,
        .world = world,
        .model = &world->config->model,
        .elapsed_ms = overview_elapsed_ms(control),
        .question = question,
        .inquiry = inquiry,
        .service = service_reached(&world->config->model, inquiry),
        .folded = atlas_fold_address(&question->client.address),
        .cell = atlas_find(world->atlas, &question->client.address),
    };
    struct world seen = *world; /* as the service has to see it, when orders name it */
    if (reading.service != NULL) {
        service_id service = (service_id)(reading.service - reading.model->services);
        seen.snapshot = snapshot_of(world->snapshot, service);
        reading.view = raffle_view(world->snapshot, service);
        reading.world = &seen;
    }
    char type[INQUIRY_TYPE_MAX];
    inquiry_type_format(question->type, type);
    json_t *page = page_json(&reading, type);
    inquiry_free(inquiry);
    if (page == NULL) return ERR_MEMORY;
    struct control_status now;
    control_status(control, &now);
    if (json_object_set_new(page, "warning", sharing_warning(&now)) != 0) {
        json_decref(page);
        return ERR_MEMORY;
    }
    *out = page;
    return OK;
}
