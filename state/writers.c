/* writers.c - who writes facts, and what of theirs we have not heard.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Writers in ascending order of (orders, name), found by halving; pointers, so that adding one moves no other. */
#include "state/writers.h"

#include <stdlib.h>
#include <string.h>

struct writers {
    struct writer *list[WRITERS_MAX];
    size_t count;
};

enum status writers_new(struct writers **out)
{
    struct writers *writers = calloc(1, sizeof *writers);
    if (writers == NULL) return ERR_MEMORY;
    *out = writers;
    return OK;
}

void writers_free(struct writers *writers)
{
    if (writers == NULL) return;
    for (size_t i = 0; i < writers->count; i++) free(writers->list[i]);
    free(writers);
}

/* Where it is, or would be. */
static size_t place_of(const struct writers *writers, const char *name, bool orders, bool *found)
{
    size_t low = 0, high = writers->count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct writer *writer = writers->list[middle];
        int order = writer->orders != orders ? (int)writer->orders - (int)orders : strcmp(writer->name, name);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct writer *writers_find(const struct writers *writers, const char *name, bool orders)
{
    bool found;
    size_t place = place_of(writers, name, orders, &found);
    return found ? writers->list[place] : NULL;
}

static void take_out(struct writers *writers, size_t place)
{
    free(writers->list[place]);
    writers->count--;
    memmove(&writers->list[place], &writers->list[place + 1], (writers->count - place) * sizeof writers->list[0]);
}

/* Room for one more, if need be where one was that nobody misses. */
static bool make_room(struct writers *writers, int64_t now_ms)
{
    if (writers->count < WRITERS_MAX) return true;
    for (size_t i = 0; i < writers->count; i++) {
        const struct writer *writer = writers->list[i];
        bool silent = writer->epoch == 0 && writer->sequence == 0; /* listed by somebody, but never heard */
        if (writer->fact_count > 0 || (!silent && now_ms - writer->heard_ms < WRITERS_FORGET_MS)) continue;
        take_out(writers, i);
        return true;
    }
    return false;
}

struct writer *writers_add(struct writers *writers, const char *name, bool orders, int64_t now_ms)
{
    bool found;
    size_t place = place_of(writers, name, orders, &found);
    if (found) return writers->list[place];
    if (!make_room(writers, now_ms)) return NULL;
    struct writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) return NULL;
    memcpy(writer->name, name, strnlen(name, sizeof writer->name - 1));
    writer->orders = orders;
    writer->unread = true;
    writer->heard_ms = now_ms;
    writer->beat_ms = writer->load_ms = INT64_MIN;
    place = place_of(writers, name, orders, &found); /* one may have been taken out */
    memmove(&writers->list[place + 1], &writers->list[place], (writers->count - place) * sizeof writers->list[0]);
    writers->list[place] = writer;
    writers->count++;
    return writer;
}

size_t writers_count(const struct writers *writers)
{
    return writers->count;
}

struct writer *writers_at(const struct writers *writers, size_t index)
{
    return writers->list[index];
}

static uint64_t shift_left(uint64_t bits, uint64_t by)
{
    return by < WRITERS_WINDOW ? bits << by : 0;
}

void writer_hear(struct writer *writer, uint64_t epoch, uint64_t sequence, int64_t now_ms)
{
    writer->heard_ms = now_ms;
    if (epoch < writer->epoch) return;
    if (epoch > writer->epoch) { /* started anew; what else it wrote was not read */
        writer->epoch = epoch;
        writer->sequence = sequence;
        writer->missing = 0;
        writer->unread = true;
    } else if (sequence > writer->sequence) {
        uint64_t step = sequence - writer->sequence;
        /* what leaves the window unheard is lost for good */
        bool lost = step >= WRITERS_WINDOW ? writer->missing != 0 || step > WRITERS_WINDOW
                                           : (writer->missing >> (WRITERS_WINDOW - step)) != 0;
        uint64_t skipped = step - 1 >= WRITERS_WINDOW ? UINT64_MAX : (UINT64_C(1) << (step - 1)) - 1;
        writer->missing = shift_left(writer->missing, step) | skipped;
        writer->unread |= lost;
        writer->sequence = sequence;
    } else if (sequence < writer->sequence && writer->sequence - sequence <= WRITERS_WINDOW) {
        writer->missing &= ~(UINT64_C(1) << (writer->sequence - sequence - 1));
    }
}

void writer_read(struct writer *writer, uint64_t epoch, uint64_t sequence)
{
    if (epoch != writer->epoch) return;
    writer->unread = false;
    if (sequence >= writer->sequence)
        writer->missing = 0;
    else if (writer->sequence - sequence <= WRITERS_WINDOW) /* bits from that one backwards are read */
        writer->missing &= (UINT64_C(1) << (writer->sequence - sequence - 1)) - 1;
    else
        writer->unread = true; /* it wrote more meanwhile than the window holds */
}

bool writer_lacks(const struct writer *writer)
{
    return writer->unread || writer->missing != 0;
}
