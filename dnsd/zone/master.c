/* master.c - zone files (RFC 1035 5) to records.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/zone/master.h"

#include <errno.h>
#include <fcntl.h>
#include <ldns/dname.h> /* not all of ldns: its OpenSSL headers have an ERR_STATE too */
#include <ldns/error.h>
#include <ldns/rr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dnsd/zone/entry.h"

#define TYPE_TEXT_MAX 16 /* "TYPE65535" and the longest mnemonic */

/* One zone being read. An included file has its own origin and owner (RFC 1035 5.1), the TTLs are the zone's. */
struct master {
    struct problems *problems;
    struct records *records;
    enum include include;
    enum status failed; /* something other than the text is wrong: ERR_IO, ERR_MEMORY, ERR_LIMIT */
    bool has_default_ttl;
    bool has_last_ttl;
    uint32_t default_ttl; /* $TTL, RFC 2308 4 */
    uint32_t last_ttl;
};

struct master_file {
    struct master *master;
    const char *path;
    uint16_t index;
    unsigned depth;
    struct name origin;
    ldns_rdf *origin_rdf; /* for ldns; NULL after a change of origin */
    struct name owner;
    bool has_owner;
    uint32_t line; /* of the entry at hand */
};

static void read_text(struct master_file *file, const char *text, size_t size);
static void read_path(struct master *master, const char *path, const struct name *origin, unsigned depth,
                      const struct problem_place *named);

static void text_of(const struct token *token, char *out, size_t room)
{
    size_t length = token->length < room - 1 ? token->length : room - 1;
    memcpy(out, token->text, length);
    out[length] = 0;
}

static void complain(const struct master_file *file, const char *key, const struct token *token, const char *expected)
{
    char value[128] = "";
    if (token != NULL) text_of(token, value, sizeof value);
    problems_add(file->master->problems, file->path, file->line, key, value, "%s", expected);
}

/* "3600", "1h30m", "2w": seconds. The units are BIND's, which everybody writes. */
static bool parse_ttl(const struct token *token, uint64_t *out)
{
    uint64_t total = 0, number = 0;
    bool digits = false;
    for (size_t i = 0; i < token->length; i++) {
        char c = token->text[i];
        if (c >= '0' && c <= '9') {
            number = number * 10 + (uint64_t)(c - '0');
            if (number > UINT32_MAX) number = UINT32_MAX;
            digits = true;
            continue;
        }
        static const char units[] = "smhdw";
        static const uint32_t seconds[] = {1, 60, 3600, 86400, 604800};
        const char *unit = c == 0 ? NULL : strchr(units, c | 0x20);
        if (!digits || unit == NULL) return false;
        total += number * seconds[unit - units];
        number = 0;
        digits = false;
    }
    if (token->length == 0) return false;
    *out = total + number;
    return true;
}

static bool token_is(const struct token *token, const char *word)
{
    return token->length == strlen(word) && strncasecmp(token->text, word, token->length) == 0;
}

static const char *name_problem(enum status status)
{
    return status == ERR_RANGE ? "a name of at most 255 bytes with labels of at most 63" : "a domain name";
}

static void read_origin(struct master_file *file, const char *text)
{
    struct token token;
    struct name name;
    if (!entry_token(&text, &token)) {
        complain(file, "$ORIGIN", NULL, "a domain name");
        return;
    }
    enum status status = name_parse(token.text, token.length, &file->origin, &name);
    if (status != OK) {
        complain(file, "$ORIGIN", &token, name_problem(status));
        return;
    }
    file->origin = name;
    ldns_rdf_deep_free(file->origin_rdf);
    file->origin_rdf = NULL;
}

static void read_default_ttl(struct master_file *file, const char *text)
{
    struct token token = {.text = "", .length = 0};
    uint64_t ttl;
    if (!entry_token(&text, &token) || !parse_ttl(&token, &ttl) || ttl > TTL_MAX) {
        complain(file, "$TTL", &token, "seconds, at most 2147483647");
        return;
    }
    file->master->default_ttl = (uint32_t)ttl;
    file->master->has_default_ttl = true;
}

