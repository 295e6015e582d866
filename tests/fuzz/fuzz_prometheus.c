/* fuzz_prometheus.c - hostile pages to the reader of metrics; cut elsewhere, they must say the same.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Input: a byte that names the profile, a byte that says how the page is cut, the page. It is read twice, so that counters
 * have a page before. */
#include <stdlib.h>
#include <string.h>

#include "router/snapshot.h"
#include "state/load_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status read_page(struct load_reader *reader, const char *text, size_t size, size_t piece, int64_t now_ms,
                             struct fact_load *out)
{
    enum status status = OK;
    load_reader_begin(reader);
    for (size_t at = 0; at < size && status == OK; at += piece)
        status = load_reader_feed(reader, text + at, size - at < piece ? size - at : piece);
    return status == OK ? load_reader_end(reader, now_ms, out) : status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    struct load_settings settings = {.kind = LOAD_KIND_PROMETHEUS,
                                     .profile = (enum load_profile)(data[0] % LOAD_PROFILE_COUNT)};
    const char *text = (const char *)data + 2;
    size_t piece = data[1] + (size_t)1;
    struct load_reader *whole, *cut;
    if (load_reader_new(&settings, &whole) != OK) abort();
    if (load_reader_new(&settings, &cut) != OK) abort();
    for (int64_t now_ms = 0; now_ms <= 2000; now_ms += 1000) {
        struct fact left = {.kind = FACT_LOAD, .subject = "a", .writer = "a", .ttl_ms = 1, .at_ms = SNAPSHOT_UNKNOWN};
        struct fact right = left;
        left.load = right.load = fact_load_none();
        enum status status = read_page(whole, text, size - 2, size, now_ms, &left.load);
        if (read_page(cut, text, size - 2, piece, now_ms, &right.load) != status) abort();
        if (fact_check(&left) != OK) abort();
        char texts[2][FACT_TEXT_MAX];
        if (fact_encode(&left, texts[0], FACT_TEXT_MAX) != OK) abort();
        if (fact_encode(&right, texts[1], FACT_TEXT_MAX) != OK) abort();
        if (strcmp(texts[0], texts[1]) != 0) abort();
    }
    load_reader_free(whole);
    load_reader_free(cut);
    return 0;
}
