/* mmdb.c - MaxMind DB files as layers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Format: https://maxmind.github.io/MaxMind-DB/ (version 2). The tree is walked with a stack of records
 * instead of recursion; since every pop splits one record into two of half the size, the stack never holds
 * more than one record per bit. */
#include "geo/mmdb.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "geo/intern.h"
#include "geo/source.h"

#define ADDRESS_BITS 128
#define STACK_MAX (ADDRESS_BITS + 1)
/* A tree meets each node once (aliases are not followed). Four times that leaves room for writers that
 * share equal subtrees, and ends what a cycle would make endless. */
#define VISITS_PER_NODE 4
#define VISITS_LEAST 4096
#define KIND_MAX 64 /* characters of a database_type that people get to see */

struct mmdb {
    MMDB_s file;
    char *path; /* for reasons */
    char kind[KIND_MAX + 1];
};

/* One record of the tree: a subtree, data or nothing, and what it covers. */
struct record {
    uint8_t type;       /* MMDB_RECORD_TYPE_* */
    uint8_t depth;      /* bits of the prefix, within its family */
    uint32_t node;      /* MMDB_RECORD_TYPE_SEARCH_NODE */
    MMDB_entry_s entry; /* MMDB_RECORD_TYPE_DATA */
    uint64_t position;  /* first position; of no meaning below a /64 */
};

struct walk {
    struct mmdb *mmdb;
    mmdb_reader *reader;
    void *context;
    char *reason;
    struct intern offsets; /* of records seen */
    uint32_t *numbers;     /* what the reader made of them */
    size_t number_capacity;
    uint64_t visits_left;
    struct record ipv4_root;
    bool has_ipv4_alias; /* ipv4_root is a node, and below an IPv6 tree */
};

/* Damage to the file: where and what. Returns ERR_SYNTAX. */
static enum status damaged(const struct mmdb *mmdb, char reason[REASON_MAX], const char *part, uint32_t at,
                           const char *what)
{
    reason_write(reason, "%s: damaged: %s %u: %s", mmdb->path, part, at, what);
    return ERR_SYNTAX;
}

/* The database_type as printable ASCII: it goes into logs and JSON. */
static void note_kind(struct mmdb *mmdb)
{
    const char *kind = mmdb->file.metadata.database_type;
    for (size_t i = 0; kind != NULL && i < KIND_MAX && kind[i] != '\0'; i++)
        mmdb->kind[i] = kind[i] >= 0x20 && kind[i] < 0x7f && kind[i] != '"' ? kind[i] : '?';
}

enum status mmdb_open(const char *path, struct mmdb **out, char reason[REASON_MAX])
{
    int copy;
    enum status status = source_copy(path, &copy, reason);
    if (status != OK) return status;
    struct mmdb *mmdb = calloc(1, sizeof *mmdb);
    char *name = strdup(path);
    if (mmdb == NULL || name == NULL) {
        reason_write(reason, "%s: no memory to open it", path);
        status = ERR_MEMORY;
        goto release;
    }
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", copy);
    int result = MMDB_open(link, MMDB_MODE_MMAP, &mmdb->file);
    if (result != MMDB_SUCCESS) {
        reason_write(reason, "%s: not a MaxMind DB, or damaged: %s", path, MMDB_strerror(result));
        status = result == MMDB_OUT_OF_MEMORY_ERROR ? ERR_MEMORY
                 : result == MMDB_FILE_OPEN_ERROR   ? ERR_IO
                                                    : ERR_SYNTAX;
        goto release;
    }
    mmdb->path = name;
    note_kind(mmdb);
    close(copy); /* the mapping keeps the memory */
    *out = mmdb;
    return OK;
release:
    free(name);
    free(mmdb);
    close(copy);
    return status;
}

void mmdb_close(struct mmdb *mmdb)
{
    if (mmdb == NULL) return;
    MMDB_close(&mmdb->file);
    free(mmdb->path);
    free(mmdb);
}

const char *mmdb_kind(const struct mmdb *mmdb)
{
    return mmdb->kind;
}

uint64_t mmdb_built_epoch_s(const struct mmdb *mmdb)
{
    return mmdb->file.metadata.build_epoch;
}

