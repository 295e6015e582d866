/* orca.h - an endpoint's load in the header `endpoint-load-metrics` of its answer (ORCA).
 * SPDX-License-Identifier: Apache-2.0
 *
 *   endpoint-load-metrics: TEXT cpu_utilization=0.7, named_metrics.kv_cache_usage_perc=0.4
 *   endpoint-load-metrics: JSON {"rps_fractional": 12.5, "named_metrics": {"num_requests_waiting": 3}}
 *
 * Sources: xds.data.orca.v3.OrcaLoadReport (github.com/cncf/xds, xds/data/orca/v3/orca_load_report.proto) for the members and
 * their bounds; gRFC A51 (github.com/grpc/proposal) for what a report is; Envoy's source/common/orca/orca_parser.cc for the
 * header's two text forms; gRFC A58 for application before CPU utilisation. vLLM and Triton (TensorRT-LLM) send it, both when
 * the request says `endpoint-load-metrics-format: text`. The binary form, protobuf in `endpoint-load-metrics-bin`, belongs to
 * gRPC's trailers; probes of HTTP do not read it.
 *
 *   ORCA                                                    here
 *   application_utilization above 0, else cpu_utilization   utilisation
 *   rps_fractional, else rps                                load_rps
 *   eps                                                     errors_rps
 *   named_metrics, utilization: kv_cache_usage_perc,        kv_cache
 *     gpu_cache_usage_perc, kv_cache_utilization
 *     num_requests_running, num_requests_waiting            in_flight, waiting
 *     a member's own name, as `degraded`                    that member
 *   mem_utilization, request_cost, anything else            passed over: memory that is held is no load
 *
 * Hostile input. Pure; any thread. */
#ifndef MERIDIAN_ORCA_H
#define MERIDIAN_ORCA_H

#include <stddef.h>

#include "router/status.h"
#include "state/fact.h"

#define ORCA_HEADER "endpoint-load-metrics"
#define ORCA_HEADER_BINARY "endpoint-load-metrics-bin"
#define ORCA_REQUEST_HEADER "endpoint-load-metrics-format: text"
#define ORCA_TEXT_MAX 4096 /* of the header's value; reports seen have below 200 bytes */
#define ORCA_METRIC_MAX 64 /* of one report */

/* Read a header's value. All or nothing: ERR_SYNTAX; ERR_RANGE for a number that is not finite or out of its bounds;
 * ERR_EXISTS for a metric said twice (JSON: ERR_SYNTAX); ERR_LIMIT; ERR_UNSUPPORTED for the form "BIN"; ERR_MEMORY. OK also for a report of which
 * nothing is of use: see load_member_any. */
MUST_USE enum status orca_parse(const char *text, size_t size, struct fact_load *out);

#endif
