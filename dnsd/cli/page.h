/* page.h - the daemon's JSON as pages that a tired person can read.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Readers of JSON are lenient: a newer or older daemon may leave members out, then a dash stands there. Any thread. */
#ifndef MERIDIAN_PAGE_H
#define MERIDIAN_PAGE_H

#include <jansson.h>
#include <stdbool.h>

#include "dnsd/cli/table.h"

#define PAGE_TEXT_MAX 64

/* The status page; `health` is the text of /healthz, `healthy` its verdict. */
void page_status(const struct paper *paper, const json_t *status, const char *health, bool healthy);
/* Is all well? Every worker answers, every region is up, the last reload and reading of the database went fine,
 * a Redis server is reachable if there are any. */
bool page_status_is_well(const json_t *status, bool healthy);
/* The explanation. */
void page_explain(const struct paper *paper, const json_t *explanation);

/* An order or a cancellation that was given; all orders; one entry of the audit trail. */
void page_order(const struct paper *paper, const json_t *page);
void page_orders(const struct paper *paper, const json_t *page);
void page_audit(const struct paper *paper, const json_t *entry);

/* A cell: an endpoint's share of its region's clients, and what makes it less or more than its weight says. */
void page_share(struct table *table, const json_t *endpoint);

/* The status page's part on Redis servers; nothing where there are none. */
void page_sharing(const struct paper *paper, const json_t *status);

/* Who voted what on endpoints, where others than this PoP did; the other PoPs. Nothing where there are none. */
void page_votes(const struct paper *paper, const json_t *endpoints);
void page_pops(const struct paper *paper, const json_t *status);

/* This PoP's routes; nothing without `anycast`. Are they announced, and does every neighbour know? */
void page_anycast(const struct paper *paper, const json_t *status);
bool page_anycast_is_well(const json_t *status);

/* What came of a simulation. */
void page_simulation(const struct paper *paper, const json_t *page);

/* ---- figures for all ---- */

/* Text of a member, "-" when absent or null. */
const char *page_text(const json_t *object, const char *key);
bool page_true(const json_t *object, const char *key);
/* false when absent or null. */
bool page_number(const json_t *object, const char *key, double *out);
/* "890.0 ms", "72%", "3m12s", "35.0"; "-" when not known. */
const char *page_ms(const json_t *object, const char *key, char room[PAGE_TEXT_MAX]);
const char *page_percent(const json_t *object, const char *key, char room[PAGE_TEXT_MAX]);
const char *page_duration(const json_t *object, const char *key, char room[PAGE_TEXT_MAX]);
const char *page_rate(const json_t *object, const char *key, char room[PAGE_TEXT_MAX]);
/* "62% used, 12 at work, 3 waiting, told to its probes 1.2s ago" or "stale for 1m15s, so probe latency counts", of a region or
 * endpoint. False, and "", when there is nothing to say: nobody ever said anything. */
bool page_load(const json_t *object, char *out, size_t room);
void page_format_duration(double seconds, char out[PAGE_TEXT_MAX]);
/* A title, padded with spaces to `width`, and a text behind it; one line. */
void page_row(const struct paper *paper, int width, const char *title, const char *text);
/* "us-east-1 us-west-2" from a list of texts. */
void page_join(const json_t *list, const char *separator, char *out, size_t room);

#endif