/* Both halves of a node. */
static enum status split(struct walk *walk, const struct record *record, struct record *left,
                         struct record *right)
{
    const struct mmdb *mmdb = walk->mmdb;
    if (walk->visits_left-- == 0)
        return damaged(mmdb, walk->reason, "search tree, node", record->node,
                       "met more often than in any tree");
    MMDB_search_node_s node;
    int result = MMDB_read_node(&mmdb->file, record->node, &node);
    if (result != MMDB_SUCCESS)
        return damaged(mmdb, walk->reason, "search tree, node", record->node, MMDB_strerror(result));
    if (node.left_record_type == MMDB_RECORD_TYPE_INVALID || node.right_record_type == MMDB_RECORD_TYPE_INVALID)
        return damaged(mmdb, walk->reason, "search tree, node", record->node,
                       "a record points outside the file");
    uint8_t depth = (uint8_t)(record->depth + 1);
    *left = (struct record){.type = node.left_record_type,
                            .depth = depth,
                            .node = (uint32_t)node.left_record,
                            .entry = node.left_record_entry,
                            .position = record->position};
    *right = (struct record){.type = node.right_record_type,
                             .depth = depth,
                             .node = (uint32_t)node.right_record,
                             .entry = node.right_record_entry,
                             .position = record->position};
    return OK;
}

/* The number of a data record, by way of the reader at its first appearance. */
static enum status number_of(struct walk *walk, MMDB_entry_s *entry, uint32_t *number)
{
    size_t known = walk->offsets.count;
    uint32_t index;
    enum status status = intern_number(&walk->offsets, &entry->offset, &index);
    if (status == OK && walk->offsets.count > walk->number_capacity) {
        size_t capacity = walk->number_capacity == 0 ? 1024 : walk->number_capacity * 2;
        uint32_t *numbers = realloc(walk->numbers, capacity * sizeof *numbers);
        if (numbers == NULL) {
            status = ERR_MEMORY;
        } else {
            walk->numbers = numbers;
            walk->number_capacity = capacity;
        }
    }
    if (status != OK) {
        reason_write(walk->reason, "%s: %s", walk->mmdb->path,
                     status == ERR_LIMIT ? "too many distinct records" : "no memory for its records");
        return status;
    }
    if (index == known) {
        status = walk->reader(walk->mmdb, entry, walk->context, &walk->numbers[index], walk->reason);
        if (status != OK) return status;
    }
    *number = walk->numbers[index];
    return OK;
}

/* Is this record another name of the IPv4 tree? */
static bool is_alias(const struct walk *walk, const struct record *record)
{
    return walk->has_ipv4_alias && record->type == MMDB_RECORD_TYPE_SEARCH_NODE &&
           record->node == walk->ipv4_root.node;
}

/* What a whole /64 gets when the tree goes on below it: the widest network that says something, the first
 * among equals. Networks narrower than the best so far are not looked at. */
static enum status narrow(struct walk *walk, const struct record *top, uint32_t *number)
{
    struct record stack[STACK_MAX];
    size_t count = 0;
    unsigned best_depth = ADDRESS_BITS + 1;
    *number = 0;
    stack[count++] = *top;
    while (count > 0) {
        struct record record = stack[--count];
        if (record.depth >= best_depth || record.type == MMDB_RECORD_TYPE_EMPTY || is_alias(walk, &record))
            continue;
        if (record.type == MMDB_RECORD_TYPE_DATA) {
            uint32_t found;
            enum status status = number_of(walk, &record.entry, &found);
            if (status != OK) return status;
            if (found == 0) continue;
            best_depth = record.depth;
            *number = found;
            continue;
        }
        if (record.depth == ADDRESS_BITS)
            return damaged(walk->mmdb, walk->reason, "search tree, node", record.node,
                           "deeper than an address");
        struct record left;
        struct record right;
        enum status status = split(walk, &record, &left, &right);
        if (status != OK) return status;
        stack[count++] = right; /* popped after the left one */
        stack[count++] = left;
    }
    return OK;
}

static enum status append(struct walk *walk, struct layer *layer, uint64_t position, uint32_t number)
{
    enum status status = layer_append(layer, position, number);
    if (status != OK)
        reason_write(walk->reason, "%s: %s", walk->mmdb->path,
                     status == ERR_LIMIT ? "too many networks" : "no memory for its networks");
    return status;
}

