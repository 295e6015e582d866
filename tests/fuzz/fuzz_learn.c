/* fuzz_learn.c - any text as users' measurements; what comes out can be read back.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/cli/learn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

/* Few places, so that the grid has to become coarser. */
#define ROWS 64
static uint32_t firsts4[] = {0, 0x51000000, 0x52000000, 0x53000000, 0x54000000, 0x55000000, 0x56000000};
static cell_id cells4[] = {0, 1, 2, 3, 4, 5, 6};
static uint64_t firsts6[] = {0};
static cell_id cells6[] = {1};
static struct cell cells[7];

static struct atlas atlas_make(void)
{
    for (int i = 1; i < 7; i++) {
        cells[i].place.has_location = true;
        cells[i].place.location = (struct location){i * 25.0 - 90, i * 51.0 - 180};
        if (i % 2) memcpy(cells[i].place.country, "DE", 3);
    }
    return (struct atlas){.ipv4 = {7, firsts4, cells4}, .ipv6 = {1, firsts6, cells6}, .cells = cells, .cell_count = 7};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct problems problems;
    struct name_index names;
    struct atlas atlas = atlas_make();
    struct learning learning = {.file = "fuzz.csv", .regions = &names, .atlas = &atlas, .problems = &problems};
    struct tally_row rows[ROWS];
    problems_init(&problems);
    require(arena != NULL && name_index_init(&names, arena, 2));
    name_index_put(&names, "us-east-1", 0);
    name_index_put(&names, "eu-west-1", 1);
    require(tally_new((struct tally_limits){4, ROWS - 1}, &learning.tally) == OK);
    for (const uint8_t *at = data, *end = data + size; at < end;) {
        char line[256];
        const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
        size_t length = newline != NULL ? (size_t)(newline - at) : (size_t)(end - at);
        size_t kept = length < sizeof line ? length : sizeof line - 1;
        memcpy(line, at, kept);
        line[kept] = '\0';
        require(learn_line(&learning, line) == OK);
        at += length + (newline != NULL);
    }
    require(tally_place_count(learning.tally) <= 4 && tally_row_count(learning.tally) < ROWS);
    tally_read(learning.tally, rows);
    for (size_t i = 0; i < tally_row_count(learning.tally); i++) {
        require(rows[i].count >= 1 && rows[i].region < 2 && rows[i].latency_us <= 10000000);
        require(rows[i].location.latitude >= -90 && rows[i].location.latitude <= 90);
    }
    tally_free(learning.tally);
    problems_fini(&problems);
    arena_free(arena);
    return 0;
}
