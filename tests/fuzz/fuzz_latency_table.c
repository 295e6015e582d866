/* fuzz_latency_table.c - any text as a table of latencies.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "dnsd/config/latency_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const regions[] = {"us-east-1", "us-west-2", "eu-west-1", "ap-southeast-1"};
    struct arena *arena = arena_new();
    struct problems problems;
    struct name_index names;
    struct latency_table table = {0};
    problems_init(&problems);
    require(arena != NULL && name_index_init(&names, arena, 4));
    for (size_t i = 0; i < 4; i++) name_index_put(&names, regions[i], i);
    enum status status = latency_table_parse("fuzz.csv", (const char *)data, size, &names, arena, &problems, &table);
    require((status == OK) == (problems.count == 0));
    for (size_t i = 0; i < table.count; i++) {
        const struct latency_entry *entry = &table.list[i];
        require(entry->to < 4 && entry->latency_us <= LATENCY_TABLE_MS_MAX * 1000u);
        require(entry->from != LATENCY_FROM_REGION || entry->nearest < 4);
        require(entry->from != LATENCY_FROM_NETWORK || entry->prefix.length <= 64);
    }
    problems_fini(&problems);
    arena_free(arena);
    return 0;
}
