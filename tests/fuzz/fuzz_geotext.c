/* fuzz_geotext.c - any bytes as tor-geoipdb's text: sorted intervals or a reason.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte chooses the family. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "geo/geotext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    enum family family = data[0] & 1 ? FAMILY_IPV6 : FAMILY_IPV4;
    char path[32], reason[REASON_MAX] = "";
    int file = memfd_create("fuzz", MFD_CLOEXEC);
    check(file >= 0);
    check(write(file, data + 1, size - 1) == (ssize_t)size - 1);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    struct gazetteer gazetteer;
    struct layer layer;
    uint64_t built_epoch_s;
    check(gazetteer_init(&gazetteer) == OK && layer_init(&layer) == OK);
    enum status status = geotext_read(path, family, &gazetteer, &layer, &built_epoch_s, reason);
    check((status == OK) == (reason[0] == '\0'));
    check(layer.first[0] == 0);
    for (size_t i = 0; i < layer.count; i++) {
        check(layer.value[i] < gazetteer.count);
        check(i == 0 || (layer.first[i] > layer.first[i - 1] && layer.value[i] != layer.value[i - 1]));
        check(family == FAMILY_IPV6 || layer.first[i] <= UINT32_MAX);
    }
    layer_fini(&layer);
    gazetteer_fini(&gazetteer);
    close(file);
    return 0;
}
