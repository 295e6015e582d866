/* fuzz_learned.c - any text as the file of what users measured; what is taken makes a field.
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "dnsd/config/learned.h"
#include "router/field.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

static void ask(const struct measurements *measured)
{
    static const struct region regions[] = {{.location = {39, -77.5}}, {.location = {53.3, -6.3}}};
    static const struct model model = {
        .regions = regions, .region_count = 2, .latency_base_us = 9000, .latency_us_per_km = 15.22};
    const struct measurements *lists[] = {measured};
    struct field *field = NULL;
    struct field_word words[2];
    struct place place = {.has_location = true, .country = "DE", .location = {48, 11}};
    require(field_new(&model, lists, 1, &field) == OK);
    if (field == NULL) return;
    field_ask(field, &place, words);
    for (int i = 0; i < 2; i++) require(isfinite(words[i].detour_us) && words[i].users >= 0);
    field_free(field);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct problems problems;
    struct name_index names;
    struct measurements measured = {.count = 0};
    problems_init(&problems);
    require(arena != NULL && name_index_init(&names, arena, 2));
    name_index_put(&names, "us-east-1", 0);
    name_index_put(&names, "eu-west-1", 1);
    enum status status = learned_parse("fuzz.csv", (const char *)data, size, &names, arena, &problems, &measured);
    require((status == OK) == (problems.count == 0));
    if (status == OK) ask(&measured);
    problems_fini(&problems);
    arena_free(arena);
    return 0;
}
