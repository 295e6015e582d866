/* worker.h - one thread that answers: its own libuv loop, its own SO_REUSEPORT sockets, its own counters.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   udp_receive -> answer_query -> udp_send          tcp: accept -> frames -> answer_query -> frames
 *
 * A world reaches a worker by worker_publish: an atomic pointer and a wake-up. The worker adopts it
 * (desk_adopt) between batches and writes its sequence into counters.adopted (release); when all workers'
 * `adopted` have passed a world, nobody reads it any more. That is quiescent-state reclamation with the
 * world's own sequence as the grace period, in C11 atomics that ThreadSanitizer can follow (liburcu 0.13's
 * barriers it cannot), and the control thread never waits. */
#ifndef MERIDIAN_WORKER_H
#define MERIDIAN_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnsd/answer.h"
#include "dnsd/config/config.h"
#include "dnsd/serve/roundtrip.h"
#include "router/status.h"

#define WORKER_MAX 256
#define WORKER_ERROR_MAX 256

struct worker;

/* A socket that another process of this program had, for the same address. */
struct worker_socket {
    bool tcp; /* listening */
    struct address address;
    uint16_t port;
    char interface[IF_NAMESIZE];
    int fd; /* negative: somebody took it */
};

struct worker_settings {
    unsigned index;                      /* below WORKER_MAX */
    unsigned count;                      /* workers there are */
    const struct listen_address *listen; /* borrowed for worker_open only */
    size_t listen_count;
    /* Sockets to take instead of binding new ones; NULL: none. Of those for one address and transport each worker takes every count-th, so that
     * none is left that the kernel sends queries to and nobody reads. */
    struct worker_socket *inherited;
    size_t inherited_count;
    struct tcp_limits tcp;
    bool sandbox; /* the thread enters it before it serves */
};

/* Make and bind every socket (as root if ports are low), and a loopback UDP socket of its own for questions
 * to this very worker (health checks: SO_REUSEPORT would pick any). No thread yet. ERR_IO, ERR_MEMORY;
 * `error` says which address and why. */
MUST_USE enum status worker_open(const struct worker_settings *settings, struct worker **out,
                                 char error[WORKER_ERROR_MAX]);
/* Start the thread with its first world. ERR_MEMORY, ERR_IO. */
MUST_USE enum status worker_start(struct worker *worker, const struct world *world);
/* Off thread: hand over the next world. The worker's thread picks it up by an acquire load. */
void worker_publish(struct worker *worker, const struct world *world);
/* Off thread: every world with a smaller sequence than this is no longer read by the worker. Acquire. */
uint64_t worker_adopted(const struct worker *worker);
/* Off thread: the counters, to be read only. */
const struct counters *worker_counters(const struct worker *worker);
/* Off thread, one thread: how far a client that connected is. False: none is left. */
bool worker_take_roundtrip(struct worker *worker, struct roundtrip *out);
/* Port on 127.0.0.1 of the worker's own socket. */
uint16_t worker_check_port(const struct worker *worker);
/* Off thread: begin to stop, without waiting: what has been received is answered, everything is closed, the
 * thread ends. Retire all workers before stopping the first, and they end at the same time. */
void worker_retire(struct worker *worker);
/* Off thread: another process has the sockets now. What UDP queries are there are answered, no connection is accepted any more, those that are open
 * are served until they end or are idle for too long; then the thread ends. worker_stop afterwards, for as long as that may take. */
void worker_hand_over(struct worker *worker);
/* Has the thread ended by itself? */
bool worker_is_over(const struct worker *worker);
/* Visit every socket on which queries come; before worker_retire. The descriptors stay the worker's. */
void worker_sockets(const struct worker *worker, void *context, void (*visit)(void *context, const struct worker_socket *socket));
/* Off thread: answer what has been received, close, end the thread. Waits for it (at most about 2 s), then
 * frees. False: it did not end, and may still read its memory and its world; both must stay. NULL is fine. */
bool worker_stop(struct worker *worker);

#endif
