/* populace.h - whose clients fill the regions: groups of rows, and what each row is thought to bring. The insides of balance.h.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Clients are rows: one for each cell and plan that is balanced. While PoPs do not all reach the same it is not known whose clients a cell's
 * are, so each outlook has rows of its own, and the loads tell; a tenant that is confined has rows of its own too, for its loads are
 * told apart. When that ends, the clients go back to the rows that they came from. Pure. */
#ifndef MERIDIAN_POPULACE_H
#define MERIDIAN_POPULACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/atlas.h"
#include "router/ceiling.h"
#include "router/clientele.h"
#include "router/lag.h"
#include "router/latency.h"
#include "router/model.h"
#include "router/patience.h"
#include "router/pricing.h"
#include "router/snapshot.h"

/* Whose clients: those of all services together, or of one tenant that is confined. */
#define EVERYBODY TENANT_MAX

/* One plan that is balanced, as PoPs of one outlook steer it. */
struct group {
    const struct plan *plan;
    const struct outlook *outlook; /* of balance->outlooks; NULL: this PoP's */
    size_t tenant;                 /* whose clients alone; EVERYBODY */
    size_t own;                    /* the group of this plan, outlook and EVERYBODY that these clients go back to */
    struct pricing_row *rows;   /* by cell */
    struct clientele_row *answers; /* by cell */
    uint16_t keeps[REGION_MAX];
    bool all_kept;
    uint64_t signature; /* of what the rows were made from */
    double made_at_us[REGION_MAX]; /* prices then */
    bool truncated;                /* a row did not hold all its regions */
};

struct region_state {
    double load; /* negative: not known */
    double capacity; /* as far as is known */
    double stated;   /* what it states */
    double servers;    /* requests that it works on at once when full; 0: not known */
    struct ceiling ceiling; /* what it can do, whatever it states */
    double fixed;
    double waiting;    /* requests in its queue; 0 where that is not known, or not in requests */
    double settled_us; /* smoothed; negative: not known */
    double known_ms;   /* for how long it has been known */
    int64_t told_us;   /* settled_us as it is told, in steps; SNAPSHOT_UNKNOWN */
};

struct balance {
    const struct model *model;
    const struct atlas *atlas;
    const struct latencies *latencies;
    double *weights; /* by cell, in sum 1 */
    struct group *groups;        /* those of this PoP's outlook, then those of each other's */
    size_t group_count;          /* in use */
    size_t plan_count;           /* balanced ones: groups of an outlook */
    struct outlook outlooks[OUTLOOK_MAX];
    size_t outlook_count;
    uint32_t apart;              /* tenants that have groups of their own, a bit each */
    double (*tenant_load)[REGION_MAX]; /* by tenant; negative: not known */
    struct region_state regions[REGION_MAX];
    double price_us[REGION_MAX];
    double *room; /* PRICING_ROOM */
    struct lag_meter lag;
    double moved[REGION_MAX]; /* what answers moved to each region since the beginning, as resolvers took it over, over its capacity */
    bool by_rate; /* loads and capacities are requests a second; else weights */
    struct patience patience;
    double best_us[REGION_MAX]; /* the prices that patience noted */
    bool queued;  /* some region had a queue in the last tick */
    bool crowded; /* and all were full */
    bool fitted; /* demands were estimated */
    bool searching; /* the solution was not reached in the last tick's effort */
    bool began;
    int64_t now_ms;
    double span_ms;  /* from a changed answer to a report that has seen it: the longest TTL and the lag */
    double delay_ms; /* the same on the mean: half a TTL and the lag */
};

/* Room for a group's rows. False: no memory. */
bool populace_group_init(struct group *group, size_t cell_count);
/* Have the groups that a snapshot asks for. Returns whether they are other ones now. */
bool populace_part(struct balance *balance, const struct snapshot *snapshot);

/* Loads as some clients' rows explain them: what reports see by now, or what the answers that are given will bring. */
enum horizon { SEEN, EXPECTED };
/* loads[region] += what the rows of one tenant, or of EVERYBODY else, explain. */
void populace_explain(const struct balance *balance, enum horizon horizon, size_t tenant, double *loads);
bool populace_apart(const struct balance *balance, size_t tenant); /* has it groups of its own? */
/* The first estimate: the prior, made to explain what is reported. False: nothing is. */
bool populace_fit(struct balance *balance);
/* One step of the estimate; gain is 0..1. */
void populace_estimate(struct balance *balance, double gain);

#endif
