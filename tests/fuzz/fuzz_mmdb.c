/* fuzz_mmdb.c - any bytes as a location and as an AS database: a sound atlas, or a reason.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "geo/mmdb.h"
#include "geo/survey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libmaxminddb 1.7.1's MMDB_open forgets 9 KB when a name in the metadata's languages is no string. Nothing
 * that we could free. Our own leaks by way of the library, such as a file not closed, the unit tests see. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libmaxminddb.so\n";
}

static void check(int holds)
{
    if (!holds) abort();
}

static void check_atlas(const struct atlas *atlas)
{
    check(atlas->cell_count >= 1 && atlas->ipv4.count >= 1 && atlas->ipv6.count >= 1);
    check(atlas->ipv4.first[0] == 0 && atlas->ipv6.first[0] == 0);
    for (size_t i = 0; i < atlas->ipv4.count; i++) {
        check(atlas->ipv4.cell[i] < atlas->cell_count);
        check(i == 0 || atlas->ipv4.first[i] > atlas->ipv4.first[i - 1]);
    }
    for (size_t i = 0; i < atlas->ipv6.count; i++) {
        check(atlas->ipv6.cell[i] < atlas->cell_count);
        check(i == 0 || atlas->ipv6.first[i] > atlas->ipv6.first[i - 1]);
    }
    for (size_t i = 0; i < atlas->cell_count; i++) {
        const struct place *place = &atlas->cells[i].place;
        check(memchr(place->country, '\0', 3) != NULL && memchr(place->subdivision, '\0', 4) != NULL);
        check(!place->has_location || (place->location.latitude >= -90 && place->location.latitude <= 90));
        check(!place->has_location || (place->location.longitude >= -180 && place->location.longitude <= 180));
    }
}

static enum status read_asn(struct mmdb *mmdb, MMDB_entry_s *record, void *context, uint32_t *number,
                            char reason[REASON_MAX])
{
    (void)context;
    return mmdb_read_asn(mmdb, record, number, reason);
}

static void walk_as_numbers(const char *path)
{
    char reason[REASON_MAX] = "";
    struct mmdb *mmdb;
    struct layers layers;
    if (mmdb_open(path, &mmdb, reason) != OK) return;
    if (layers_init(&layers) == OK) {
        enum status status = mmdb_walk(mmdb, read_asn, NULL, &layers, reason);
        check((status == OK) == (reason[0] == '\0'));
        layers_fini(&layers);
    }
    mmdb_close(mmdb);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32], error[SURVEY_ERROR_MAX];
    int file = memfd_create("fuzz", MFD_CLOEXEC);
    check(file >= 0);
    check(write(file, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    const struct survey_settings settings = {.database = path};
    const struct model model = {0};
    struct atlas *atlas;
    enum status status = survey_atlas(&settings, &model, &atlas, error);
    check((status == OK) == (error[0] == '\0'));
    if (status == OK) {
        check_atlas(atlas);
        atlas_free(atlas);
    }
    walk_as_numbers(path);
    close(file);
    return 0;
}
