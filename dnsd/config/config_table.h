/* config_table.h - the one table of all options.
 * SPDX-License-Identifier: Apache-2.0
 *
 * It drives parsing, unknown keys, bounds, defaults and the reference page. Immutable; any thread. */
#ifndef MERIDIAN_CONFIG_TABLE_H
#define MERIDIAN_CONFIG_TABLE_H

#include "dnsd/config/given.h"

#define CONFIG_ZONE_MAX 100000 /* ten times what must load in two seconds */
#define CONFIG_LISTEN_MAX 64   /* sockets of one worker, twice over for UDP and TCP */
#define CONFIG_WORKER_MAX 256  /* WORKER_MAX of dnsd/serve/worker.h, which sees this folder rather than the other way */
#define ANYCAST_NEIGHBOR_MAX 16
#define ANYCAST_PREFIX_MAX 16    /* BGP_PREFIX_MAX of dnsd/anycast/bgp_peer.h, likewise */
#define ANYCAST_COMMUNITY_MAX 31 /* BGP_COMMUNITY_MAX without GRACEFUL_SHUTDOWN */

/* The mapping at the top of the file; its struct is a struct declaration. */
extern const struct shape config_table;

/* One of the policies; its struct is a struct given_policy. For the one that exists without being declared. */
extern const struct shape config_table_policy;

#endif