static void read_include(struct master_file *file, const char *text)
{
    struct token name;
    struct token origin_text;
    struct name origin = file->origin;
    if (!entry_token(&text, &name)) {
        complain(file, "$INCLUDE", NULL, "a file name");
        return;
    }
    if (entry_token(&text, &origin_text)) {
        enum status status = name_parse(origin_text.text, origin_text.length, &file->origin, &origin);
        if (status != OK) {
            complain(file, "$INCLUDE", &origin_text, name_problem(status));
            return;
        }
    }
    if (file->master->include == INCLUDE_REFUSE) {
        complain(file, "$INCLUDE", &name, "no $INCLUDE in this text");
        return;
    }
    if (file->depth + 1 >= MASTER_INCLUDE_DEPTH_MAX) {
        complain(file, "$INCLUDE", &name, "at most 8 files inside each other");
        return;
    }
    const char *slash = strrchr(file->path, '/');
    int directory = slash != NULL && name.text[0] != '/' ? (int)(slash - file->path) + 1 : 0;
    char *path;
    if (asprintf(&path, "%.*s%.*s", directory, file->path, (int)name.length, name.text) < 0) {
        file->master->failed = ERR_MEMORY;
        return;
    }
    struct problem_place named = {file->path, file->line, "$INCLUDE"};
    read_path(file->master, path, &origin, file->depth + 1, &named);
    free(path);
}

static void read_directive(struct master_file *file, const struct token *directive, const char *text)
{
    if (token_is(directive, "$ORIGIN")) read_origin(file, text);
    else if (token_is(directive, "$TTL")) read_default_ttl(file, text);
    else if (token_is(directive, "$INCLUDE")) read_include(file, text);
    else if (token_is(directive, "$GENERATE")) complain(file, "$GENERATE", NULL, "records written out: $GENERATE is BIND's own");
    else complain(file, "", directive, "$ORIGIN, $TTL or $INCLUDE");
}

/* RFC 6895 3.1: 0, OPT and 128..255 are no data, with two exceptions that ldns does not know as data either. */
static bool type_is_data(unsigned type)
{
    return type != 0 && type != TYPE_OPT && (type < 128 || type > 255);
}

/* Let ldns turn the text of RDATA into wire bytes, and keep the record. */
static void read_rdata(struct master_file *file, const char *key, uint16_t type, uint32_t ttl, const char *type_text,
                       const char *text)
{
    struct master *master = file->master;
    if (file->origin_rdf == NULL)
        file->origin_rdf = ldns_dname_new_frm_data(file->origin.size, file->origin.bytes);
    char *line;
    if (file->origin_rdf == NULL || asprintf(&line, ". 0 IN %s %s", type_text, text) < 0) {
        master->failed = ERR_MEMORY;
        return;
    }
    ldns_rr *rr = NULL;
    ldns_status parsed = ldns_rr_new_frm_str(&rr, line, 0, file->origin_rdf, NULL);
    free(line);
    if (parsed != LDNS_STATUS_OK) {
        char value[128];
        while (*text == ' ') text++;
        text_of(&(struct token){.text = text, .length = strlen(text)}, value, sizeof value);
        problems_add(master->problems, file->path, file->line, key, value, "%s data (%s)", type_text,
                     ldns_get_errorstr_by_id(parsed));
        if (parsed == LDNS_STATUS_MEM_ERR) master->failed = ERR_MEMORY;
        return;
    }
    uint8_t rdata[UINT16_MAX];
    size_t size = 0;
    bool fits = true;
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
        const ldns_rdf *field = ldns_rr_rdf(rr, i);
        fits = fits && ldns_rdf_size(field) <= sizeof rdata - size;
        if (!fits) break;
        memcpy(rdata + size, ldns_rdf_data(field), ldns_rdf_size(field));
        size += ldns_rdf_size(field);
    }
    ldns_rr_free(rr);
    if (!fits) {
        complain(file, key, NULL, "at most 65535 bytes of data");
        return;
    }
    struct record record = {
        .type = type, .ttl = ttl, .line = file->line, .file = file->index, .rdata_size = (uint16_t)size};
    enum status status = records_add(master->records, &record, &file->owner, rdata);
    if (status != OK) master->failed = status;
}

