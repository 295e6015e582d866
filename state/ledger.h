/* ledger.h - the newest fact of each (kind, subject, writer), and when it ends.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What every kind of store keeps in memory. Newest is by (epoch, sequence); a fact that is not newer is
 * refused, so hearing the same fact again does not refresh it, and neither does it come back after it
 * expired: an expired entry stays as a tombstone for LEDGER_SPENT_MS (or until its room is needed).
 *
 *                put                  ttl passes                 LEDGER_SPENT_MS, or room needed
 *     nothing ---------> live ------------------------> spent ---------------------------------> nothing
 *                         ^ |  newer: again               | newer
 *                         +-+-----------------------------+
 *
 * Pure: time is an argument, in ms of one monotonic clock. */
#ifndef MERIDIAN_LEDGER_H
#define MERIDIAN_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/status.h"
#include "state/fact.h"

#define LEDGER_SPENT_MS 3600000 /* an hour: a server that was cut off for longer is read anew as if it were right */

struct ledger;

/* limit: entries at most, live and spent. ERR_MEMORY. */
MUST_USE enum status ledger_new(size_t limit, struct ledger **out);
void ledger_free(struct ledger *ledger); /* takes NULL */

/* Copies the fact. ERR_EXISTS when it is not newer than what is known; ERR_LIMIT when `limit` live ones
 * are known; ERR_MEMORY. */
MUST_USE enum status ledger_put(struct ledger *ledger, const struct fact *fact, int64_t now_ms);
/* Take out one fact whose time has passed. False when there is none (left). */
bool ledger_expire(struct ledger *ledger, int64_t now_ms, struct fact *out);
/* When the next fact ends, on the clock of ledger_put; INT64_MAX: none is live. */
int64_t ledger_next_ms(const struct ledger *ledger);
/* Is a fact of that kind, subject and writer live? */
bool ledger_knows(const struct ledger *ledger, const struct fact *fact);
size_t ledger_count(const struct ledger *ledger); /* of live facts */
/* Visit every live fact, in no order, with the time it was put. The ledger must not change meanwhile. */
void ledger_each(const struct ledger *ledger, void *context,
                 void (*visit)(void *context, const struct fact *fact, int64_t heard_ms));

#endif
