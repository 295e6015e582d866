/* trail.c - the control thread's audit trail.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/trail.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dnsd/control/order_desk.h"
#include "dnsd/log.h"

#define LEAD_POPS 64 /* that are looked at, by name; as many dead ones in front of a live one are not usual */

static void note(struct trail *trail, const struct audit_entry *entry, enum log_level level)
{
    audit_ring_add(trail->ring, entry);
    log_line(level, "change", "what=%s subject=\"%s\" who=%s id=%s why=\"%s\" before=\"%s\" after=\"%s\"", entry->what,
             entry->subject, entry->who, entry->id, entry->why, entry->before, entry->after);
}

static void share(struct trail *trail, const struct audit_entry *entry)
{
    if (trail->store == NULL) return;
    enum status status = store_audit(trail->store, entry);
    if (status != OK)
        log_line(LOG_LEVEL_WARNING, "the audit trail in the store misses an entry", "error=%s", status_name(status));
}

void trail_add(struct trail *trail, const struct audit_entry *entry)
{
    note(trail, entry, LOG_LEVEL_INFO);
    share(trail, entry);
}

void trail_lead(struct trail *trail, const struct council *council, const char *pop, int64_t now_ms)
{
    struct council_pop pops[LEAD_POPS];
    size_t count = council_pops(council, now_ms, pops, LEAD_POPS);
    trail->leads = true;
    for (size_t i = 0; i < count && i < LEAD_POPS; i++)
        if (pops[i].live && strcmp(pops[i].name, pop) < 0) trail->leads = false;
}

/* All PoPs see it. */
static void add_seen(struct trail *trail, const struct audit_entry *entry, enum log_level level)
{
    note(trail, entry, level);
    if (trail->leads) share(trail, entry);
}

/* Nobody's doing but this PoP's. */
static struct audit_entry entry_of(const struct config *config, const char *what, const char *subject)
{
    struct audit_entry entry = {.at_epoch_s = (int64_t)time(NULL)};
    snprintf(entry.by, sizeof entry.by, "%s", config->pop_name);
    snprintf(entry.who, sizeof entry.who, "%s", config->pop_name);
    snprintf(entry.what, sizeof entry.what, "%s", what);
    snprintf(entry.subject, sizeof entry.subject, "%s", subject);
    return entry;
}

void trail_order_ended(struct trail *trail, const struct config *config, const struct fact *fact)
{
    char subject[AUDIT_TEXT_MAX];
    if (fact->order.cancelled) return; /* it ended when that was said */
    order_desk_describe(&fact->order, subject, sizeof subject);
    struct audit_entry entry = entry_of(config, "end", subject);
    snprintf(entry.id, sizeof entry.id, "%s", fact->subject);
    snprintf(entry.why, sizeof entry.why, "its time is over");
    snprintf(entry.before, sizeof entry.before, "given by %s: %s", fact->writer, fact->order.reason);
    add_seen(trail, &entry, LOG_LEVEL_INFO);
}

void trail_reloaded(struct trail *trail, const struct config *before, const struct config *after)
{
    struct audit_entry entry = entry_of(after, "reload", after->path != NULL ? after->path : "");
    snprintf(entry.before, sizeof entry.before, "configuration %016" PRIx64, before->digest);
    snprintf(entry.after, sizeof entry.after, "configuration %016" PRIx64, after->digest);
    trail_add(trail, &entry);
}

static void write_verdict(const struct region_view *view, char out[AUDIT_TEXT_MAX])
{
    snprintf(out, AUDIT_TEXT_MAX, "%s (%s; %" PRIu32 " of %" PRIu32 " weight up)", view->up ? "up" : "down",
             verdict_reason_name(view->reason), view->weight_up, view->weight_total);
}

/* A service that asks for more than its share has regions of its own from now on, or has not any more. */
static void add_tenants(struct trail *trail, const struct config *config, const struct snapshot *before,
                        const struct snapshot *after)
{
    const struct model *model = &config->model;
    for (size_t i = 0; i < model->tenant_count && before->tenant_count == after->tenant_count; i++) {
        const struct tenant_view *was = &before->tenants[i], *is = &after->tenants[i];
        if (was->confined == is->confined) continue;
        struct audit_entry entry = entry_of(config, is->confined ? "confine" : "release", model->services[model->tenants[i].service].name);
        const char *over = is->demand_rps < 0 ? "nobody tells any more what it asks for" : "all fit";
        snprintf(entry.why, sizeof entry.why, "%s", is->confined ? "it asks for more than its share of what there is" : over);
        snprintf(entry.before, sizeof entry.before, "asked for %.6g requests/s of %.6g", was->demand_rps, was->allotment_rps);
        snprintf(entry.after, sizeof entry.after, "asks for %.6g requests/s of %.6g", is->demand_rps, is->allotment_rps);
        add_seen(trail, &entry, is->confined ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO);
    }
}

static void add_scaling(struct trail *trail, const struct config *config, size_t region, const struct snapshot *before,
                        const struct snapshot *after)
{
    const struct region_view *was = &before->regions[region], *is = &after->regions[region];
    bool short_before = was->scaling == SCALING_WANTS_MORE, is_short = is->scaling == SCALING_WANTS_MORE;
    if (short_before == is_short || !is->up || is->wanted_rps < 0) return; /* nobody tells: nothing is known to have changed */
    struct audit_entry entry = entry_of(config, is_short ? "capacity-short" : "capacity-enough", config->model.regions[region].name);
    snprintf(entry.why, sizeof entry.why, "%s", is_short ? "its clients bring more than it is to take" : "its clients fit");
    snprintf(entry.before, sizeof entry.before, "wanted %.6g requests/s of %.6g", was->wanted_rps, was->capacity_rps);
    snprintf(entry.after, sizeof entry.after, "wants %.6g requests/s of %.6g", is->wanted_rps, is->capacity_rps);
    add_seen(trail, &entry, LOG_LEVEL_INFO);
}

void trail_regions(struct trail *trail, const struct config *config, const struct snapshot *before,
                   const struct snapshot *after)
{
    for (size_t i = 0; before != NULL && i < after->region_count && i < before->region_count; i++) {
        const struct region_view *view = &after->regions[i];
        add_scaling(trail, config, i, before, after);
        if (before->regions[i].up == view->up) continue;
        struct audit_entry entry =
            entry_of(config, view->up ? "region-up" : "region-down", config->model.regions[i].name);
        snprintf(entry.why, sizeof entry.why, "%s", view->reason == VERDICT_ORDER ? "by order" : "by verdict");
        write_verdict(&before->regions[i], entry.before);
        write_verdict(view, entry.after);
        add_seen(trail, &entry, view->up ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING);
    }
    if (before != NULL) add_tenants(trail, config, before, after);
}

void trail_relaxed(const struct config *config, const struct world *world)
{
    const struct model *model = &config->model;
    for (size_t i = 0; i < model->plan_count; i++) {
        for (unsigned step = LADDER_FULL; step <= LADDER_LAST; step++) {
            size_t cells = world->decisions[i]->relaxed_cells[step];
            if (cells == 0) continue;
            log_line(LOG_LEVEL_WARNING, "nobody eligible, ladder relaxed", "policy=%s step=\"%s\" cells=%zu",
                     model->policies[model->plans[i].policy].name, ladder_name(step), cells);
        }
    }
}
