/* orca.c - an endpoint's load in the header `endpoint-load-metrics` of its answer (ORCA).
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/orca.h"

#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "state/load_member.h"

#define NUMBER_TEXT_MAX 64
#define BRACKET_MAX 8 /* opening ones in a JSON report: it has four mappings; jansson recurses once a level */

enum map { MAP_NONE, MAP_NAMED, MAP_UTILIZATION, MAP_COST };

static const struct {
    const char *name;
    const char *json_name; /* protobuf's JSON form allows both */
    enum map map;
} maps[] = {
    {"named_metrics", "namedMetrics", MAP_NAMED},
    {"utilization", "utilization", MAP_UTILIZATION},
    {"request_cost", "requestCost", MAP_COST},
};

/* Metrics at the top. A report's own utilisation has two sources, its rate too. */
enum top { TOP_APPLICATION, TOP_CPU, TOP_MEMORY, TOP_RATE, TOP_RATE_WHOLE, TOP_ERRORS, TOP_COUNT };

static const struct {
    const char *name;
    const char *json_name;
    double limit;
} tops[TOP_COUNT] = {
    [TOP_APPLICATION] = {"application_utilization", "applicationUtilization", FACT_RATE_MAX},
    [TOP_CPU] = {"cpu_utilization", "cpuUtilization", FACT_RATE_MAX},
    [TOP_MEMORY] = {"mem_utilization", "memUtilization", 1},
    [TOP_RATE] = {"rps_fractional", "rpsFractional", FACT_RATE_MAX},
    [TOP_RATE_WHOLE] = {"rps", "rps", FACT_RATE_MAX},
    [TOP_ERRORS] = {"eps", "eps", FACT_RATE_MAX},
};

static const struct {
    const char *name;
    const char *member;
} aliases[] = {
    {"kv_cache_usage_perc", "kv_cache"},   /* vLLM */
    {"gpu_cache_usage_perc", "kv_cache"},  /* vLLM before V1 */
    {"kv_cache_utilization", "kv_cache"},  /* Triton with TensorRT-LLM */
    {"num_requests_running", "in_flight"}, /* vLLM */
    {"num_requests_waiting", "waiting"},   /* vLLM */
};

struct reading {
    double top[TOP_COUNT]; /* negative: not said */
    struct fact_load load;
    size_t metric_count;
};

static bool same(const char *name, const char *text, size_t size)
{
    return strlen(name) == size && memcmp(name, text, size) == 0;
}

static const struct load_member *member_of(const char *name, size_t size)
{
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
        const char *member = aliases[i].member;
        if (same(aliases[i].name, name, size)) return load_member_find(member, strlen(member));
    }
    return load_member_find(name, size);
}

static enum status fold_top(struct reading *reading, const char *name, size_t size, double value)
{
    for (size_t i = 0; i < TOP_COUNT; i++) {
        if (!same(tops[i].name, name, size) && !same(tops[i].json_name, name, size)) continue;
        if (reading->top[i] >= 0) return ERR_EXISTS;
        if (value < 0 || value > tops[i].limit) return ERR_RANGE;
        reading->top[i] = value;
        return OK;
    }
    return OK; /* of a later version */
}

static enum status fold(struct reading *reading, enum map map, const char *name, size_t size, double value)
{
    if (size == 0) return ERR_SYNTAX;
    if (++reading->metric_count > ORCA_METRIC_MAX) return ERR_LIMIT;
    if (!isfinite(value)) return ERR_RANGE;
    if (map == MAP_NONE) return fold_top(reading, name, size, value);
    const struct load_member *member = map == MAP_COST ? NULL : member_of(name, size);
    return member == NULL ? OK : load_member_set(&reading->load, member, value);
}

/* What the top says, unless a named metric said it already. */
static void conclude(struct reading *reading, struct fact_load *out)
{
    struct fact_load *load = &reading->load;
    const double *top = reading->top;
    if (load->utilisation < 0) load->utilisation = top[TOP_APPLICATION] > 0 ? top[TOP_APPLICATION] : top[TOP_CPU];
    if (load->utilisation < 0) load->utilisation = top[TOP_APPLICATION];
    if (load->load_rps < 0) load->load_rps = top[TOP_RATE] >= 0 ? top[TOP_RATE] : top[TOP_RATE_WHOLE];
    if (load->errors_rps < 0) load->errors_rps = top[TOP_ERRORS];
    *out = *load;
}

/* ---- TEXT ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void trim(const char **from, const char **to)
{
    while (*from < *to && is_blank(**from)) ++*from;
    while (*to > *from && is_blank((*to)[-1])) --*to;
}

/* Decimal only: strtod alone also takes "inf", "nan" and hexadecimal. */
static enum status number_read(const char *from, const char *to, double *out)
{
    char text[NUMBER_TEXT_MAX];
    size_t size = (size_t)(to - from);
    if (size == 0 || size >= sizeof text) return ERR_SYNTAX;
    memcpy(text, from, size);
    text[size] = '\0';
    if (strspn(text, "0123456789+-.eE") != size) return ERR_SYNTAX;
    char *end;
    *out = strtod(text, &end);
    return *end == '\0' ? OK : ERR_SYNTAX;
}

