/* load_member.c - the members of a load, by the names that they have in facts and reports.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/load_member.h"

#include <math.h>
#include <string.h>

#include "router/snapshot.h"

#define AT(name, kind)                                                                                                 \
    {                                                                                                                  \
#name, kind, offsetof(struct fact_load, name)                                                                  \
    }

static const struct load_member members[] = {
    AT(load_rps, LOAD_RATE),       AT(capacity_rps, LOAD_RATE),  AT(utilisation, LOAD_RATE),
    AT(in_flight, LOAD_RATE),      AT(waiting, LOAD_RATE),       AT(kv_cache, LOAD_SHARE),
    AT(errors_rps, LOAD_RATE),     AT(processing_us, LOAD_TIME), AT(processing_p95_us, LOAD_TIME),
    AT(first_token_us, LOAD_TIME), AT(degraded, LOAD_FLAG),
};
_Static_assert(sizeof members / sizeof *members == LOAD_MEMBER_COUNT, "load_member.h counts them");

const struct load_member *load_member_at(size_t index)
{
    return &members[index];
}

const struct load_member *load_member_find(const char *key, size_t size)
{
    for (size_t i = 0; i < LOAD_MEMBER_COUNT; i++)
        if (strlen(members[i].key) == size && memcmp(members[i].key, key, size) == 0) return &members[i];
    return NULL;
}

double load_member_limit(const struct load_member *member)
{
    switch (member->unit) {
    case LOAD_RATE: return FACT_RATE_MAX;
    case LOAD_SHARE: return 1;
    case LOAD_TIME: return (double)FACT_TIME_MAX;
    case LOAD_FLAG: return FACT_RATE_MAX;
    }
    return 0;
}

enum status load_member_set(struct fact_load *load, const struct load_member *member, double value)
{
    char *at = (char *)load + member->offset;
    if (!isfinite(value) || value < 0 || value > load_member_limit(member)) return ERR_RANGE;
    switch (member->unit) {
    case LOAD_RATE:
    case LOAD_SHARE: *(double *)(void *)at = value; break;
    case LOAD_TIME: *(int64_t *)(void *)at = (int64_t)(value + 0.5); break;
    case LOAD_FLAG: *(bool *)(void *)at = value > 0; break;
    }
    return OK;
}

bool load_member_any(const struct fact_load *load)
{
    for (size_t i = 0; i < LOAD_MEMBER_COUNT; i++) {
        const char *at = (const char *)load + members[i].offset;
        switch (members[i].unit) {
        case LOAD_RATE:
        case LOAD_SHARE:
            if (*(const double *)(const void *)at >= 0) return true;
            break;
        case LOAD_TIME:
            if (*(const int64_t *)(const void *)at != SNAPSHOT_UNKNOWN) return true;
            break;
        case LOAD_FLAG:
            if (*(const bool *)(const void *)at) return true;
            break;
        }
    }
    return false;
}
