/* probe.h - asking endpoints whether they are well, each on its own schedule.
 * SPDX-License-Identifier: Apache-2.0
 *
 * http(s) over libcurl's multi interface on the caller's libuv loop; tcp and dns on libuv. Every probe has
 * one deadline and bounded memory: whatever the peer does (hang, drip, reset, redirect, endless headers, a
 * huge body) costs one verdict. At most `concurrency` in flight; intervals carry jitter. Home thread: the
 * loop's.
 *
 *            start, spread over the first interval
 *   idle --------------------------------------------> waiting (FIFO) --> running --result--> idle
 *     ^         interval +-10 % since the last start                        one deadline        |
 *     +-----------------------------------------------------------------------------------------+
 *
 * One probe (and one page) per endpoint at a time: what waits or runs when its next turn comes does not pile up. The
 * deadline starts when the probe leaves the queue and covers name resolution, connect, TLS and transfer.
 *
 * The verdict of an http probe: status within the bounds and the text found in the first PROBE_BODY_MAX
 * bytes of the body, and the body ended or went beyond PROBE_BODY_MAX before the deadline. A larger body
 * is no failure, the transfer just ends there (and the connection with it). A redirect is a status like
 * any other and is not followed.
 *
 * Load is asked for on the side: an ORCA header in the probe's own answer, or a page of metrics by a second request with a schedule
 * and deadline of its own. A page is read whole, up to PROMETHEUS_PAGE_MAX. Whatever becomes of either, the verdict is the
 * probe's alone.
 *
 * The process must not die of SIGPIPE: prober_open ignores the signal unless somebody handles it already. */
#ifndef MERIDIAN_PROBE_H
#define MERIDIAN_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "router/address.h"
#include "router/model.h"
#include "router/status.h"
#include "state/load_reader.h"

#define PROBE_BODY_MAX 65536   /* bytes of a body that are looked at; more ends the transfer */
#define PROBE_HEADER_MAX 65536 /* bytes of headers; more fails the probe */
#define PROBE_DETAIL_MAX 160

/* PROBE_PAGE: asks for a page of metrics; an HTTP probe whose result says nothing of health. */
enum probe_kind { PROBE_NONE, PROBE_HTTP, PROBE_TCP, PROBE_DNS, PROBE_PAGE };

struct probe_settings {
    enum probe_kind kind;
    uint32_t interval_ms;
    uint32_t timeout_ms;
    /* http */
    const char *url;
    const char *method;   /* NULL: GET */
    const char *host;     /* Host header; NULL: from the URL */
    const char *tls_name; /* SNI and name to verify; NULL: from the URL */
    const char *ca_file;  /* NULL: the system's */
    uint16_t status_min;  /* expected status codes, both inclusive; default 200..299 */
    uint16_t status_max;
    const char *body; /* text that the first PROBE_BODY_MAX bytes must contain; NULL: any */
    /* tcp, dns */
    struct address address;
    uint16_t port;
    const char *name; /* dns: question name, presentation form */
    uint16_t type;    /* dns: question type */
    /* load */
    const struct load_settings
        *load; /* http: LOAD_KIND_ORCA asks for that header; page: how to read it; NULL: nothing */
    const struct probe_settings *page; /* a PROBE_PAGE of the same endpoint, on its own schedule; NULL: none */
};

struct probe_result {
    bool success;
    bool not_made;         /* with success false: we lacked sockets or memory, which says nothing of the endpoint */
    int64_t connect_us;    /* TCP handshake; -1: none made (kept-alive connection, or failed before) */
    int64_t processing_us; /* http: first byte less connect (and TLS); dns: round trip; -1: unknown */
    char detail[PROBE_DETAIL_MAX]; /* "200 in 3.1 ms", "timed out after 500 ms", "connection refused", ... */
    /* What it was told of load, well or not. */
    bool page;      /* the result of a PROBE_PAGE: all there is, is below */
    bool load_told; /* `load` says something */
    struct fact_load load;
    char load_detail[PROBE_DETAIL_MAX]; /* as detail; "": it was not asked, or nobody answered */
};

typedef void probe_callback(void *context, endpoint_id endpoint, const struct probe_result *result);

struct prober;

/* Start probing. settings[i] belongs to endpoint i and is borrowed until prober_close; PROBE_NONE ones are
 * skipped.
 *   count        at most ENDPOINT_MAX
 *   concurrency  >= 1
 *   seed         of the jitter and of DNS ids; different on each start
 * ERR_MEMORY; ERR_IO when libcurl or the loop refuses; ERR_SYNTAX for a URL or name that cannot be parsed,
 * ERR_RANGE for other settings out of bounds, ERR_UNSUPPORTED when libcurl lacks something (TLS). */
MUST_USE enum status prober_open(uv_loop_t *loop, const struct probe_settings *settings, size_t count,
                                 unsigned concurrency, uint64_t seed, probe_callback *callback, void *context,
                                 struct prober **out);
/* Stop probing one endpoint, or go on (all are probed at first). One that runs is given up without a result; one that is
 * enabled starts within its interval. From within a callback too. */
void prober_disable(struct prober *prober, endpoint_id endpoint);
void prober_enable(struct prober *prober, endpoint_id endpoint);
/* Go on with the schedule of `before`, for a reload right after prober_open: who reloads more often than an endpoint is probed would
 * else put off its turn each time. The turns may come sooner than there, never later; what waits or runs there starts at once.
 *   ids_before  by endpoint: its id in `before`, ID_NONE when it is new */
void prober_inherit(struct prober *prober, const struct prober *before, const endpoint_id *ids_before);
/* Stop; no callback comes after this returns. The memory goes when libuv has closed its handles. Not from
 * within a callback. Takes NULL. */
void prober_close(struct prober *prober);

#endif