/* [owner] [TTL] [class] type rdata, TTL and class in either order. */
static void read_record(struct master_file *file, const struct entry *entry)
{
    struct master *master = file->master;
    const char *text = entry->text;
    struct token token;
    char key[NAME_TEXT_SIZE + TYPE_TEXT_MAX + 2] = "";
    if (!entry->continued) {
        if (!entry_token(&text, &token)) return;
        enum status status = name_parse(token.text, token.length, &file->origin, &file->owner);
        file->has_owner = status == OK;
        if (status != OK) {
            complain(file, "owner", &token, name_problem(status));
            return;
        }
        name_lower(&file->owner);
    } else if (!file->has_owner) {
        complain(file, "owner", NULL, "an owner name: no record before this one has any");
        return;
    }
    name_format(file->owner.bytes, key);
    uint64_t ttl = master->has_default_ttl ? master->default_ttl : master->last_ttl;
    bool has_ttl = false;
    char type_text[TYPE_TEXT_MAX + 1];
    unsigned type = 0;
    for (;;) {
        if (!entry_token(&text, &token)) {
            complain(file, key, NULL, "a type and its data");
            return;
        }
        if (!has_ttl && !token.quoted && token.length > 0 && token.text[0] >= '0' && token.text[0] <= '9') {
            if (!parse_ttl(&token, &ttl) || ttl > TTL_MAX) {
                complain(file, key, &token, "a TTL: seconds, at most 2147483647");
                return;
            }
            has_ttl = master->has_last_ttl = true;
            master->last_ttl = (uint32_t)ttl;
            continue;
        }
        if (token_is(&token, "IN") || token_is(&token, "CLASS1")) continue;
        if (token_is(&token, "CH") || token_is(&token, "HS") || token_is(&token, "CS") ||
            (token.length > 5 && strncasecmp(token.text, "CLASS", 5) == 0)) {
            complain(file, key, &token, "class IN");
            return;
        }
        if (!token.quoted && token.length <= TYPE_TEXT_MAX) {
            text_of(&token, type_text, sizeof type_text);
            type = ldns_get_rr_type_by_name(type_text);
        }
        break;
    }
    if (!type_is_data(type) || type > UINT16_MAX) {
        complain(file, key, &token, "a record type that a zone may hold");
        return;
    }
    if (!has_ttl && !master->has_default_ttl && !master->has_last_ttl) {
        complain(file, key, NULL, "a TTL here, or a $TTL before");
        return;
    }
    strcat(strcat(key, " "), type_text);
    read_rdata(file, key, (uint16_t)type, (uint32_t)ttl, type_text, text);
}

static void read_text(struct master_file *file, const char *text, size_t size)
{
    struct entry_reader reader;
    entry_open(&reader, text, size);
    while (file->master->failed == OK) {
        struct entry entry;
        const char *expected = "";
        enum status status = entry_next(&reader, MASTER_ENTRY_MAX, &entry, &expected);
        file->line = entry.line;
        if (status == ERR_NOT_FOUND) break;
        if (status == ERR_MEMORY) file->master->failed = status;
        else if (status == ERR_LIMIT) complain(file, "", NULL, "an entry of at most 262144 characters");
        else if (status != OK) complain(file, "", NULL, expected);
        if (status != OK) continue;
        const char *rest = entry.text;
        struct token first;
        if (!entry.continued && entry_token(&rest, &first) && first.length > 0 && first.text[0] == '$' && !first.quoted)
            read_directive(file, &first, rest);
        else read_record(file, &entry);
    }
    entry_close(&reader);
    ldns_rdf_deep_free(file->origin_rdf);
}

/* A whole file, mapped by reading: a map would fault if the file shrank meanwhile. */
static enum status load_file(const char *path, char **text, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return ERR_IO;
    struct stat status;
    enum status result = ERR_IO;
    char *bytes = NULL;
    size_t filled = 0;
    if (fstat(fd, &status) != 0) goto close_file;
    errno = EISDIR;
    if (!S_ISREG(status.st_mode)) goto close_file;
    errno = EFBIG;
    if (status.st_size > MASTER_TEXT_MAX) goto close_file;
    bytes = malloc((size_t)status.st_size + 1);
    result = ERR_MEMORY;
    if (bytes == NULL) goto close_file;
    result = OK;
    while (filled < (size_t)status.st_size) {
        ssize_t got = read(fd, bytes + filled, (size_t)status.st_size - filled);
        if (got < 0) result = ERR_IO;
        if (got <= 0) break;
        filled += (size_t)got;
    }
close_file:
    close(fd);
    if (result == OK) {
        *text = bytes;
        *size = filled;
    } else {
        free(bytes);
    }
    return result;
}

