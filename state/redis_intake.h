/* redis_intake.h - what a server said, as a fact, or why not.
 * SPDX-License-Identifier: Apache-2.0
 *
 * All judging of values that come from Redis is here: size, form, bounds, place, authentication. Pure; any thread. */
#ifndef MERIDIAN_REDIS_INTAKE_H
#define MERIDIAN_REDIS_INTAKE_H

#include "state/redis_layout.h"
#include "state/redis_reply.h"
#include "state/seal.h"
#include "state/store.h"

#define REDIS_POP_TTL_MAX_MS 60000 /* of a heartbeat: for so long at most a PoP that died is believed to live */

struct redis_intake {
    const char *fleet;
    const struct seal *seal; /* NULL: facts are not authenticated */
};

/* Each returns true and writes the fact, or false and the reason. Hostile replies of any type, NULL too. */
bool redis_intake_value(const struct redis_intake *intake, const struct redis_place *place, const char *field,
                        const redisReply *text, struct fact *out, enum store_drop *why);
bool redis_intake_message(const struct redis_intake *intake, const redisReply *channel, const redisReply *text,
                          struct fact *out, enum store_drop *why);
/* A member of a set or field of a hash that is the name of something. */
bool redis_intake_name(const redisReply *text, char out[FACT_NAME_MAX]);
/* What a reply that should have been something else was: a type error, or nothing that should have come. */
enum store_drop redis_intake_reason(const redisReply *reply);
/* A text from a server for people to read: cut, and printable. */
void redis_intake_quote(const redisReply *text, char *out, size_t room);

#endif
