/* senses.h - the parts of what is known that follow the model: knowledge and watch.
 * SPDX-License-Identifier: Apache-2.0
 *
 * New with every configuration, filled from the store and from those before. Home thread: the control thread. */
#ifndef MERIDIAN_SENSES_H
#define MERIDIAN_SENSES_H

#include "dnsd/config/config.h"
#include "state/knowledge.h"
#include "state/store.h"
#include "state/watch.h"

struct senses {
    struct knowledge *knowledge;
    struct watch *watch;
};

/* For a configuration's model, going on where `before` is (its members may be NULL). `self` signs this PoP's facts. ERR_MEMORY. */
MUST_USE enum status senses_new(const struct config *config, const struct fact_writer *self,
                                const struct senses *before, struct senses *out);
void senses_free(struct senses *senses);
/* What was heard from others, and what the new watch took over from the old one. */
void senses_fill(struct senses *senses, const struct model *model, const struct store *store,
                 const struct fact_writer *self);
/* What this PoP said of an endpoint before it was started. Returns true and writes what it says of it now, to be published. */
bool senses_recall(struct watch *watch, const struct model *model, const struct fact *before, int64_t now_ms,
                   struct fact_writer *self, struct fact *out);

#endif
