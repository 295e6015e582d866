/* builder.h - from what is written to a struct config: what values mean to each other.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   settings -> regions -> networks (of rules, pins and the latency table) -> policies -> pins -> services -> anycast
 *
 * The builders run in this order, each relies on those before. They go on after errors with whatever is sound,
 * so that one run finds everything; the result counts only when no problem was added. Inside of dnsd/config
 * only. */
#ifndef MERIDIAN_BUILDER_H
#define MERIDIAN_BUILDER_H

#include "dnsd/config/arena.h"
#include "dnsd/config/config.h"
#include "dnsd/config/declaration.h"
#include "dnsd/config/latency_table.h"
#include "dnsd/config/name_index.h"
#include "dnsd/config/problems.h"

struct builder {
    const struct declaration *declaration;
    const struct given_policy *default_policy; /* as if declared empty */
    const char *path;                          /* of the configuration file; NULL: no other files may be read */
    const char *file;                          /* the same for messages */
    struct problems *problems;
    struct arena *keep;    /* the configuration's own */
    struct arena *scratch; /* until it is built */
    struct config *config;
    struct name_index region_names;
    struct name_index policy_names;
    struct name_index zone_names;
    struct latency_table latency;
    struct region *regions;   /* model.regions, while services are built */
    struct network *networks; /* model.networks, while pins may be written into it */
};

enum status builder_settings(struct builder *builder);
enum status builder_regions(struct builder *builder);
enum status builder_latency(struct builder *builder); /* reads the CSV files */
enum status builder_networks(struct builder *builder);
enum status builder_policies(struct builder *builder);
enum status builder_pins(struct builder *builder);
enum status builder_services(struct builder *builder);
enum status builder_anycast(struct builder *builder);

/* Of one endpoint, whose probe is built: adds what the probe asks of load, and what the model has of it. ERR_MEMORY. */
MUST_USE enum status builder_load(struct builder *builder, const struct given_endpoint *given,
                                  struct probe_settings *probe, struct endpoint *endpoint);
/* All of the builders. ERR_MEMORY; OK also when problems were added. */
MUST_USE enum status builder_build(struct builder *builder);

/* Tools of all builders. */

/* Say that a value is wrong in view of others. */
__attribute__((format(printf, 3, 4))) void builder_refuse(struct builder *builder, const struct given *given,
                                                          const char *expected, ...);
__attribute__((format(printf, 4, 5))) void builder_refuse_at(struct builder *builder, const struct origin *origin,
                                                             const char *value, const char *expected, ...);
/* The id of a declared region; ID_NONE when there is none (which has been said, or the value was wrong already). */
region_id builder_find_region(struct builder *builder, const struct given *given);
/* Ids of a list of region names, without those that are wrong; a name given twice is refused. ERR_MEMORY. */
MUST_USE enum status builder_find_regions(struct builder *builder, const struct given_list *names,
                                          const region_id **out, size_t *count);
/* Elements of a list as written, with ", " between. */
const char *builder_list_text(struct builder *builder, const struct given_list *list);
/* A place. `source` is what explain will show. */
struct place builder_place(struct builder *builder, const struct given_place *given, enum place_source source);
/* A file name as it is opened: relative to the configuration file. */
const char *builder_path(struct builder *builder, const char *name);
network_id builder_find_network(const struct builder *builder, const struct prefix *prefix);

#endif
