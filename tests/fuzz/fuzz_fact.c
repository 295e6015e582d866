/* fuzz_fact.c - hostile text to fact_decode; what it accepts must survive a round trip.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "state/fact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fact fact, back;
    char text[FACT_TEXT_MAX], again[FACT_TEXT_MAX];
    if (fact_decode((const char *)data, size, &fact) != OK) return 0;
    if (fact_encode(&fact, text, sizeof text) != OK) abort();
    if (fact_decode(text, strlen(text), &back) != OK) abort();
    if (fact_encode(&back, again, sizeof again) != OK || strcmp(text, again) != 0) abort();
    return 0;
}
