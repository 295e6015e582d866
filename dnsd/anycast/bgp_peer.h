/* bgp_peer.h - one neighbour: the state machine of RFC 4271, 8, without sockets and clocks.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   IDLE --time to connect--> CONNECT --connected, OPEN sent--> OPEN_SENT --OPEN--> OPEN_CONFIRM --KEEPALIVE--> ESTABLISHED
 *    ^                                                                                                              |
 *    +-------------- an error (NOTIFICATION first), an end, silence for the hold time, a stop <---------------------+
 *
 * It connects and never listens, so two connections cannot collide. Bytes come in by bgp_peer_received and are to be sent from `out`; when
 * `closing` is set, what is in `out` is the last, and the connection is closed after it. KEEPALIVE is sent only while the owner
 * says that it is well: a speaker that cannot answer DNS falls silent, and its neighbour takes the route away.
 *
 * What is wanted is announced and withdrawn by comparing it with what the neighbour was told. Times are ms of one monotonic clock. Pure;
 * one thread. */
#ifndef MERIDIAN_BGP_PEER_H
#define MERIDIAN_BGP_PEER_H

#include "dnsd/anycast/bgp_message.h"

#define BGP_PREFIX_MAX 32 /* twice what a configuration may have: those before are withdrawn while the next come */
#define BGP_OUT_MAX 32768       /* OPEN, KEEPALIVE and two messages for each prefix; a neighbour that reads nothing is closed */
#define BGP_RETRY_LEAST_MS 500
#define BGP_RETRY_MOST_MS 30000
#define BGP_OPEN_HOLD_MS 240000 /* until OPEN has come (RFC 4271, 8.2.2) */
#define BGP_HOLD_LEAST_S 3

enum bgp_state { BGP_IDLE, BGP_CONNECT, BGP_OPEN_SENT, BGP_OPEN_CONFIRM, BGP_ESTABLISHED };

struct bgp_settings {
    uint32_t local_as, peer_as;
    uint32_t router_id;
    uint16_t hold_time_s;                  /* what we offer, BGP_HOLD_LEAST_S at least; the lesser of both counts */
    struct address next_hop4, next_hop6;   /* FAMILY_NONE: prefixes of that family are not announced here */
    uint32_t communities[BGP_COMMUNITY_MAX - 1];
    size_t community_count;
};

/* What a neighbour should know. */
struct bgp_wanted {
    struct prefix prefixes[BGP_PREFIX_MAX];
    bool announced[BGP_PREFIX_MAX];
    size_t count;
    bool graceful[BGP_PREFIX_MAX]; /* with GRACEFUL_SHUTDOWN: only who has no other route is to come */
};

struct bgp_peer {
    struct bgp_settings settings;
    enum bgp_state state;
    bool closing;
    int64_t retry_ms; /* when to connect again */
    unsigned failures; /* in a row: what neither connected nor was understood */
    bool misunderstood; /* one of us could not take what the other said: it would be so again */
    int64_t heard_ms, said_ms, since_ms; /* last message in, last KEEPALIVE or UPDATE out, the state's beginning */
    int64_t hold_ms;  /* agreed; 0: nobody watches */
    struct bgp_open theirs;
    bool told[BGP_PREFIX_MAX]; /* the neighbour has a route by us */
    bool told_graceful[BGP_PREFIX_MAX];
    struct bgp_notice last; /* that ended the last session; code 0: none */
    bool last_ours;         /* we sent it */
    uint64_t established, updates; /* counts */
    uint8_t in[BGP_MESSAGE_MAX];
    size_t in_size;
    uint8_t out[BGP_OUT_MAX];
    size_t out_size;
};

void bgp_peer_init(struct bgp_peer *peer, const struct bgp_settings *settings, int64_t now_ms);
/* Is it time to connect? Then the owner does, and says bgp_peer_connecting. */
bool bgp_peer_wants_connection(const struct bgp_peer *peer, int64_t now_ms);
void bgp_peer_connecting(struct bgp_peer *peer, int64_t now_ms);
void bgp_peer_connected(struct bgp_peer *peer, int64_t now_ms);
/* Bytes from the connection, any number. */
void bgp_peer_received(struct bgp_peer *peer, const uint8_t *bytes, size_t size, int64_t now_ms);
/* The connection is closed, or could not be made.
 *   jitter  0..1, drawn by the owner: when it is tried again is not the same everywhere */
void bgp_peer_closed(struct bgp_peer *peer, int64_t now_ms, double jitter);
/* Time goes by; call it at least every 100 ms. `well`: every worker answers. */
void bgp_peer_tick(struct bgp_peer *peer, const struct bgp_wanted *wanted, bool well, int64_t now_ms);
/* A session that another process of this program has led so far, established. `told` as in the struct.
 *   bytes  of a message that has not come whole yet */
struct bgp_resumption {
    struct bgp_open theirs;
    int64_t hold_ms;
    struct address next_hop4, next_hop6;
    bool told[BGP_PREFIX_MAX];
    bool told_graceful[BGP_PREFIX_MAX];
    uint8_t bytes[BGP_MESSAGE_MAX];
    size_t size;
};
void bgp_peer_resume(struct bgp_peer *peer, const struct bgp_resumption *before, int64_t now_ms);
/* Can another process lead it from here? Then what it has to know. False: it is not established, or something waits to be said. */
bool bgp_peer_suspend(const struct bgp_peer *peer, struct bgp_resumption *out);
/* End the session, saying why (`text` for people). Nothing when there is none. */
void bgp_peer_stop(struct bgp_peer *peer, uint8_t subcode, const char *text);
/* Does the neighbour have all that is wanted, and no more? */
bool bgp_peer_agrees(const struct bgp_peer *peer, const struct bgp_wanted *wanted);
const char *bgp_state_name(enum bgp_state state);

#endif
