/* ground.h - what a world stands on: configuration, zones, atlas, latencies.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The part of a world that health and load do not touch; new on a reload, and (atlas and latencies only) when a location
 * database changed. ground_load works off the control thread; the counting of references is the control thread's alone. */
#ifndef MERIDIAN_GROUND_H
#define MERIDIAN_GROUND_H

#include "dnsd/config/config.h"
#include "dnsd/control/sounding.h"
#include "dnsd/zone/zones.h"
#include "router/latency.h"
#include "router/status.h"

#define GROUND_ERROR_MAX 1024
#define GROUND_FILES 3 /* location database or its two texts, and the AS database */

/* How the location databases looked when they were read; different now means: read again. */
struct ground_files {
    struct {
        uint64_t device, inode, size;
        int64_t changed_ns; /* 0 with the others: no such file */
    } files[GROUND_FILES];
};

struct ground {
    unsigned references;
    struct config *config;
    struct zones_share *zones; /* shared by grounds that differ in their atlas only */
    struct atlas *atlas;
    struct latencies *latencies;
    struct ground_files files;
    struct sounding sounding; /* that the latencies have in them */
};

struct zones_share {
    unsigned references;
    struct zones *zones;
};

/* Load everything that `config` names. Takes over the caller's reference to config, also on failure. All that is wrong goes to
 * `problems`, sorted by file and line; without one, a failure is a lack of memory. Any thread. */
MUST_USE enum status ground_load(struct config *take_config, struct problems *problems, struct ground **out);
/* The same with what this PoP measured; borrowed for the call. */
MUST_USE enum status ground_load_sounded(struct config *take_config, const struct sounding *sounding,
                                         struct problems *problems, struct ground **out);
/* The same at the start of the program: all that is wrong is written to stderr, and summed up in `error`. */
MUST_USE enum status ground_open(struct config *take_config, struct ground **out, char error[GROUND_ERROR_MAX]);
/* What comes of the location databases and of what was measured. */
struct ground_survey {
    struct atlas *atlas;
    struct latencies *latencies;
    struct ground_files files;
    struct sounding sounding;
};
/* Read the location databases again for a configuration that the caller keeps alive meanwhile, with what this PoP measured. Any
 * thread. `out` is written only on OK, but for its files. */
MUST_USE enum status ground_survey(const struct config *config, const struct sounding *sounding,
                                   struct ground_survey *out, char error[GROUND_ERROR_MAX]);
void ground_survey_fini(struct ground_survey *survey);
/* A ground like `base` with another survey. Takes its atlas and latencies, also on failure. Control thread. */
MUST_USE enum status ground_with_survey(struct ground *base, struct ground_survey *take_survey, struct ground **out);
struct ground *ground_hold(struct ground *ground);
void ground_release(struct ground *ground); /* takes NULL */

/* How the files look now. Blocks for a stat of each. */
void ground_look(const struct survey_settings *settings, struct ground_files *out);
int ground_files_equal(const struct ground_files *left, const struct ground_files *right);

#endif
