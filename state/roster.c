/* roster.c - who writes facts, and what of theirs we have not heard.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Writers in ascending order of (orders, name), found by halving; pointers, so that adding one moves no other. */
#include "state/roster.h"

#include <stdlib.h>
#include <string.h>

struct roster {
    struct writer *writers[ROSTER_MAX];
    size_t count;
};

enum status roster_new(struct roster **out)
{
    struct roster *roster = calloc(1, sizeof *roster);
    if (roster == NULL) return ERR_MEMORY;
    *out = roster;
    return OK;
}

void roster_free(struct roster *roster)
{
    if (roster == NULL) return;
    for (size_t i = 0; i < roster->count; i++) free(roster->writers[i]);
    free(roster);
}

/* Where it is, or would be. */
static size_t place_of(const struct roster *roster, const char *name, bool orders, bool *found)
{
    size_t low = 0, high = roster->count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct writer *writer = roster->writers[middle];
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

struct writer *roster_find(const struct roster *roster, const char *name, bool orders)
{
    bool found;
    size_t place = place_of(roster, name, orders, &found);
    return found ? roster->writers[place] : NULL;
}

static void take_out(struct roster *roster, size_t place)
{
    free(roster->writers[place]);
    roster->count--;
    memmove(&roster->writers[place], &roster->writers[place + 1], (roster->count - place) * sizeof roster->writers[0]);
}

/* Room for one more, if need be where one was that nobody misses. */
static bool make_room(struct roster *roster, int64_t now_ms)
{
    if (roster->count < ROSTER_MAX) return true;
    for (size_t i = 0; i < roster->count; i++) {
        const struct writer *writer = roster->writers[i];
        bool silent = writer->epoch == 0 && writer->sequence == 0; /* listed by somebody, but never heard */
        if (writer->fact_count > 0 || (!silent && now_ms - writer->heard_ms < ROSTER_FORGET_MS)) continue;
        take_out(roster, i);
        return true;
    }
    return false;
}

struct writer *roster_add(struct roster *roster, const char *name, bool orders, int64_t now_ms)
{
    bool found;
    size_t place = place_of(roster, name, orders, &found);
    if (found) return roster->writers[place];
    if (!make_room(roster, now_ms)) return NULL;
    struct writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) return NULL;
    memcpy(writer->name, name, strnlen(name, sizeof writer->name - 1));
    writer->orders = orders;
    writer->unread = true;
    writer->heard_ms = now_ms;
    writer->beat_ms = INT64_MIN;
    place = place_of(roster, name, orders, &found); /* one may have been taken out */
    memmove(&roster->writers[place + 1], &roster->writers[place], (roster->count - place) * sizeof roster->writers[0]);
    roster->writers[place] = writer;
    roster->count++;
    return writer;
}

size_t roster_count(const struct roster *roster)
{
    return roster->count;
}

struct writer *roster_at(const struct roster *roster, size_t index)
{
    return roster->writers[index];
}

static uint64_t shift_left(uint64_t bits, uint64_t by)
{
    return by < ROSTER_WINDOW ? bits << by : 0;
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
        bool lost = step >= ROSTER_WINDOW ? writer->missing != 0 || step > ROSTER_WINDOW
                                          : (writer->missing >> (ROSTER_WINDOW - step)) != 0;
        uint64_t skipped = step - 1 >= ROSTER_WINDOW ? UINT64_MAX : (UINT64_C(1) << (step - 1)) - 1;
        writer->missing = shift_left(writer->missing, step) | skipped;
        writer->unread |= lost;
        writer->sequence = sequence;
    } else if (sequence < writer->sequence && writer->sequence - sequence <= ROSTER_WINDOW) {
        writer->missing &= ~(UINT64_C(1) << (writer->sequence - sequence - 1));
    }
}

void writer_read(struct writer *writer, uint64_t epoch, uint64_t sequence)
{
    if (epoch != writer->epoch) return;
    writer->unread = false;
    if (sequence >= writer->sequence)
        writer->missing = 0;
    else if (writer->sequence - sequence <= ROSTER_WINDOW) /* bits from that one backwards are read */
        writer->missing &= (UINT64_C(1) << (writer->sequence - sequence - 1)) - 1;
    else
        writer->unread = true; /* it wrote more meanwhile than the window holds */
}

bool writer_lacks(const struct writer *writer)
{
    return writer->unread || writer->missing != 0;
}
