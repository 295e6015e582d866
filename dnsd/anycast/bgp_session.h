/* bgp_session.h - a neighbour's TCP connection on the control loop.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   timer, every BGP_TICK_MS --> bgp_peer (what to say, when to connect) --> socket
 *   socket --> bgp_peer_received
 *
 * TCP MD5 (RFC 2385) and GTSM (RFC 5082) are the kernel's, by socket options. Home thread: the loop's. */
#ifndef MERIDIAN_BGP_SESSION_H
#define MERIDIAN_BGP_SESSION_H

#include <uv.h>

#include "dnsd/anycast/bgp_peer.h"

#define BGP_TICK_MS 50
#define BGP_TROUBLE_MAX 96
#define BGP_PASSWORD_MAX 80 /* TCP_MD5SIG_MAXKEYLEN */

struct bgp_session_options {
    struct bgp_settings settings;
    struct address neighbour;
    uint16_t port;
    struct address source;  /* FAMILY_NONE: as the kernel chooses */
    char password[BGP_PASSWORD_MAX + 1]; /* "": without MD5 */
    bool ttl_security;      /* both send with a TTL of 255, and take nothing less */
    /* What the neighbour should know, and whether this PoP is well: asked at every tick. */
    void (*ask)(void *owner, struct bgp_wanted *wanted, bool *well);
    /* The state is another one. */
    void (*changed)(void *owner, const struct bgp_peer *peer);
    /* The connection's descriptor; negative: it is about to be closed. Whoever notes it may shut it down from another thread. NULL: nobody. */
    void (*guard)(void *owner, int descriptor);
    void *owner;
};

struct bgp_session;

/* Of all that makes one session another than the next, its password too: by it reloads and upgrades find those that stay. */
uint64_t bgp_session_digest(const struct bgp_session_options *options);
/* Copies the options. ERR_MEMORY, or ERR_IO when the loop refuses. */
MUST_USE enum status bgp_session_open(uv_loop_t *loop, const struct bgp_session_options *options, struct bgp_session **out);
/* Go on with a session that another process led: its connection (taken over, also on failure), and what that knew. ERR_MEMORY, ERR_IO. */
MUST_USE enum status bgp_session_resume(uv_loop_t *loop, const struct bgp_session_options *options, int take_descriptor,
                                        const struct bgp_resumption *before, struct bgp_session **out);
/* Can another process go on with it? Then its descriptor, still ours, and what that has to know. bgp_session_abandon once it has both. */
bool bgp_session_suspend(struct bgp_session *session, int *descriptor, struct bgp_resumption *out);
/* Leave it without a word, and free: the connection lives on elsewhere. */
void bgp_session_abandon(struct bgp_session *session);
const struct bgp_peer *bgp_session_peer(const struct bgp_session *session);
/* Look at what is wanted now, not at the next tick. */
void bgp_session_poke(struct bgp_session *session);
/* Why there is no connection, in a few words; "": nothing is known against it. */
const char *bgp_session_trouble(const struct bgp_session *session);
/* Say CEASE with a reason, close and free; the loop must run until it is done. */
void bgp_session_close(struct bgp_session *session, const char *reason);

#endif
