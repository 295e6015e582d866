/* geotext.c - tor-geoipdb's text: ranges of addresses and their countries.
 * SPDX-License-Identifier: Apache-2.0
 *
 * 25 MB of text stand between the daemon's start and its first answer, so: one pass over a buffer that fits
 * the second-level cache, no copies of lines, no library call per field. Read, not mapped: a file that
 * somebody truncates meanwhile is then an error and no SIGBUS. Parsers stop at the first byte that does not
 * belong, and every buffer ends with a newline, so they need no end pointer. */
#include "geo/geotext.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "geo/country.h"
#include "geo/source.h"

#define BUFFER_SIZE (128u << 10)
#define LINE_MAX_SIZE 4096 /* the longest real line has 82 bytes; comments are somewhat longer */
#define CODE_COUNT (26 * 26)
#define CODE_UNSEEN UINT32_MAX

/* An address of either family; IPv4 has only `low`. */
struct wide {
    uint64_t high;
    uint64_t low;
};

struct parser {
    const char *path;
    enum family family;
    struct gazetteer *gazetteer;
    struct layer *layer;
    uint64_t *built_epoch_s;
    char *reason;
    unsigned long line; /* being parsed, from 1 */
    bool any;           /* a range was seen; `last` is its end */
    struct wide last;
    uint32_t places[CODE_COUNT]; /* by country code, CODE_UNSEEN at first */
};

static enum status fail(struct parser *parser, const char *expected)
{
    reason_write(parser->reason, "%s:%lu: expected %s", parser->path, parser->line, expected);
    return ERR_SYNTAX;
}

/* A decimal number up to 2^32 - 1. NULL: it is none. */
static const char *parse_ipv4(const char *at, struct wide *out)
{
    const char *start = at;
    uint64_t value = 0;
    for (; (unsigned char)(*at - '0') < 10; at++) {
        value = value * 10 + (uint64_t)(*at - '0');
        if (value > UINT32_MAX) return NULL;
    }
    *out = (struct wide){.low = value};
    return at == start ? NULL : at;
}

