/* reply.c - putting a template into an answer.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/zone/reply.h"

#include <string.h>

/* How much of a template fits. */
struct fit {
    size_t size;
    unsigned counts[3];
    bool truncated;
};

static struct fit fit_template(const struct template *template, size_t room)
{
    struct fit fit = {.truncated = true};
    if (template->size <= room) {
        fit.size = template->size;
        fit.truncated = false;
        for (size_t i = 0; i < 3; i++) fit.counts[i] = bytes_get16(template->counts + 2 + 2 * i);
        return fit;
    }
    const struct template_cut *cuts = template_cuts(template);
    for (size_t i = 0; i < template->cut_count && cuts[i].size <= room; i++) {
        fit.size = cuts[i].size;
        fit.truncated = cuts[i].truncated != 0;
        for (size_t k = 0; k < 3; k++) fit.counts[k] = cuts[i].counts[k];
    }
    return fit;
}

/* Turn the template's pointers into ones of this message. Returns false when one would lead beyond what a pointer can say. */
static bool relocate(const struct reply *reply, const struct template *template, size_t body, size_t size)
{
    const uint16_t *pointers = template_pointers(template);
    size_t question_end = HEADER_SIZE + (size_t)template->question_size;
    size_t from_body = question_end + QUESTION_FIXED;
    size_t delta = reply->name_size - template->question_size;
    for (size_t i = 0; i < template->pointer_count; i++) {
        if (pointers[i] + 2u > size) continue; /* cut off */
        uint8_t *at = reply->bytes + body + pointers[i];
        size_t target = bytes_get16(at) & POINTER_MAX;
        if (i >= template->shift_count) target = reply->name;
        else if (target < question_end) target = target - HEADER_SIZE + reply->name + delta;
        else target = target - from_body + body;
        if (target > POINTER_MAX) return false;
        bytes_put16(at, 0xc000 | (unsigned)target);
    }
    return true;
}

void reply_append(struct reply *reply, const struct template *template)
{
    struct fit fit = fit_template(template, reply->limit - reply->size);
    size_t body = reply->size;
    memcpy(reply->bytes + body, template_body(template), fit.size);
    reply->flags |= template->flags & (FLAG_AA | 0xf);
    if (!relocate(reply, template, body, fit.size)) {
        reply->flags |= FLAG_TC;
        return;
    }
    if (fit.truncated) reply->flags |= FLAG_TC;
    reply->size += fit.size;
    for (size_t i = 0; i < 3; i++) reply->counts[i] += fit.counts[i];
}

/* Owner (a pointer), type, class, TTL and the size of the data. */
static uint8_t *put_fixed(uint8_t *at, size_t owner, unsigned type, uint32_t ttl, size_t size)
{
    bytes_put16(at, 0xc000 | (unsigned)owner);
    bytes_put16(at + 2, type);
    bytes_put16(at + 4, CLASS_IN);
    bytes_put32(at + 6, ttl);
    bytes_put16(at + 10, (unsigned)size);
    return at + 12;
}

bool reply_dname(struct reply *reply, const struct substitution *rule)
{
    size_t owner = reply->name + reply->name_size - rule->owner_size;
    reply->flags |= FLAG_AA;
    if (reply->size + 12 + rule->target.size > reply->limit) {
        reply->flags |= FLAG_TC;
        return false;
    }
    uint8_t *at = put_fixed(reply->bytes + reply->size, owner, TYPE_DNAME, rule->ttl, rule->target.size);
    memcpy(at, rule->target.bytes, rule->target.size);
    reply->size += 12u + rule->target.size;
    reply->counts[SECTION_ANSWER]++;
    return true;
}

bool reply_substitute(struct reply *reply, const struct substitution *rule)
{
    const uint8_t *name = reply->bytes + reply->name;
    size_t kept = reply->name_size - rule->owner_size;
    size_t target_size = kept + rule->target.size;
    if (target_size > NAME_SIZE_MAX) {
        reply->flags |= RCODE_YXDOMAIN;
        return false;
    }
    if (reply->size + 12 + target_size > reply->limit) {
        reply->flags |= FLAG_TC;
        return false;
    }
    uint8_t *target = put_fixed(reply->bytes + reply->size, reply->name, TYPE_CNAME, rule->ttl, target_size);
    memcpy(target, name, kept);
    memcpy(target + kept, rule->target.bytes, rule->target.size);
    reply->size += 12 + target_size;
    reply->counts[SECTION_ANSWER]++;
    bool same = target_size == reply->name_size && name_equal(target, name);
    reply->name = (size_t)(target - reply->bytes);
    reply->name_size = target_size;
    return !same;
}
