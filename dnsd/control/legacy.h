/* legacy.h - what a process takes over from the one before, so that no query is lost by an upgrade.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   the one before                                       the new one, its child (succession.h)
 *                 <------------------------------- begin --   it reads what comes
 *     hello VERSION EPOCH -------------------------------->
 *     udp|tcp|admin ADDRESS PORT + descriptor, each ------>
 *     fact AGE JSON, each (embedded store) --------------->
 *     end ------------------------------------------------>   takes the sockets, builds its world, starts its workers
 *                 <------------------------------- ready --   every worker answers; both do now
 *     fact AGE JSON, each again -------------------------->   for what was told meanwhile
 *     bgp ... + descriptor, each session ----------------->
 *     go ------------------------------------------------->   beats, probes and announces from here on
 *   its connections end, it ends
 *
 * Until `ready` the one before has changed nothing, and goes on when the new one fails. Home thread: the control thread. */
#ifndef MERIDIAN_LEGACY_H
#define MERIDIAN_LEGACY_H

#include "dnsd/anycast/bequest.h"
#include "dnsd/config/config.h"
#include "dnsd/serve/worker.h"
#include "router/status.h"

#define LEGACY_VERSION 1
#define LEGACY_ENVIRONMENT "MERIDIAN_LEGACY" /* the channel's descriptor */
#define LEGACY_HELLO_MS 5000
#define LEGACY_ANSWER_MS 10000 /* until every worker answers */
#define LEGACY_GO_MS 10000
#define LEGACY_SOCKET_MAX 4096
#define LEGACY_FACT_MAX 20000

struct legacy_fact {
    int64_t age_ms;
    char *text;
};

struct legacy {
    int channel;
    uint64_t epoch; /* of the facts of the one before */
    struct worker_socket *sockets;
    size_t socket_count;
    int admin; /* descriptor; negative: none */
    struct address admin_address;
    uint16_t admin_port;
    struct legacy_fact *facts;
    size_t fact_count;
    size_t told_count; /* of them, those that our store has heard */
    struct bequests bequests;
};

/* Is there a process before this one? NULL: no. On failure, with words, there was one, and what it said is no use. */
MUST_USE enum status legacy_receive(struct legacy **out, char error[256]);
/* The admin listener, if it is for this address; negative: none. */
int legacy_admin(struct legacy *legacy, const struct address *address, uint16_t port);
/* Wait until all these workers answer a question, tell the one before, and wait for its last words. ERR_TIMEOUT, ERR_IO, with words. */
MUST_USE enum status legacy_ready(struct legacy *legacy, const struct config *config, const uint16_t *ports, size_t worker_count, char error[256]);
/* Close what nobody took. NULL is fine. */
void legacy_free(struct legacy *legacy);

#endif
