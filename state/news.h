/* news.h - is a fact worth telling, given what was told before?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only what can alter an answer is news: verdicts, steps of the TTL, processing latency, load and capacity by more
 * than noise. Who keeps `before` keeps what was told, not what was seen last, so that a drift of many small steps is
 * news as soon as their sum is. Pure. */
#ifndef MERIDIAN_NEWS_H
#define MERIDIAN_NEWS_H

#include <stdbool.h>

#include "state/fact.h"

/* A new processing latency, load or capacity is news when it is this far from the one that was told. A step of an
 * EWMA of 1/8 under +-20 % of noise is 2.5 %, so 5 % lets a steady endpoint be steady; and below a millisecond the
 * score cannot tell regions apart (1 ms is half a percent of utilisation). Load and capacity are compared by 1 %,
 * 2 ms of score; whether there is room at all is compared exactly. */
#define NEWS_PROCESSING_STEP_PERMILLE 50
#define NEWS_PROCESSING_STEP_US 1000
#define NEWS_RATE_STEP_PERMILLE 10

/* Two facts of the same kind, subject and writer.
 *   declared_rps  the capacity that the model states for the subject; 0: none. Counts where the fact states none */
bool news_of(const struct fact *before, const struct fact *after, double declared_rps);
/* Of a probe fact that is news: may it not wait? What a probe was told of load moves with every request, and only who was told nothing himself
 * looks at it; that it is full, or silent, is urgent. */
bool news_is_urgent(const struct fact *before, const struct fact *after, double declared_rps);
/* Of a fact that is news: has anything turned (a verdict, a step of the TTL, whether there is room), or did figures drift? */
bool news_is_turn(const struct fact *before, const struct fact *after, double declared_rps);

#endif