/* All below `root`, in address order. */
static enum status walk_family(struct walk *walk, enum family family, const struct record *root,
                               struct layer *layer)
{
    unsigned bits = family_bits(family);
    struct record stack[STACK_MAX];
    size_t count = 0;
    stack[count++] = *root;
    while (count > 0) {
        struct record record = stack[--count];
        bool tree = record.type == MMDB_RECORD_TYPE_SEARCH_NODE;
        if (family == FAMILY_IPV6 && tree && is_alias(walk, &record)) {
            tree = false;
            record.type = MMDB_RECORD_TYPE_EMPTY;
        }
        enum status status = OK;
        if (tree && record.depth < bits) {
            struct record left;
            struct record right;
            status = split(walk, &record, &left, &right);
            if (status != OK) return status;
            right.position |= (uint64_t)1 << (bits - right.depth);
            stack[count++] = right;
            stack[count++] = left;
            continue;
        }
        uint32_t number = 0;
        if (tree && family == FAMILY_IPV4)
            status =
                damaged(walk->mmdb, walk->reason, "search tree, node", record.node, "deeper than an address");
        else if (tree)
            status = narrow(walk, &record, &number);
        else if (record.type == MMDB_RECORD_TYPE_DATA)
            status = number_of(walk, &record.entry, &number);
        if (status == OK) status = append(walk, layer, record.position, number);
        if (status != OK) return status;
    }
    return OK;
}

/* Find where IPv4 starts: 96 zero bits down an IPv6 tree, or at the top. */
static enum status find_ipv4(struct walk *walk)
{
    struct record record = {.type = MMDB_RECORD_TYPE_SEARCH_NODE};
    if (walk->mmdb->file.metadata.ip_version == 6) {
        while (record.type == MMDB_RECORD_TYPE_SEARCH_NODE && record.depth < 96) {
            struct record left;
            struct record right;
            enum status status = split(walk, &record, &left, &right);
            if (status != OK) return status;
            record = left;
        }
        walk->has_ipv4_alias = record.type == MMDB_RECORD_TYPE_SEARCH_NODE;
    }
    record.depth = 0;
    record.position = 0;
    walk->ipv4_root = record;
    return OK;
}

enum status mmdb_walk(struct mmdb *mmdb, mmdb_reader *reader, void *context, struct layers *layers,
                      char reason[REASON_MAX])
{
    const MMDB_metadata_s *metadata = &mmdb->file.metadata;
    if (metadata->ip_version != 4 && metadata->ip_version != 6) {
        reason_write(reason, "%s: damaged: ip_version %u", mmdb->path, metadata->ip_version);
        return ERR_SYNTAX;
    }
    struct walk walk = {.mmdb = mmdb, .reader = reader, .context = context, .reason = reason};
    walk.visits_left = (uint64_t)metadata->node_count * VISITS_PER_NODE + VISITS_LEAST;
    enum status status = intern_init(&walk.offsets, sizeof(uint32_t));
    if (status != OK) {
        reason_write(reason, "%s: no memory for its records", mmdb->path);
        return status;
    }
    const struct record top = {.type = MMDB_RECORD_TYPE_SEARCH_NODE};
    status = find_ipv4(&walk);
    if (status == OK) status = walk_family(&walk, FAMILY_IPV4, &walk.ipv4_root, &layers->ipv4);
    if (status == OK && metadata->ip_version == 6)
        status = walk_family(&walk, FAMILY_IPV6, &top, &layers->ipv6);
    intern_fini(&walk.offsets);
    free(walk.numbers);
    return status;
}

/* One field of a record; `value->has_data` is false when it is absent. */
static enum status read_field(struct mmdb *mmdb, MMDB_entry_s *record, const char *const *path,
                              MMDB_entry_data_s *value, char reason[REASON_MAX])
{
    *value = (MMDB_entry_data_s){0};
    int result = MMDB_aget_value(record, value, path);
    if (result == MMDB_SUCCESS) return OK;
    value->has_data = false;
    if (result == MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR || result == MMDB_INVALID_LOOKUP_PATH_ERROR)
        return OK;
    return damaged(mmdb, reason, "data record at", record->offset, MMDB_strerror(result));
}

