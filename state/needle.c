/* needle.c - a text searched for in bytes that come in pieces.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/needle.h"

#include <stdlib.h>
#include <string.h>

enum status needle_init(struct needle *needle, const char *text)
{
    size_t size = strlen(text);
    if (size > NEEDLE_TEXT_MAX) return ERR_LIMIT;
    uint16_t *fallback = calloc(size > 0 ? size : 1, sizeof *fallback);
    if (fallback == NULL) return ERR_MEMORY;
    for (size_t i = 1, border = 0; i < size; i++) {
        while (border > 0 && text[i] != text[border]) border = fallback[border - 1];
        if (text[i] == text[border]) border++;
        fallback[i] = (uint16_t)border;
    }
    *needle = (struct needle){.text = text, .size = size, .fallback = fallback};
    return OK;
}

void needle_fini(struct needle *needle)
{
    free(needle->fallback);
    *needle = (struct needle){0};
}

void needle_reset(struct needle *needle)
{
    needle->matched = 0;
}

void needle_feed(struct needle *needle, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size && needle->matched < needle->size; i++) {
        while (needle->matched > 0 && bytes[i] != needle->text[needle->matched])
            needle->matched = needle->fallback[needle->matched - 1];
        if (bytes[i] == needle->text[needle->matched]) needle->matched++;
    }
}

bool needle_found(const struct needle *needle)
{
    return needle->matched == needle->size;
}