static enum map map_of(const char **from, const char *to)
{
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        size_t size = strlen(maps[i].name);
        if ((size_t)(to - *from) <= size || memcmp(*from, maps[i].name, size) != 0 || (*from)[size] != '.') continue;
        *from += size + 1;
        return maps[i].map;
    }
    return MAP_NONE;
}

struct metric_name {
    enum map map;
    const char *text;
    size_t size;
};

static bool said_before(const struct metric_name *names, size_t count, const struct metric_name *name)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].map == name->map && names[i].size == name->size &&
            memcmp(names[i].text, name->text, name->size) == 0)
            return true;
    return false;
}

static enum status text_read(const char *text, size_t size, struct reading *reading)
{
    struct metric_name names[ORCA_METRIC_MAX];
    const char *end = text + size;
    while (text < end) {
        const char *comma = memchr(text, ',', (size_t)(end - text));
        const char *from = text, *to = comma != NULL ? comma : end;
        text = comma != NULL ? comma + 1 : end;
        trim(&from, &to);
        if (from == to) continue; /* an empty element of a list: RFC 9110 section 5.6.1.2 */
        const char *sign = memchr(from, '=', (size_t)(to - from));
        if (sign == NULL) sign = memchr(from, ':', (size_t)(to - from)); /* as in Envoy */
        if (sign == NULL) return ERR_SYNTAX;
        const char *name_end = sign, *value = sign + 1;
        trim(&from, &name_end);
        trim(&value, &to);
        struct metric_name name = {.map = map_of(&from, name_end)};
        name.text = from;
        name.size = (size_t)(name_end - from);
        double number;
        enum status status = number_read(value, to, &number);
        if (status != OK) return status;
        if (reading->metric_count == ORCA_METRIC_MAX) return ERR_LIMIT;
        if (said_before(names, reading->metric_count, &name)) return ERR_EXISTS;
        names[reading->metric_count] = name;
        status = fold(reading, name.map, name.text, name.size, number);
        if (status != OK) return status;
    }
    return OK;
}

/* ---- JSON ---- */

static bool brackets_within_limit(const char *text, size_t size)
{
    unsigned count = 0;
    for (size_t i = 0; i < size; i++)
        if (text[i] == '{' || text[i] == '[') count++;
    return count <= BRACKET_MAX;
}

/* A map of names to numbers, or one number at the top. */
static enum status value_read(const char *key, json_t *value, struct reading *reading)
{
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        if (strcmp(maps[i].name, key) != 0 && strcmp(maps[i].json_name, key) != 0) continue;
        const char *name;
        json_t *number;
        if (!json_is_object(value)) return ERR_SYNTAX;
        json_object_foreach(value, name, number)
        {
            if (!json_is_number(number)) return ERR_SYNTAX;
            enum status status = fold(reading, maps[i].map, name, strlen(name), json_number_value(number));
            if (status != OK) return status;
        }
        return OK;
    }
    if (!json_is_number(value)) return ERR_SYNTAX;
    return fold(reading, MAP_NONE, key, strlen(key), json_number_value(value));
}

static enum status json_read(const char *text, size_t size, struct reading *reading)
{
    if (!brackets_within_limit(text, size)) return ERR_LIMIT;
    json_error_t error;
    json_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL) return json_error_code(&error) == json_error_out_of_memory ? ERR_MEMORY : ERR_SYNTAX;
    enum status status = json_is_object(object) ? OK : ERR_SYNTAX;
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (status == OK) status = value_read(key, value, reading);
    }
    json_decref(object);
    return status;
}

/* ---- which form ---- */

/* Passes over "WORD " in front; false when it is not there. */
static bool form_is(const char *word, const char **from, const char *to)
{
    size_t size = strlen(word);
    if ((size_t)(to - *from) < size || memcmp(*from, word, size) != 0) return false;
    if (*from + size < to && !is_blank((*from)[size])) return false;
    *from += size;
    return true;
}

enum status orca_parse(const char *text, size_t size, struct fact_load *out)
{
    struct reading reading = {.load = fact_load_none()};
    const char *from = text, *to = text + size;
    if (size > ORCA_TEXT_MAX) return ERR_LIMIT;
    for (size_t i = 0; i < TOP_COUNT; i++) reading.top[i] = -1;
    trim(&from, &to);
    if (form_is("BIN", &from, to)) return ERR_UNSUPPORTED;
    bool json = form_is("JSON", &from, to);
    /* Without a word, as Envoy's older versions took it: a list. */
    if (!json && !form_is("TEXT", &from, to) && from == to) return ERR_SYNTAX;
    enum status status =
        json ? json_read(from, (size_t)(to - from), &reading) : text_read(from, (size_t)(to - from), &reading);
    if (status == OK) conclude(&reading, out);
    return status;
}
