/* answers.c - the written answers of services: one for each (name, type, region), or for each choice of its endpoints.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/zone/answers.h"

#include <stdlib.h>
#include <string.h>

#include "dnsd/zone/compose.h"
#include "dnsd/zone/tables.h"
#include "router/steering.h"
#include "router/ttl.h"

/* Answers being written. */
struct scribe {
    const struct zones *zones;
    const struct snapshot *snapshot; /* the whole */
    struct steer steer;
    size_t view; /* of the service at hand */
    struct writer *writer;
    struct buffer templates;
    struct buffer lots;
    struct raffle raffle;
};

static bool has_hostnames(const struct model *model, const struct region *region)
{
    return model->endpoints[region->first_endpoint].hostname != NULL; /* no region mixes the two */
}

/* The lottery that decides which endpoints of the steered region an answer names; RAFFLE_NONE: the answer is the same anyhow. */
static enum status find_lottery(struct scribe *scribe, unsigned type, uint32_t *out)
{
    const struct model *model = scribe->steer.model;
    enum lottery_kind kind = type == TYPE_A ? LOTTERY_IPV4 : LOTTERY_IPV6;
    *out = RAFFLE_NONE;
    if (has_hostnames(model, &model->regions[scribe->steer.region]))
        kind = LOTTERY_HOSTNAME;
    else if (type != TYPE_A && type != TYPE_AAAA)
        return OK;
    return raffle_draw(&scribe->raffle, model, scribe->snapshot, scribe->view, scribe->steer.region, kind, out);
}

static enum status write_template(struct scribe *scribe, const struct slot *slot, uint32_t *reference)
{
    struct composed composed;
    const struct owner *owner = &tree_owners(&scribe->zones->tree)[slot->owner];
    compose_answer(scribe->zones, owner, slot->type, &scribe->steer, scribe->writer, &composed);
    return template_add(&scribe->templates, scribe->writer, composed.flags, reference);
}

/* One answer for each choice of a lottery. */
static enum status write_lot(struct scribe *scribe, const struct slot *slot, uint32_t index, uint32_t *reference)
{
    uint32_t begin, unused;
    const struct lottery *lottery = &scribe->raffle.lotteries[index];
    enum status status = buffer_add(&scribe->lots, &index, sizeof index, &begin);
    for (size_t i = 0; i < lottery->choice_count && status == OK; i++) {
        uint32_t written;
        scribe->steer.named = raffle_named(&scribe->raffle, index, i);
        scribe->steer.named_count = lottery->names;
        status = write_template(scribe, slot, &written);
        if (status == OK) status = buffer_add(&scribe->lots, &written, sizeof written, &unused);
    }
    scribe->steer.named = NULL;
    scribe->steer.named_count = 0;
    *reference = REFERENCE_SLOT | begin / (uint32_t)sizeof index;
    return status;
}

static enum status write_slot(struct scribe *scribe, const struct slot *slot, uint32_t *references)
{
    const struct model *model = scribe->steer.model;
    const struct plan *plan = &model->plans[model->services[slot->service].plan];
    scribe->steer.snapshot = snapshot_of(scribe->snapshot, slot->service);
    scribe->view = raffle_view(scribe->snapshot, slot->service);
    for (size_t i = 0; i < plan->region_count; i++) {
        uint32_t lottery, *reference = &references[slot->first + i];
        scribe->steer.region = plan->regions[i];
        enum status status = find_lottery(scribe, slot->type, &lottery);
        if (status != OK) return status;
        if (lottery == RAFFLE_NONE)
            status = write_template(scribe, slot, reference);
        else
            status = write_lot(scribe, slot, lottery, reference);
        if (status != OK) return status;
    }
    return OK;
}

static enum status write_slots(struct scribe *scribe, const uint32_t *ttls, uint32_t *references)
{
    enum status status = raffle_init(&scribe->raffle, scribe->steer.model, scribe->snapshot);
    for (size_t i = 0; i < scribe->zones->slot_count && status == OK; i++) {
        const struct slot *slot = &scribe->zones->slots[i];
        scribe->steer.ttl_s = ttls[slot->service];
        status = write_slot(scribe, slot, references);
    }
    return status;
}

enum status answers_new(const struct zones *zones, const struct model *model, const struct snapshot *snapshot,
                        struct answers **out)
{
    struct scribe scribe = {.zones = zones, .snapshot = snapshot, .steer = {.model = model}};
    struct answers *answers = calloc(1, sizeof *answers);
    uint32_t *references = calloc(zones->column_count + 1, sizeof *references);
    uint32_t *ttls = calloc(model->service_count + 1, sizeof *ttls);
    enum status status = ERR_MEMORY;
    scribe.writer = malloc(sizeof *scribe.writer);
    if (answers == NULL || scribe.writer == NULL || references == NULL || ttls == NULL) goto free_all;
    for (size_t i = 0; i < model->service_count; i++) ttls[i] = ttl_of_service_s(model, &model->services[i], snapshot);
    status = write_slots(&scribe, ttls, references);
    if (status != OK) goto free_all;
    buffer_trim(&scribe.templates);
    buffer_trim(&scribe.lots);
    *answers = (struct answers){
        .references = references,
        .templates = (uint64_t *)(void *)scribe.templates.bytes,
        .lots = (uint32_t *)(void *)scribe.lots.bytes,
        .raffle = scribe.raffle,
        .reference_count = zones->column_count,
        .template_bytes = scribe.templates.size,
        .lot_count = scribe.lots.size / sizeof *answers->lots,
    };
    *out = answers;
    free(scribe.writer);
    free(ttls);
    return OK;
free_all:
    raffle_fini(&scribe.raffle);
    buffer_fini(&scribe.templates);
    buffer_fini(&scribe.lots);
    free(answers);
    free(scribe.writer);
    free(references);
    free(ttls);
    return status;
}

void answers_free(struct answers *answers)
{
    if (answers == NULL) return;
    raffle_fini(&answers->raffle);
    free(answers->references);
    free(answers->templates);
    free(answers->lots);
    free(answers);
}

bool answers_equal(const struct answers *left, const struct answers *right)
{
    if (left->reference_count != right->reference_count || left->template_bytes != right->template_bytes) return false;
    if (left->lot_count != right->lot_count || !raffle_equal(&left->raffle, &right->raffle)) return false;
    if (left->template_bytes == 0) return true;
    if (left->lot_count > 0 && memcmp(left->lots, right->lots, left->lot_count * sizeof *left->lots) != 0) return false;
    /* templates are written in the order of the slots, so equal answers are equal bytes at equal places */
    return memcmp(left->references, right->references, left->reference_count * sizeof *left->references) == 0 &&
           memcmp(left->templates, right->templates, left->template_bytes) == 0;
}

size_t answers_bytes(const struct answers *answers)
{
    return sizeof *answers + answers->reference_count * sizeof *answers->references + answers->template_bytes +
           answers->lot_count * sizeof *answers->lots + raffle_bytes(&answers->raffle);
}
