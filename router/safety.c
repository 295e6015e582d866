/* safety.c - would an order leave a service enough regions and capacity?
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/safety.h"

#define PERMILLE 1000
#define SLACK_PERCENT 1e-9 /* sums of the same terms in another order differ in their last bits */

static bool is_in(const struct policy *policy, const struct region_view *view)
{
    if (!view->up || view->drained || view->moved_permille >= PERMILLE) return false;
    return !(policy->steering == STEERING_WEIGHTED && view->has_weight && view->weight == 0);
}

static bool states_capacity(const struct model *model, const struct plan *plan)
{
    for (size_t i = 0; i < plan->region_count; i++) {
        const struct region *region = &model->regions[plan->regions[i]];
        for (size_t k = 0; k < region->endpoint_count; k++) {
            const struct endpoint *endpoint = &model->endpoints[region->first_endpoint + k];
            if (endpoint->weight > 0 && endpoint->capacity_rps <= 0) return false;
        }
    }
    return true;
}

struct safety_state safety_of_service(const struct model *model, service_id service, const struct snapshot *snapshot)
{
    const struct plan *plan = &model->plans[model->services[service].plan];
    const struct policy *policy = &model->policies[plan->policy];
    bool by_capacity = states_capacity(model, plan);
    struct safety_state state = {0};
    double total = 0, left = 0;
    snapshot = snapshot_of(snapshot, service);
    for (size_t i = 0; i < plan->region_count; i++) {
        const struct region *region = &model->regions[plan->regions[i]];
        const struct region_view *view = &snapshot->regions[plan->regions[i]];
        bool in = is_in(policy, view);
        if (in) state.regions_in++;
        for (size_t k = 0; k < region->endpoint_count; k++) {
            const struct endpoint *endpoint = &model->endpoints[region->first_endpoint + k];
            const struct endpoint_view *seen = &snapshot->endpoints[region->first_endpoint + k];
            double size = endpoint->weight == 0 ? 0 : by_capacity ? endpoint->capacity_rps : endpoint->weight;
            total += size;
            if (in && seen->up && !seen->drained && seen->weight > 0)
                left += size * (PERMILLE - view->moved_permille) / PERMILLE;
        }
    }
    state.out_percent = total > 0 ? 100 * (total - left) / total : 0;
    return state;
}

static enum safety_word judge(const struct safety_rules *rules, const struct safety_finding *finding)
{
    if (finding->then.regions_in < finding->regions_wanted && finding->then.regions_in < finding->now.regions_in)
        return SAFETY_REGIONS;
    if (finding->then.out_percent > rules->max_out_percent + SLACK_PERCENT &&
        finding->then.out_percent > finding->now.out_percent + SLACK_PERCENT)
        return SAFETY_CAPACITY;
    return SAFETY_WELL;
}

/* Which of two findings tells more of an order: the one that it leaves worse off; of equal ones, that it touches more. */
static bool is_worse(const struct safety_finding *left, const struct safety_finding *right)
{
    double left_loss = left->then.out_percent - left->now.out_percent;
    double right_loss = right->then.out_percent - right->now.out_percent;
    if ((left_loss > SLACK_PERCENT) != (right_loss > SLACK_PERCENT)) return left_loss > SLACK_PERCENT;
    return left->then.out_percent > right->then.out_percent;
}

bool safety_check(const struct model *model, const struct safety_rules *rules, const struct snapshot *now,
                  const struct snapshot *then, struct safety_finding *out)
{
    *out = (struct safety_finding){.service = ID_NONE};
    for (size_t i = 0; i < model->service_count; i++) {
        size_t region_count = model->plans[model->services[i].plan].region_count;
        struct safety_finding finding = {
            .service = (service_id)i,
            .region_count = region_count,
            .regions_wanted = rules->min_regions < region_count ? rules->min_regions : region_count,
            .now = safety_of_service(model, (service_id)i, now),
            .then = safety_of_service(model, (service_id)i, then),
        };
        finding.word = judge(rules, &finding);
        if (finding.word != SAFETY_WELL || out->service == ID_NONE || is_worse(&finding, out)) *out = finding;
        if (finding.word != SAFETY_WELL) return false;
    }
    return true;
}
