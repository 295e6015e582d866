/* watchdog.h - a thread that ends the BGP sessions when the control thread stands still.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   control thread --beat, every 100 ms--> watchdog: no beat in WATCHDOG_MISSES looks --> shutdown() of every connection
 *
 * The neighbour sees the end of the connection and takes the routes away, long before the hold time would. Nothing else is done: when the
 * control thread comes back it finds closed connections and makes new ones. What stands still with the whole process (SIGSTOP) does not
 * count, since looks are counted and not time. Home thread: the control thread, but for the watchdog itself. */
#ifndef MERIDIAN_WATCHDOG_H
#define MERIDIAN_WATCHDOG_H

#include <stdint.h>

#include "router/status.h"

#define WATCHDOG_LOOK_MS 100
#define WATCHDOG_MISSES 10
#define WATCHDOG_SLOTS 16

struct watchdog;

MUST_USE enum status watchdog_open(struct watchdog **out); /* ERR_MEMORY */
/* Ends the thread; takes NULL. */
void watchdog_close(struct watchdog *watchdog);
void watchdog_beat(struct watchdog *watchdog);
/* This connection is to be ended, too; negative: that of this slot is about to be closed.
 *   slot  below WATCHDOG_SLOTS */
void watchdog_guard(struct watchdog *watchdog, unsigned slot, int descriptor);
/* How often it had to. */
uint64_t watchdog_bites(const struct watchdog *watchdog);

#endif
