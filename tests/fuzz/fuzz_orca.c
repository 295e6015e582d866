/* fuzz_orca.c - hostile header values to orca_parse; what it accepts must be a fact.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "router/snapshot.h"
#include "state/orca.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fact fact = {.kind = FACT_LOAD, .subject = "a", .writer = "a", .ttl_ms = 1, .at_ms = SNAPSHOT_UNKNOWN};
    if (orca_parse((const char *)data, size, &fact.load) != OK) return 0;
    if (fact_check(&fact) != OK) abort();
    return 0;
}
