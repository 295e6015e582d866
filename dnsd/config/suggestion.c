/* suggestion.c - the known word that somebody probably meant.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/config/suggestion.h"

#include <string.h>

static unsigned least(unsigned left, unsigned right)
{
    return left < right ? left : right;
}

unsigned suggestion_distance(const char *left, const char *right)
{
    size_t rows = strnlen(left, SUGGESTION_TEXT_MAX + 1), columns = strnlen(right, SUGGESTION_TEXT_MAX + 1);
    if (rows > SUGGESTION_TEXT_MAX || columns > SUGGESTION_TEXT_MAX) return SUGGESTION_TEXT_MAX;
    unsigned table[3][SUGGESTION_TEXT_MAX + 1]; /* three rows of the usual table, in turns */
    for (size_t j = 0; j <= columns; j++) table[0][j] = (unsigned)j;
    for (size_t i = 1; i <= rows; i++) {
        unsigned *row = table[i % 3];
        const unsigned *above = table[(i + 2) % 3], *above2 = table[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= columns; j++) {
            unsigned replace = above[j - 1] + (left[i - 1] != right[j - 1]);
            row[j] = least(replace, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                row[j] = least(row[j], above2[j - 2] + 1);
        }
    }
    return table[rows % 3][columns];
}

void suggestion_try(struct suggestion *suggestion, const char *known)
{
    size_t length = strnlen(known, SUGGESTION_TEXT_MAX);
    unsigned allowed = length < 3 ? 1 : (unsigned)(length / 3);
    unsigned distance = suggestion_distance(suggestion->wanted, known);
    if (distance > allowed || distance >= length) return;
    if (suggestion->best != NULL && distance >= suggestion->distance) return;
    suggestion->best = known;
    suggestion->distance = distance;
}
