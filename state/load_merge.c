/* load_merge.c - what several say of one load, to what is known of it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/load_merge.h"

/* What follows from one word. */
static struct load_view view_of(const struct fact_load *load, double capacity_requests)
{
    struct load_view view = snapshot_load_none();
    view.declared = load->utilisation;
    view.in_flight = load->in_flight;
    view.waiting = load->waiting;
    view.kv_cache = load->kv_cache;
    view.errors_rps = load->errors_rps;
    view.first_token_us = load->first_token_us;
    /* A queue alone does not tell how full the hands are. */
    if (load->in_flight >= 0 && capacity_requests > 0)
        view.by_requests = (load->in_flight + (load->waiting > 0 ? load->waiting : 0)) / capacity_requests;
    return view;
}

static bool says_load(const struct fact_load *load)
{
    return load->load_rps >= 0 || load->in_flight >= 0 || load->waiting >= 0 || load->kv_cache >= 0;
}

/* Whom to believe: index of a word, or words->count when nobody says anything of load. */
static size_t believed(const struct load_words *words, double capacity_rps)
{
    for (size_t i = 0; i < words->count; i++) {
        const struct fact_load *load = words->list[i].load;
        struct load_view view = view_of(load, words->capacity_requests);
        if (snapshot_utilisation(&view, load->load_rps, capacity_rps) >= 0) return i;
    }
    for (size_t i = 0; i < words->count; i++)
        if (says_load(words->list[i].load)) return i;
    return words->count;
}

static void fill_in(const struct load_word *word, struct load_merged *out)
{
    const struct fact_load *load = word->load;
    if (out->view.kv_cache < 0) out->view.kv_cache = load->kv_cache;
    if (out->view.errors_rps < 0) out->view.errors_rps = load->errors_rps;
    if (out->view.first_token_us == SNAPSHOT_UNKNOWN) out->view.first_token_us = load->first_token_us;
    out->degraded |= load->degraded;
    if (out->processing_us != SNAPSHOT_UNKNOWN || load->processing_us == SNAPSHOT_UNKNOWN) return;
    out->processing_us = load->processing_us;
    out->processing_p95_us = load->processing_p95_us;
    out->processing_age_ms = word->age_ms;
    out->view.processing_source = word->source;
}

struct load_merged load_merge(const struct load_words *words)
{
    struct load_merged out = {
        .view = snapshot_load_none(),
        .load_rps = -1,
        .capacity_rps = words->capacity_rps,
        .age_ms = SNAPSHOT_UNKNOWN,
        .processing_us = SNAPSHOT_UNKNOWN,
        .processing_p95_us = SNAPSHOT_UNKNOWN,
        .processing_age_ms = SNAPSHOT_UNKNOWN,
    };
    for (size_t i = words->count; i-- > 0;)
        if (words->list[i].load->capacity_rps >= 0) out.capacity_rps = words->list[i].load->capacity_rps;
    size_t first = believed(words, out.capacity_rps);
    if (first < words->count) {
        const struct load_word *word = &words->list[first];
        out.view = view_of(word->load, words->capacity_requests);
        out.view.source = word->source;
        out.load_rps = word->load->load_rps >= 0 ? word->load->load_rps : -1;
        out.age_ms = word->age_ms;
    }
    for (size_t i = 0; i < words->count; i++) fill_in(&words->list[i], &out);
    return out;
}
