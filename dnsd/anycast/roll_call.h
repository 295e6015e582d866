/* roll_call.h - does each worker answer? DNS questions through the socket of its own that every worker has.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   every ROLL_CALL_EVERY_MS: each question to 127.0.0.1, port of each worker --> its answer: NOERROR, to that very question
 *
 * Health by the way of a query: socket, loop, world, zone, answer. A question that is not answered stays open, and is asked again now and
 * then; since when it has been open tells how long its worker has not answered. A control thread that was late itself has read what
 * came meanwhile before it judges, so it blames nobody for its own delay. Home thread: the control thread. */
#ifndef MERIDIAN_ROLL_CALL_H
#define MERIDIAN_ROLL_CALL_H

#include <stddef.h>
#include <stdint.h>

#include "router/status.h"

#define ROLL_CALL_EVERY_MS 200
#define ROLL_CALL_QUESTION_MAX 17 /* a service for each of 16 prefixes, and the zone's SOA */

struct roll_call;

/* ports: of each worker, on 127.0.0.1. ERR_MEMORY, ERR_IO (no socket). */
MUST_USE enum status roll_call_open(const uint16_t *ports, size_t worker_count, struct roll_call **out);
void roll_call_close(struct roll_call *call); /* takes NULL */
/* What is asked from now on, in this order; what is known of a question that was asked before stays. Borrowed for the call.
 *   names  presentation form; the type is SOA for a zone, A for a service
 * ERR_SYNTAX, ERR_LIMIT, ERR_MEMORY: all is as before. */
struct roll_call_subject {
    const char *name;
    uint16_t type;
};
MUST_USE enum status roll_call_set(struct roll_call *call, const struct roll_call_subject *subjects, size_t count);
/* Whoever asked this before has had answers from all workers: none counts as silent from the start. */
void roll_call_vouch(struct roll_call *call, size_t question);
/* Read what has come, then ask what is due. */
void roll_call_turn(struct roll_call *call, int64_t now_ms);
/* By worker: since when it owes an answer to this question; now_ms when it owes none; negative: it never answered. */
void roll_call_answered(const struct roll_call *call, size_t question, int64_t now_ms, int64_t *out);
/* Questions asked so far, and answers: they are among the queries that workers count. */
uint64_t roll_call_asked(const struct roll_call *call);

#endif
