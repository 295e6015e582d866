/* curl_loop.h - libcurl's multi interface on a libuv loop.
 * SPDX-License-Identifier: Apache-2.0
 *
 * libcurl says which sockets to watch and when to be called; uv_poll and one timer do so. Transfers share
 * a cache of connections. Home thread: the loop's.
 *
 * Known bounds of libcurl 7.88 (Debian 12): a used easy handle gives up at the sixth dead kept connection of its life (so
 * each attempt has a new one); the end of the TCP handshake is told only after TLS; a header line beyond 100 kB is reported
 * as "out of memory" (taken for what it is once the request was sent). */
#ifndef MERIDIAN_CURL_LOOP_H
#define MERIDIAN_CURL_LOOP_H

#include <stdbool.h>

#include <curl/curl.h>
#include <uv.h>

#include "router/status.h"

struct curl_loop;

/* A transfer: the caller's easy handle and who hears of its end. Embedded in its owner. */
struct curl_transfer {
    CURL *easy;
    void (*on_done)(struct curl_transfer *transfer, CURLcode code); /* already out of the loop; may start again */
    bool active;
};

/* kept: connections that stay open between transfers, at most. The caller has called curl_global_init.
 * ERR_MEMORY. */
MUST_USE enum status curl_loop_new(uv_loop_t *loop, unsigned kept, struct curl_loop **out);
/* on_done comes later, never from within. ERR_MEMORY, ERR_STATE when it is active. */
MUST_USE enum status curl_loop_start(struct curl_loop *curl, struct curl_transfer *transfer);
/* on_done does not come any more; the connection is closed. Does nothing when it is not active. */
void curl_loop_stop(struct curl_loop *curl, struct curl_transfer *transfer);
/* No transfer is active. The memory goes when libuv has closed the handles. */
void curl_loop_close(struct curl_loop *curl);

#endif
