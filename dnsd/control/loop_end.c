/* loop_end.c - the end of a libuv loop, within bounds.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/loop_end.h"

#define CLOSE_MS 500 /* for what the thread pool is doing at the end */

static void on_patience_over(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

bool loop_end(uv_loop_t *loop)
{
    uv_timer_t patience;
    uv_update_time(loop);
    uv_timer_init(loop, &patience);
    uv_timer_start(&patience, on_patience_over, CLOSE_MS, 0);
    uv_unref((uv_handle_t *)&patience);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&patience, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
    return uv_loop_close(loop) == 0;
}