/* A code of upper-case letters and digits with at most `room` - 1 characters; others count as absent. */
static enum status read_code(struct mmdb *mmdb, MMDB_entry_s *record, const char *const *path, char *code,
                             size_t room, char reason[REASON_MAX])
{
    MMDB_entry_data_s value;
    enum status status = read_field(mmdb, record, path, &value, reason);
    if (status != OK || !value.has_data || value.type != MMDB_DATA_TYPE_UTF8_STRING) return status;
    if (value.data_size == 0 || value.data_size >= room) return OK;
    for (uint32_t i = 0; i < value.data_size; i++) {
        char c = value.utf8_string[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))) return OK;
    }
    memcpy(code, value.utf8_string, value.data_size);
    return OK;
}

static enum status read_number(struct mmdb *mmdb, MMDB_entry_s *record, const char *const *path, double *number,
                               bool *present, char reason[REASON_MAX])
{
    MMDB_entry_data_s value;
    enum status status = read_field(mmdb, record, path, &value, reason);
    if (status != OK) return status;
    *present = value.has_data;
    if (!value.has_data) return OK;
    switch (value.type) {
    case MMDB_DATA_TYPE_DOUBLE: *number = value.double_value; break;
    case MMDB_DATA_TYPE_FLOAT: *number = (double)value.float_value; break;
    case MMDB_DATA_TYPE_UINT16: *number = value.uint16; break;
    case MMDB_DATA_TYPE_UINT32: *number = value.uint32; break;
    case MMDB_DATA_TYPE_INT32: *number = value.int32; break;
    case MMDB_DATA_TYPE_UINT64: *number = (double)value.uint64; break;
    default: *present = false;
    }
    return OK;
}

enum status mmdb_read_place(struct mmdb *mmdb, MMDB_entry_s *record, struct place *place, bool *said,
                            char reason[REASON_MAX])
{
    static const char *const continent[] = {"continent", "code", NULL};
    static const char *const country[] = {"country", "iso_code", NULL};
    static const char *const subdivision[] = {"subdivisions", "0", "iso_code", NULL};
    static const char *const latitude[] = {"location", "latitude", NULL};
    static const char *const longitude[] = {"location", "longitude", NULL};
    static const char *const radius[] = {"location", "accuracy_radius", NULL};
    struct place read = {0};
    double radius_km = 0;
    bool has_latitude;
    bool has_longitude;
    bool has_radius;
    enum status status = read_code(mmdb, record, continent, read.continent, sizeof read.continent, reason);
    if (status == OK) status = read_code(mmdb, record, country, read.country, sizeof read.country, reason);
    if (status == OK)
        status = read_code(mmdb, record, subdivision, read.subdivision, sizeof read.subdivision, reason);
    if (status == OK)
        status = read_number(mmdb, record, latitude, &read.location.latitude, &has_latitude, reason);
    if (status == OK)
        status = read_number(mmdb, record, longitude, &read.location.longitude, &has_longitude, reason);
    if (status == OK) status = read_number(mmdb, record, radius, &radius_km, &has_radius, reason);
    if (status != OK) return status;

    read.has_location = has_latitude && has_longitude;
    if (!read.has_location) {
        read.location = (struct location){0};
    } else if (!(fabs(read.location.latitude) <= 90 &&
                 fabs(read.location.longitude) <= 180)) { /* true for NaN */
        return damaged(mmdb, reason, "data record at", record->offset, "coordinates outside the Earth");
    } else if (has_radius && radius_km >= 0 && radius_km <= UINT16_MAX) {
        read.accuracy_km = (uint16_t)radius_km;
    }
    *said = read.has_location || read.continent[0] != '\0' || read.country[0] != '\0' ||
            read.subdivision[0] != '\0';
    *place = read;
    return OK;
}

enum status mmdb_read_asn(struct mmdb *mmdb, MMDB_entry_s *record, uint32_t *asn, char reason[REASON_MAX])
{
    static const char *const path[] = {"autonomous_system_number", NULL};
    double number = 0;
    bool present;
    enum status status = read_number(mmdb, record, path, &number, &present, reason);
    if (status == OK) *asn = present && number >= 1 && number <= UINT32_MAX ? (uint32_t)number : 0;
    return status;
}