enum status records_add_file(struct records *records, const char *path, uint16_t *index)
{
    struct buffer *files = &records->files;
    size_t count = files->size / sizeof(char *);
    if (count == MASTER_FILE_MAX) return ERR_LIMIT;
    char *copy = strdup(path);
    uint32_t offset;
    if (copy == NULL) return ERR_MEMORY;
    enum status status = buffer_add(files, &copy, sizeof copy, &offset);
    if (status != OK) free(copy);
    *index = (uint16_t)count;
    return status;
}

static void read_named(struct master *master, const char *path, const char *text, size_t size, const struct name *origin,
                       unsigned depth)
{
    struct master_file file = {.master = master, .origin = *origin, .depth = depth};
    enum status status = records_add_file(master->records, path, &file.index);
    if (status != OK) {
        master->failed = status;
        return;
    }
    file.path = records_file(master->records, file.index);
    read_text(&file, text, size);
}

static void read_path(struct master *master, const char *path, const struct name *origin, unsigned depth,
                      const struct problem_place *named)
{
    char *text;
    size_t size;
    enum status status = load_file(path, &text, &size);
    if (status != OK) {
        const char *reason = status == ERR_MEMORY ? "out of memory" : strerror(errno);
        problems_add(master->problems, named->file, named->line, named->key, path, "a zone file that can be read (%s)",
                     reason);
        if (depth == 0) master->failed = status;
        return;
    }
    read_named(master, path, text, size, origin, depth);
    free(text);
}

static enum status outcome(const struct master *master, size_t problems_before)
{
    if (master->failed != OK) return master->failed;
    return master->problems->count + master->problems->omitted > problems_before ? ERR_SYNTAX : OK;
}

enum status master_read(const char *path, const struct problem_place *named, const struct name *origin,
                        struct problems *problems, struct records *records)
{
    struct master master = {.problems = problems, .records = records, .include = INCLUDE_FOLLOW};
    size_t before = problems->count + problems->omitted;
    read_path(&master, path, origin, 0, named);
    return outcome(&master, before);
}

enum status master_read_text(const char *path, const char *text, size_t size, const struct name *origin, enum include include,
                             struct problems *problems, struct records *records)
{
    struct master master = {.problems = problems, .records = records, .include = include};
    size_t before = problems->count + problems->omitted;
    read_named(&master, path, text, size, origin, 0);
    return outcome(&master, before);
}

enum status records_add(struct records *records, const struct record *record, const struct name *owner, const uint8_t *rdata)
{
    struct record added = *record;
    uint32_t unused;
    size_t count = records_count(records);
    const struct record *last = count > 0 ? &records_list(records)[count - 1] : NULL;
    enum status status;
    const uint8_t *last_name = last != NULL ? records->bytes.bytes + last->name : NULL;
    if (last != NULL && name_size(last_name) == owner->size && memcmp(last_name, owner->bytes, owner->size) == 0) {
        added.name = last->name;
        added.key = last->key;
        added.key_size = last->key_size;
    } else {
        uint8_t key[NAME_KEY_MAX];
        added.key_size = (uint16_t)name_key(owner->bytes, key);
        status = buffer_add(&records->bytes, owner->bytes, owner->size, &added.name);
        if (status != OK) return status;
        status = buffer_add(&records->bytes, key, added.key_size, &added.key);
        if (status != OK) return status;
    }
    status = buffer_add(&records->bytes, rdata, record->rdata_size, &added.rdata);
    if (status != OK) return status;
    return buffer_add(&records->list, &added, sizeof added, &unused);
}

const char *records_file(const struct records *records, uint16_t file)
{
    return ((char **)(void *)records->files.bytes)[file];
}

static void forget_files(struct records *records)
{
    char **files = (char **)(void *)records->files.bytes;
    for (size_t i = 0; i < records->files.size / sizeof *files; i++) free(files[i]);
    records->files.size = 0;
}

void records_reset(struct records *records)
{
    forget_files(records);
    records->list.size = records->bytes.size = 0;
}

void records_fini(struct records *records)
{
    forget_files(records);
    buffer_fini(&records->list);
    buffer_fini(&records->bytes);
    buffer_fini(&records->files);
}