/* Value of a hexadecimal digit plus one; 0: none. */
static const uint8_t hex_digits[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

/* RFC 4291 section 2.2, forms 1 and 2. NULL: it is none. */
static const char *parse_ipv6(const char *at, struct wide *out)
{
    uint16_t groups[8] = {0};
    unsigned count = 0;
    unsigned gap = 8; /* index of the first group after "::"; 8: there is none */
    if (at[0] == ':') {
        if (at[1] != ':') return NULL;
        gap = 0;
        at += 2;
    }
    while (hex_digits[(unsigned char)*at] != 0) {
        if (count == 8) return NULL;
        unsigned value = 0;
        const char *start = at;
        for (unsigned digit; (digit = hex_digits[(unsigned char)*at]) != 0; at++)
            value = value << 4 | (digit - 1);
        if (at - start > 4) return NULL;
        groups[count++] = (uint16_t)value;
        if (*at != ':') break;
        at++;
        if (*at == ':') {
            if (gap != 8) return NULL;
            gap = count;
            at++;
        } else if (hex_digits[(unsigned char)*at] == 0) {
            return NULL; /* a single colon at the end */
        }
    }
    if (gap == 8 ? count != 8 : count == 8) return NULL;
    if (gap < count) {
        unsigned behind = count - gap;
        memmove(groups + 8 - behind, groups + gap, behind * sizeof groups[0]);
        memset(groups + gap, 0, (8 - count) * sizeof groups[0]);
    }
    out->high = (uint64_t)groups[0] << 48 | (uint64_t)groups[1] << 32 | (uint64_t)groups[2] << 16 | groups[3];
    out->low = (uint64_t)groups[4] << 48 | (uint64_t)groups[5] << 32 | (uint64_t)groups[6] << 16 | groups[7];
    return at;
}

/* The gazetteer's number of a code seen for the first time. */
static enum status resolve_code(struct parser *parser, const char code[3], uint32_t *number)
{
    struct place place = {0};
    if (country_continent(code) != NULL || strcmp(code, "UK") == 0) {
        memcpy(place.country, code, sizeof place.country);
        gazetteer_complete(&place);
    }
    enum status status = gazetteer_add(parser->gazetteer, &place, number);
    if (status != OK) reason_write(parser->reason, "%s:%lu: no memory for a place", parser->path, parser->line);
    return status;
}

/* Two upper-case letters or "??", then the end of the line. */
static enum status parse_code(struct parser *parser, const char *at, uint32_t *number)
{
    unsigned first = (unsigned char)at[0] - 'A';
    unsigned second = (unsigned char)at[1] - 'A';
    if (first < 26 && second < 26 && at[2] == '\n') {
        uint32_t *known = &parser->places[first * 26 + second];
        if (*known == CODE_UNSEEN) {
            enum status status = resolve_code(parser, (const char[3]){at[0], at[1], '\0'}, known);
            if (status != OK) return status;
        }
        *number = *known;
        return OK;
    }
    if (at[0] != '?' || at[1] != '?' || at[2] != '\n')
        return fail(parser, "a country of two upper-case letters or ??");
    *number = 0;
    return OK;
}

/* Note when the data were made. A date in another form is no error: the line is a comment. */
static void parse_comment(struct parser *parser, const char *at, size_t size)
{
    static const char key[] = "# Generated:";
    char text[64];
    struct tm time = {0};
    if (size <= sizeof key - 1 || size - (sizeof key - 1) >= sizeof text ||
        memcmp(at, key, sizeof key - 1) != 0)
        return;
    size -= sizeof key - 1;
    memcpy(text, at + sizeof key - 1, size);
    text[size] = '\0';
    if (strptime(text, " %a, %d %b %Y %H:%M:%S GMT", &time) == NULL) return;
    time_t epoch_s = timegm(&time);
    if (epoch_s > 0) *parser->built_epoch_s = (uint64_t)epoch_s;
}

/* Put a range behind those before it. */
static enum status append_range(struct parser *parser, struct wide first, struct wide last, uint32_t number)
{
    bool narrow = parser->family == FAMILY_IPV4;
    uint64_t from = narrow ? first.low : first.high;
    uint64_t to = narrow ? last.low : last.high;
    uint64_t before = narrow ? parser->last.low : parser->last.high;
    bool any = parser->any;
    parser->any = true;
    parser->last = last;
    if (any && from == before) { /* IPv6: shares its first /64 with the range before */
        if (to == from) return OK;
        from++;
    }
    enum status status = OK;
    if (any && from != before + 1) status = layer_append(parser->layer, before + 1, 0);
    if (status == OK) status = layer_append(parser->layer, from, number);
    if (status != OK)
        reason_write(parser->reason, "%s:%lu: %s", parser->path, parser->line,
                     status == ERR_LIMIT ? "too many ranges" : "no memory for the ranges");
    return status;
}

/* One range; `next` is then the line behind it. */
static enum status parse_range(struct parser *parser, const char *at, const char **next)
{
    bool ipv4 = parser->family == FAMILY_IPV4;
    const char *expected = ipv4 ? "FIRST,LAST,COUNTRY with addresses as numbers below 2^32"
                                : "FIRST,LAST,COUNTRY with IPv6 addresses";
    struct wide first;
    struct wide last;
    at = ipv4 ? parse_ipv4(at, &first) : parse_ipv6(at, &first);
    if (at == NULL || *at != ',') return fail(parser, expected);
    at = ipv4 ? parse_ipv4(at + 1, &last) : parse_ipv6(at + 1, &last);
    if (at == NULL || *at != ',') return fail(parser, expected);
    uint32_t number = 0; /* gcc 12 with -fsanitize=thread does not see that OK writes it */
    enum status status = parse_code(parser, at + 1, &number);
    if (status != OK) return status;
    *next = at + sizeof ",CC\n" - 1;
    if (last.high < first.high || (last.high == first.high && last.low < first.low))
        return fail(parser, "a last address not before the first");
    if (parser->any &&
        (first.high < parser->last.high || (first.high == parser->last.high && first.low <= parser->last.low)))
        return fail(parser, "a first address behind the range before");
    return append_range(parser, first, last, number);
}

/* Parse whole lines; the last byte is a newline. */
static enum status parse_lines(struct parser *parser, const char *at, const char *end)
{
    while (at < end) {
        parser->line++;
        if (*at == '#' || *at == '\n') {
            const char *newline = memchr(at, '\n', (size_t)(end - at));
            parse_comment(parser, at, (size_t)(newline - at));
            at = newline + 1;
        } else {
            enum status status = parse_range(parser, at, &at);
            if (status != OK) return status;
        }
    }
    return OK;
}

static enum status parse_file(struct parser *parser, int file, char *buffer)
{
    size_t kept = 0; /* the start of a line whose end is not read yet */
    size_t total = 0;
    for (;;) {
        size_t size;
        enum status status =
            source_read(file, parser->path, buffer + kept, BUFFER_SIZE - kept, &size, parser->reason);
        if (status != OK) return status;
        if (size == 0) break;
        total += size;
        if (total > SOURCE_SIZE_MAX) return source_too_large(parser->path, parser->reason);
        const char *newline = memrchr(buffer + kept, '\n', size);
        kept += size;
        if (newline != NULL) {
            size_t whole = (size_t)(newline + 1 - buffer);
            status = parse_lines(parser, buffer, buffer + whole);
            if (status != OK) return status;
            kept -= whole;
            memmove(buffer, buffer + whole, kept);
        }
        if (kept > LINE_MAX_SIZE) {
            parser->line++;
            return fail(parser, "a line, not so many bytes without a newline");
        }
    }
    buffer[kept] = '\n'; /* kept <= LINE_MAX_SIZE < BUFFER_SIZE */
    return kept == 0 ? OK : parse_lines(parser, buffer, buffer + kept + 1);
}

/* What lies behind the last range is unknown. */
static enum status close_ranges(struct parser *parser)
{
    if (!parser->any) {
        reason_write(parser->reason, "%s: expected at least one range of addresses", parser->path);
        return ERR_SYNTAX;
    }
    bool ipv4 = parser->family == FAMILY_IPV4;
    uint64_t last = ipv4 ? parser->last.low : parser->last.high;
    if (last == (ipv4 ? UINT32_MAX : UINT64_MAX)) return OK;
    enum status status = layer_append(parser->layer, last + 1, 0);
    if (status != OK) reason_write(parser->reason, "%s: no memory for the ranges", parser->path);
    return status;
}

enum status geotext_read(const char *path, enum family family, struct gazetteer *gazetteer, struct layer *layer,
                         uint64_t *built_epoch_s, char reason[REASON_MAX])
{
    int file;
    enum status status = source_open(path, &file, reason);
    if (status != OK) return status;
    uint64_t built = 0;
    char *buffer = malloc(BUFFER_SIZE);
    struct parser *parser = calloc(1, sizeof *parser);
    if (buffer == NULL || parser == NULL) {
        reason_write(reason, "%s: no memory to read it", path);
        status = ERR_MEMORY;
        goto release;
    }
    *parser = (struct parser){.path = path,
                              .family = family,
                              .gazetteer = gazetteer,
                              .layer = layer,
                              .built_epoch_s = &built,
                              .reason = reason};
    memset(parser->places, 0xff, sizeof parser->places); /* CODE_UNSEEN */
    status = parse_file(parser, file, buffer);
    if (status == OK) status = close_ranges(parser);
    if (status == OK) *built_epoch_s = built;
release:
    free(parser);
    free(buffer);
    close(file);
    return status;
}
