/* senses.c - the parts of what is known that follow the model: knowledge and watch.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/senses.h"

#include <string.h>

void senses_free(struct senses *senses)
{
    watch_free(senses->watch);
    knowledge_free(senses->knowledge);
    *senses = (struct senses){0};
}

enum status senses_new(const struct config *config, const struct fact_writer *self, const struct senses *before,
                       struct senses *out)
{
    const struct model *model = &config->model;
    struct council_self member = {
        .name = self->name,
        .epoch = self->epoch,
        .located = config->pop_located,
        .location = config->pop_location,
    };
    struct senses senses = {0};
    enum status status = knowledge_new_of(model, &member, &senses.knowledge);
    if (status == OK) status = watch_new(model, &senses.watch);
    if (status == OK && before->knowledge != NULL) status = knowledge_inherit(senses.knowledge, before->knowledge);
    if (status == OK && before->watch != NULL) watch_inherit(senses.watch, before->watch);
    if (status == OK)
        *out = senses;
    else
        senses_free(&senses);
    return status;
}

struct replay {
    const char *own_name;
    struct senses *senses;
};

static void replay_fact(void *context, const struct fact *fact, int64_t heard_ms)
{
    const struct replay *replay = context;
    bool own_probe = fact->kind == FACT_PROBE && strcmp(fact->writer, replay->own_name) == 0;
    if (!own_probe) knowledge_observe(replay->senses->knowledge, fact, heard_ms);
}

void senses_fill(struct senses *senses, const struct model *model, const struct store *store,
                 const struct fact_writer *self)
{
    struct replay replay = {self->name, senses};
    struct fact fact;
    store_replay(store, &replay, replay_fact);
    for (size_t i = 0; i < model->endpoint_count; i++) {
        if (!watch_fact(senses->watch, (endpoint_id)i, &fact)) continue;
        const struct health *health = watch_health(senses->watch, (endpoint_id)i);
        knowledge_observe(senses->knowledge, &fact, health->observed_ms);
    }
}

bool senses_recall(struct watch *watch, const struct model *model, const struct fact *before, int64_t now_ms,
                   struct fact_writer *self, struct fact *out)
{
    endpoint_id endpoint = endpoint_find(model, before->subject);
    if (endpoint == ID_NONE || before->epoch >= self->epoch) return false;
    return watch_recall(watch, endpoint, before, now_ms, self, out);
}
