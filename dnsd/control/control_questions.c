/* control_questions.c - what the admin interface may ask the control thread.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/control_body.h"
#include "dnsd/control/restart.h"

const struct world *control_world(const struct control *control)
{
    return publisher_view(control->publisher);
}

void control_status(const struct control *control, struct control_status *out)
{
    *out = (struct control_status){
        .version = MERIDIAN_VERSION,
        .started_epoch_s = control->started_epoch_s,
        .now_ms = (int64_t)uv_now(&control->loop),
        .worlds_published = publisher_world(control->publisher)->sequence,
        .worlds_built = control->worlds_built,
        .published_ms = control->published_ms,
        .reload = *refresh_last_reload(control->refresh),
        .database = *refresh_last_survey(control->refresh),
    };
    out->restart_count = restart_keys(control->started, control->ground->config, out->restart);
    store_describe(control->store, out->store, sizeof out->store);
    store_status(control->store, &out->sharing);
    for (size_t i = 0; i < out->sharing.server_count; i++) store_server_status(control->store, i, &out->servers[i]);
}

size_t control_worker_count(const struct control *control)
{
    return control->crew.started;
}

const struct worker *control_worker(const struct control *control, size_t index)
{
    return control->crew.workers[index];
}

uv_loop_t *control_loop(const struct control *control)
{
    return (uv_loop_t *)&control->loop;
}

const char *control_endpoint_detail(const struct control *control, endpoint_id endpoint)
{
    return knowledge_detail(control->knowledge, endpoint);
}

const struct council *control_council(const struct control *control)
{
    return knowledge_council(control->knowledge);
}

bool control_suspect(const struct control *control)
{
    return watch_suspect(control->watch);
}

int64_t control_now_ms(const struct control *control)
{
    return (int64_t)uv_now(&control->loop);
}

const char *control_load_detail(const struct control *control, endpoint_id endpoint)
{
    return watch_load_detail(control->watch, endpoint);
}

const struct announcer *control_announcer(const struct control *control)
{
    return control->herald.announcer;
}
