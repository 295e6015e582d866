/* fuzz_bequest.c - any text as a BGP session that another process hands over.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is taken is within its bounds, and writing and reading it again gives the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/anycast/bequest.h"

#define NO_DESCRIPTOR 1000000 /* closing it fails, and closes nothing */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[BEQUEST_TEXT_MAX], again[BEQUEST_TEXT_MAX];
    struct bequests first = {.list = NULL}, second = {.list = NULL};
    if (size >= sizeof text) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (bequests_take(&first, text, NO_DESCRIPTOR) == OK) {
        const struct bequest *one = first.list;
        require(one->prefix_count <= BGP_PREFIX_MAX && one->session.size < BGP_MESSAGE_MAX && one->session.hold_ms >= 0);
        require(bequest_write(one, text) == OK);
        require(bequests_take(&second, text, NO_DESCRIPTOR) == OK);
        require(bequest_write(second.list, again) == OK && strcmp(text, again) == 0);
    }
    bequests_free(&first);
    bequests_free(&second);
    return 0;
}
