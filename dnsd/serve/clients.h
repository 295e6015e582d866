/* clients.h - how many connections each client has: an IPv4 address, or an IPv6 /56 (what one site usually
 * gets, RFC 6177).
 * SPDX-License-Identifier: Apache-2.0
 *
 * Open addressing with a secret seed, at most half full, memory of one size for life. The worker's thread
 * alone. */
#ifndef MERIDIAN_CLIENTS_H
#define MERIDIAN_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/address.h"

struct clients;

/* Room for `connections` clients (>= 1). ERR_MEMORY. */
MUST_USE enum status clients_new(size_t connections, uint32_t limit_per_client, struct clients **out);
void clients_free(struct clients *clients); /* takes NULL */

/* Count one connection more. False: the client has its limit already, and nothing was counted. The caller
 * never holds more than `connections` at a time. */
bool clients_enter(struct clients *clients, const struct address *address);
/* And one less, of a client that entered. */
void clients_leave(struct clients *clients, const struct address *address);

/* Distinct clients now. */
size_t clients_count(const struct clients *clients);

#endif
