/* agreement.c - what the PoPs say of each endpoint and how they agree, for the pages.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/admin/agreement.h"

#include "dnsd/admin/exposition.h"
#include "dnsd/admin/figure.h"

static const char *word_of(const struct council_vote *vote)
{
    if (vote->held) return "held down";
    if (!vote->up) return "down";
    return vote->degraded ? "degraded" : "up";
}

static json_t *vote_json(const struct council_vote *vote)
{
    return json_pack("{s:s, s:b, s:s, s:b, s:o, s:o, s:o, s:o, s:o}", "pop", vote->pop, "own", (int)vote->own, "says",
                     word_of(vote), "counted", (int)(vote->not_counted == NULL), "why_not",
                     vote->not_counted == NULL ? json_null() : json_string(vote->not_counted), "age_s",
                     figure_s(vote->age_ms), "changed_s", figure_s(vote->changed_ms), "processing_ms",
                     figure_ms(vote->processing_us), "processing_p95_ms", figure_ms(vote->processing_p95_us));
}

json_t *agreement_json(const struct control *control, endpoint_id endpoint)
{
    const struct world *world = control_world(control);
    const struct endpoint_view *view = &world->snapshot->endpoints[endpoint];
    const struct council *council = control_council(control);
    if (!world->config->model.endpoints[endpoint].probed) return json_null();
    struct council_vote votes[AGREEMENT_VOTE_MAX];
    const struct verdict *verdict = council_last(council, endpoint);
    size_t count = council_votes(council, endpoint, control_now_ms(control), votes, AGREEMENT_VOTE_MAX);
    json_t *list = json_array();
    for (size_t i = 0; i < count && i < AGREEMENT_VOTE_MAX; i++) json_array_append_new(list, vote_json(&votes[i]));
    return json_pack(
        "{s:s, s:b, s:b, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I}", "basis",
        quorum_basis_name(verdict->basis), "degraded", (int)view->degraded, "unreachable_from_here",
        (int)view->unreachable, "held", (int)verdict->held, "probed_here", (int)council_probes_here(council, endpoint),
        "known", (json_int_t)verdict->known, "counted", (json_int_t)verdict->counted, "down", (json_int_t)verdict->down,
        "degrading", (json_int_t)verdict->degrading, "suspect", (json_int_t)verdict->suspect, "stale",
        (json_int_t)verdict->stale, "needed", (json_int_t)verdict->needed, "quorum", (json_int_t)verdict->quorum,
        "votes", list, "votes_left_out", (json_int_t)(count > AGREEMENT_VOTE_MAX ? count - AGREEMENT_VOTE_MAX : 0));
}

json_t *agreement_pops_json(const struct control *control)
{
    struct council_pop pops[AGREEMENT_POP_MAX];
    size_t count = council_pops(control_council(control), control_now_ms(control), pops, AGREEMENT_POP_MAX);
    json_t *list = json_array();
    for (size_t i = 0; i < count && i < AGREEMENT_POP_MAX; i++) {
        const struct council_pop *pop = &pops[i];
        json_t *latitude = pop->located ? json_real(pop->location.latitude) : json_null();
        json_t *longitude = pop->located ? json_real(pop->location.longitude) : json_null();
        json_array_append_new(list, json_pack("{s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "pop", pop->name, "live",
                                              (int)pop->live, "suspect", (int)pop->suspect, "heard_s",
                                              figure_s(pop->age_ms), "version", figure_text(pop->version), "config",
                                              figure_text(pop->config), "latitude", latitude, "longitude", longitude, "announces",
                                              pop->announces[0] != '\0' ? figure_text(pop->announces) : json_null()));
    }
    return list;
}

/* ---- metrics ---- */

static void write_votes(FILE *out, const struct control *control)
{
    const struct model *model = &control_world(control)->config->model;
    exposition_family(out, "meridian_endpoint_votes", "gauge", "PoPs' votes on an endpoint; stale and suspect ones are not counted.");
    for (size_t i = 0; i < model->endpoint_count; i++) {
        const struct verdict *verdict = council_last(control_council(control), (endpoint_id)i);
        const struct {
            const char *says;
            int count;
        } rows[] = {{"up", verdict->counted - verdict->down - verdict->degrading},
                    {"degraded", verdict->degrading},
                    {"down", verdict->down},
                    {"stale", verdict->stale},
                    {"suspect", verdict->suspect}};
        if (!model->endpoints[i].probed) continue;
        for (size_t j = 0; j < sizeof rows / sizeof *rows; j++)
            fprintf(out, "meridian_endpoint_votes{endpoint=\"%s\",says=\"%s\"} %d\n", model->endpoints[i].name,
                    rows[j].says, rows[j].count);
    }
}

static void write_views(FILE *out, const struct world *world)
{
    const struct model *model = &world->config->model;
    exposition_family(out, "meridian_endpoint_degraded", "gauge", "Whether an endpoint is up but counts with a part of its capacity (1).");
    for (size_t i = 0; i < model->endpoint_count; i++)
        fprintf(out, "meridian_endpoint_degraded{endpoint=\"%s\"} %d\n", model->endpoints[i].name,
                (int)world->snapshot->endpoints[i].degraded);
    exposition_family(out, "meridian_endpoint_unreachable", "gauge", "Whether an endpoint is up but not reached from this PoP (1).");
    for (size_t i = 0; i < model->endpoint_count; i++)
        fprintf(out, "meridian_endpoint_unreachable{endpoint=\"%s\"} %d\n", model->endpoints[i].name,
                (int)world->snapshot->endpoints[i].unreachable);
    exposition_family(out, "meridian_region_unreachable_ratio", "gauge",
           "Share of a region's weight that is up but not reached from here.");
    for (size_t i = 0; i < model->region_count; i++)
        fprintf(out, "meridian_region_unreachable_ratio{region=\"%s\"} %.3f\n", model->regions[i].name,
                world->snapshot->regions[i].unreachable_permille / 1e3);
}

void agreement_metrics(FILE *out, const struct control *control)
{
    struct council_pop pops[AGREEMENT_POP_MAX];
    size_t count = council_pops(control_council(control), control_now_ms(control), pops, AGREEMENT_POP_MAX);
    size_t live = 0, suspect = 0;
    for (size_t i = 0; i < count && i < AGREEMENT_POP_MAX; i++) {
        live += pops[i].live;
        suspect += pops[i].live && pops[i].suspect;
    }
    exposition_family(out, "meridian_suspect", "gauge", "Whether this PoP suspects itself (1): too much died at once.");
    fprintf(out, "meridian_suspect %d\n", (int)control_suspect(control));
    exposition_family(out, "meridian_pops", "gauge", "Other PoPs that were heard of.");
    fprintf(out, "meridian_pops{state=\"live\"} %zu\nmeridian_pops{state=\"lost\"} %zu\n", live, count - live);
    exposition_family(out, "meridian_pops_suspect", "gauge", "Live PoPs that suspect themselves.");
    fprintf(out, "meridian_pops_suspect %zu\n", suspect);
    write_votes(out, control);
    write_views(out, control_world(control));
}
