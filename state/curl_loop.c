/* curl_loop.c - libcurl's multi interface on a libuv loop.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/curl_loop.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* One socket that libcurl wants watched. It is watched by a descriptor of our own: libcurl 7.88 closes a socket whose connecting it
 * gives up before it says so, and then the number may be another's already, on this loop or of a worker. */
struct watched {
    uv_poll_t poll;
    curl_socket_t socket; /* libcurl's */
    int own;              /* the same socket */
    struct curl_loop *curl;
    struct watched *next; /* in curl->watched */
    struct watched **link;
};

struct curl_loop {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;
    struct watched *watched;
    size_t handles_open; /* the timer and what is watched */
};

static void release(struct curl_loop *curl)
{
    if (--curl->handles_open == 0) free(curl);
}

/* Tell the owners of what ended. Bounded by the transfers in flight: whoever starts again is not done
 * before the next call. */
static void tell_done(struct curl_loop *curl)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(curl->multi, &left)) != NULL;) {
        if (message->msg != CURLMSG_DONE) continue;
        CURLcode code = message->data.result; /* the message goes with the handle */
        CURL *easy = message->easy_handle;
        struct curl_transfer *transfer = NULL;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
        curl_multi_remove_handle(curl->multi, easy);
        transfer->active = false;
        transfer->on_done(transfer, code);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watched *watched = poll->data;
    struct curl_loop *curl = watched->curl;
    int flags = 0;
    /* libuv tells of POLLERR as an error and stops watching. Reading and writing will find out what it is;
     * CURL_CSELECT_ERR would end the transfer without a reason. Should they find nothing, the probe's
     * deadline remains. */
    if (status < 0) flags = CURL_CSELECT_IN | CURL_CSELECT_OUT;
    if (events & UV_READABLE) flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE) flags |= CURL_CSELECT_OUT;
    int running;
    curl_multi_socket_action(curl->multi, watched->socket, flags, &running); /* `watched` may be gone now */
    tell_done(curl);
}

static void on_timer(uv_timer_t *timer)
{
    struct curl_loop *curl = timer->data;
    int running;
    curl_multi_socket_action(curl->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    tell_done(curl);
}

/* libcurl's CURLMOPT_TIMERFUNCTION; it must not be called back from here. */
static int on_timer_wanted(CURLM *multi, long timeout_ms, void *context)
{
    struct curl_loop *curl = context;
    (void)multi;
    if (timeout_ms < 0)
        uv_timer_stop(&curl->timer);
    else
        uv_timer_start(&curl->timer, on_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

static void on_watched_closed(uv_handle_t *handle)
{
    struct watched *watched = handle->data;
    struct curl_loop *curl = watched->curl;
    free(watched);
    release(curl);
}

static struct watched *watch_begin(struct curl_loop *curl, curl_socket_t socket)
{
    struct watched *watched = calloc(1, sizeof *watched);
    if (watched == NULL) return NULL;
    watched->own = fcntl(socket, F_DUPFD_CLOEXEC, 0);
    if (watched->own < 0 || uv_poll_init_socket(curl->loop, &watched->poll, watched->own) != 0) {
        if (watched->own >= 0) close(watched->own);
        free(watched);
        return NULL;
    }
    watched->poll.data = watched;
    watched->socket = socket;
    watched->curl = curl;
    watched->next = curl->watched;
    watched->link = &curl->watched;
    if (watched->next != NULL) watched->next->link = &watched->next;
    curl->watched = watched;
    curl->handles_open++;
    curl_multi_assign(curl->multi, socket, watched);
    return watched;
}

static void watch_end(struct watched *watched)
{
    *watched->link = watched->next;
    if (watched->next != NULL) watched->next->link = watched->link;
    uv_close((uv_handle_t *)&watched->poll, on_watched_closed); /* libuv does not look at the descriptor any more */
    close(watched->own);
}

/* libcurl's CURLMOPT_SOCKETFUNCTION. Without memory the socket stays unwatched and its transfer meets the
 * probe's deadline: an error returned here would end every transfer. */
static int on_socket_wanted(CURL *easy, curl_socket_t socket, int what, void *context, void *socket_context)
{
    struct curl_loop *curl = context;
    struct watched *watched = socket_context;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watched != NULL) {
            curl_multi_assign(curl->multi, socket, NULL);
            watch_end(watched);
        }
        return 0;
    }
    if (watched == NULL) watched = watch_begin(curl, socket);
    if (watched == NULL) return 0;
    int events = 0;
    if (what & CURL_POLL_IN) events |= UV_READABLE;
    if (what & CURL_POLL_OUT) events |= UV_WRITABLE;
    (void)uv_poll_start(&watched->poll, events, on_poll);
    return 0;
}

enum status curl_loop_start(struct curl_loop *curl, struct curl_transfer *transfer)
{
    if (transfer->active) return ERR_STATE;
    if (curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer) != CURLE_OK) return ERR_MEMORY;
    if (curl_multi_add_handle(curl->multi, transfer->easy) != CURLM_OK) return ERR_MEMORY;
    transfer->active = true;
    return OK;
}

void curl_loop_stop(struct curl_loop *curl, struct curl_transfer *transfer)
{
    if (!transfer->active) return;
    transfer->active = false;
    curl_multi_remove_handle(curl->multi, transfer->easy);
}

static void on_timer_closed(uv_handle_t *handle)
{
    release(handle->data);
}

void curl_loop_close(struct curl_loop *curl)
{
    curl_multi_cleanup(curl->multi); /* closes the kept connections, which ends most of what is watched */
    curl->multi = NULL;
    while (curl->watched != NULL) watch_end(curl->watched);
    uv_close((uv_handle_t *)&curl->timer, on_timer_closed);
}

static bool multi_set_up(struct curl_loop *curl, unsigned kept)
{
    return curl_multi_setopt(curl->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted) == CURLM_OK &&
           curl_multi_setopt(curl->multi, CURLMOPT_SOCKETDATA, curl) == CURLM_OK &&
           curl_multi_setopt(curl->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted) == CURLM_OK &&
           curl_multi_setopt(curl->multi, CURLMOPT_TIMERDATA, curl) == CURLM_OK &&
           curl_multi_setopt(curl->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) == CURLM_OK &&
           curl_multi_setopt(curl->multi, CURLMOPT_MAXCONNECTS, (long)(kept > 0 ? kept : 1)) == CURLM_OK;
}

enum status curl_loop_new(uv_loop_t *loop, unsigned kept, struct curl_loop **out)
{
    struct curl_loop *curl = calloc(1, sizeof *curl);
    CURLM *multi = curl_multi_init();
    if (curl == NULL || multi == NULL) goto fail;
    curl->loop = loop;
    curl->multi = multi;
    if (!multi_set_up(curl, kept)) goto fail;
    uv_timer_init(loop, &curl->timer); /* never fails */
    curl->timer.data = curl;
    curl->handles_open = 1;
    *out = curl;
    return OK;
fail:
    curl_multi_cleanup(multi);
    free(curl);
    return ERR_MEMORY;
}
