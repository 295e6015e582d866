/* latency_trial.c - prints what measured latency is worth: extra latency over the best region, by distance and by what others measured.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   latency_trial [FILE]      default: tests/data/latency/client_city_to_region_rtt.csv
 *
 * The last table is of random sets of 3 to 16 regions: by it the constants of router/field.h were chosen. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/router/city_trial.h"

#define RANDOM_SETS 60
#define RANDOM_SIZES 6

static double quantile(const struct trial_result *result, double share)
{
    double at = share * (double)(result->clients - 1);
    size_t low = (size_t)at, high = low + 1 < result->clients ? low + 1 : low;
    return result->extra_ms[low] + (at - (double)low) * (result->extra_ms[high] - result->extra_ms[low]);
}

static void print_row(size_t regions, const char *by, const struct trial_result *result)
{
    printf("| %zu | %zu | %s | %.0f %% | %.0f %% | %.1f | %.1f | %.2f |\n", regions, result->clients, by,
           result->best * 100, result->close * 100, quantile(result, 0.9), quantile(result, 0.99), result->mean_ms);
}

static int run_both(struct trial trial, struct trial_result results[2])
{
    trial.layers = TRIAL_DISTANCE;
    if (!trial_run(&trial, &results[0])) return 0;
    trial.layers = TRIAL_MEASURED;
    return trial_run(&trial, &results[1]);
}

static int print_sets(const struct trial_data *data)
{
    static struct trial_result results[2];
    size_t chosen[TRIAL_REGION_MAX];
    printf("| regions | clients | by | best | within 10 ms | extra p90 ms | extra p99 ms | extra mean ms |\n"
           "|---:|---:|---|---:|---:|---:|---:|---:|\n");
    for (size_t set = 0; set < TRIAL_SETS; set++) {
        struct trial trial = {data, chosen, trial_set(data, set, chosen), TRIAL_DISTANCE, TRIAL_APART_KM};
        if (!run_both(trial, results)) return 0;
        print_row(trial.count, "distance", &results[0]);
        print_row(trial.count, "what other cities measured", &results[1]);
    }
    return 1;
}

static uint64_t roll(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static int print_random(const struct trial_data *data)
{
    static const size_t sizes[RANDOM_SIZES] = {3, 4, 6, 8, 12, 16};
    static struct trial_result results[2];
    uint64_t state = 7;
    double by_distance = 0, by_measured = 0;
    for (size_t i = 0; i < RANDOM_SETS; i++) {
        size_t chosen[TRIAL_REGION_MAX], count = sizes[i % RANDOM_SIZES];
        for (size_t j = 0; j < data->region_count; j++) chosen[j] = j;
        for (size_t j = 0; j < count; j++) {
            size_t other = j + roll(&state) % (data->region_count - j), kept = chosen[j];
            chosen[j] = chosen[other];
            chosen[other] = kept;
        }
        if (!run_both((struct trial){data, chosen, count, TRIAL_DISTANCE, TRIAL_APART_KM}, results)) return 0;
        by_distance += results[0].mean_ms / RANDOM_SETS;
        by_measured += results[1].mean_ms / RANDOM_SETS;
    }
    printf("\nMean extra of %d random sets of 3 to 16 regions: %.2f ms by distance, %.2f ms by what other cities measured.\n",
           RANDOM_SETS, by_distance, by_measured);
    return 1;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : TEST_DATA "/latency/client_city_to_region_rtt.csv";
    struct trial_data *data = trial_read(path);
    if (data == NULL) {
        fprintf(stderr, "latency_trial: %s: not as tests/data/latency/README.md says\n", path);
        return 1;
    }
    printf("%zu cities, %zu regions. Each city is predicted without itself and all within %.0f km of it.\n\n",
           data->city_count, data->region_count, TRIAL_APART_KM);
    int good = print_sets(data) && print_random(data);
    free(data);
    return good ? 0 : 1;
}
