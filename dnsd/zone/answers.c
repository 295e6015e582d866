/* answers.c - the written answers of services: one for each (name, type, region).
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/zone/answers.h"

#include <stdlib.h>
#include <string.h>

#include "dnsd/zone/compose.h"
#include "dnsd/zone/tables.h"
#include "router/steering.h"
#include "router/ttl.h"

static enum status write_slot(const struct zones *zones, const struct slot *slot, struct steer *steer, struct writer *writer,
                              struct buffer *templates, uint32_t *references)
{
    const struct plan *plan = &steer->model->plans[steer->model->services[slot->service].plan];
    const struct owner *owner = &tree_owners(&zones->tree)[slot->owner];
    for (size_t i = 0; i < plan->region_count; i++) {
        struct composed composed;
        steer->region = plan->regions[i];
        compose_answer(zones, owner, slot->type, steer, writer, &composed);
        enum status status = template_add(templates, writer, composed.flags, &references[slot->first + i]);
        if (status != OK) return status;
    }
    return OK;
}

enum status answers_new(const struct zones *zones, const struct model *model, const struct snapshot *snapshot,
                        struct answers **out)
{
    struct steer steer = {.model = model};
    struct buffer templates = {.bytes = NULL};
    struct answers *answers = calloc(1, sizeof *answers);
    struct writer *writer = malloc(sizeof *writer);
    uint32_t *references = calloc(zones->column_count + 1, sizeof *references);
    uint32_t *ttls = calloc(model->service_count + 1, sizeof *ttls);
    enum status status = ERR_MEMORY;
    if (answers == NULL || writer == NULL || references == NULL || ttls == NULL) goto free_all;
    for (size_t i = 0; i < model->service_count; i++) ttls[i] = ttl_of_service_s(model, &model->services[i], snapshot);
    status = OK;
    for (size_t i = 0; i < zones->slot_count && status == OK; i++) {
        steer.snapshot = snapshot_of(snapshot, zones->slots[i].service);
        steer.ttl_s = ttls[zones->slots[i].service];
        status = write_slot(zones, &zones->slots[i], &steer, writer, &templates, references);
    }
    if (status != OK) goto free_all;
    buffer_trim(&templates);
    answers->references = references;
    answers->reference_count = zones->column_count;
    answers->templates = (uint64_t *)(void *)templates.bytes;
    answers->template_bytes = templates.size;
    *out = answers;
    free(writer);
    free(ttls);
    return OK;
free_all:
    buffer_fini(&templates);
    free(answers);
    free(writer);
    free(references);
    free(ttls);
    return status;
}

void answers_free(struct answers *answers)
{
    if (answers == NULL) return;
    free(answers->references);
    free(answers->templates);
    free(answers);
}

bool answers_equal(const struct answers *left, const struct answers *right)
{
    if (left->reference_count != right->reference_count || left->template_bytes != right->template_bytes) return false;
    if (left->template_bytes == 0) return true;
    /* templates are written in the order of the slots, so equal answers are equal bytes at equal places */
    return memcmp(left->references, right->references, left->reference_count * sizeof *left->references) == 0 &&
           memcmp(left->templates, right->templates, left->template_bytes) == 0;
}

size_t answers_bytes(const struct answers *answers)
{
    return sizeof *answers + answers->reference_count * sizeof *answers->references + answers->template_bytes;
}
