/* given.c - one value of the configuration: as it was written, and what it means.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A table of readers, one for each type. Each leaves `expected` as it finds it (the general sentence of its
 * option) unless it knows a better one for this very mistake. */
#include "dnsd/config/given.h"

#include <curl/curl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/config/hostname.h"
#include "dnsd/config/record_type.h"
#include "dnsd/config/suggestion.h"
#include "geo/country.h"
#include "router/model.h"

/* What a reader gets and gives. */
struct reading {
    const struct option *option;
    const char *text; /* no longer than GIVEN_TEXT_MAX, without control characters */
    size_t size;
    struct arena *arena;
    union given_value *out;
    char *expected; /* GIVEN_EXPECTED_MAX */
};

__attribute__((format(printf, 2, 3))) static enum status fail(struct reading *reading, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reading->expected, GIVEN_EXPECTED_MAX, format, arguments);
    va_end(arguments);
    return ERR_SYNTAX;
}

static enum status read_boolean(struct reading *reading)
{
    if (strcmp(reading->text, "true") == 0)
        reading->out->flag = true;
    else if (strcmp(reading->text, "false") == 0)
        reading->out->flag = false;
    else
        return ERR_SYNTAX;
    return OK;
}

/* Decimal digits without a sign or leading zeros (which YAML 1.1 took for octal). */
static enum status read_digits(const char *text, uint64_t maximum, uint64_t *out)
{
    uint64_t number = 0;
    if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0')) return ERR_SYNTAX;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9') return ERR_SYNTAX;
        number = number * 10 + (uint64_t)(*at - '0');
        if (number > maximum) return ERR_RANGE; /* before it could overflow: maximum is far below 2^60 */
    }
    *out = number;
    return OK;
}

static enum status read_integer(struct reading *reading)
{
    uint64_t number;
    if ((reading->option->flags & OPTION_ALL) != 0 && strcmp(reading->text, "all") == 0) {
        reading->out->integer = 0;
        return OK;
    }
    enum status status = read_digits(reading->text, (uint64_t)reading->option->maximum, &number);
    if (status != OK) return status;
    if (number < (uint64_t)reading->option->minimum) return ERR_RANGE;
    reading->out->integer = (uint32_t)number;
    return OK;
}

static enum status read_number(struct reading *reading)
{
    /* strtod also takes what no YAML number is: hexadecimal, inf, nan, spaces */
    if (reading->size == 0 || strspn(reading->text, "0123456789+-.eE") != reading->size) return ERR_SYNTAX;
    char *end;
    double number = strtod(reading->text, &end);
    if (*end != '\0' || end == reading->text || !isfinite(number)) return ERR_SYNTAX;
    if (number < reading->option->minimum || number > reading->option->maximum) return ERR_RANGE;
    reading->out->number = number;
    return OK;
}

static enum status read_text(struct reading *reading)
{
    if (reading->size == 0) return ERR_SYNTAX;
    if (reading->option->maximum > 0 && (double)reading->size > reading->option->maximum) return ERR_RANGE;
    reading->out->text = arena_text(reading->arena, reading->text, reading->size);
    return OK;
}

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static enum status read_name(struct reading *reading)
{
    if (reading->size == 0 || reading->size > NAME_TEXT_MAX) return ERR_SYNTAX;
    for (size_t i = 0; i < reading->size; i++)
        if (!is_name_character(reading->text[i])) return ERR_SYNTAX;
    return read_text(reading);
}

static enum status read_word(struct reading *reading)
{
    struct suggestion suggestion = {.wanted = reading->text};
    for (uint32_t i = 0; reading->option->words[i] != NULL; i++) {
        if (strcmp(reading->option->words[i], reading->text) == 0) {
            reading->out->integer = i;
            return OK;
        }
        suggestion_try(&suggestion, reading->option->words[i]);
    }
    if (suggestion.best != NULL) {
        size_t length = strlen(reading->expected);
        snprintf(reading->expected + length, GIVEN_EXPECTED_MAX - length, " (did you mean %s?)", suggestion.best);
    }
    return ERR_SYNTAX;
}

static enum status read_hostname(struct reading *reading, enum hostname_form form)
{
    char name[HOSTNAME_TEXT_MAX];
    const char *reason;
    if (hostname_parse(reading->text, form, name, &reason) != OK) {
        size_t length = strlen(reading->expected);
        snprintf(reading->expected + length, GIVEN_EXPECTED_MAX - length, " %s", reason);
        return ERR_SYNTAX;
    }
    reading->out->text = arena_text(reading->arena, name, strlen(name));
    return OK;
}

/* Refuse what no host can be reached at, and IPv4 in the clothes of IPv6. */
static enum status check_address(struct reading *reading, const struct address *address)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (address->family == FAMILY_IPV4 && address->bytes[0] >= 224) return fail(reading, "a unicast address");
    if (address->family == FAMILY_IPV6 && address->bytes[0] == 0xff) return fail(reading, "a unicast address");
    if (address->family == FAMILY_IPV6 && memcmp(address->bytes, mapped, sizeof mapped) == 0)
        return fail(reading, "an IPv4 address written as such, not mapped into IPv6");
    return OK;
}

static enum status read_address(struct reading *reading)
{
    struct address address;
    char name[HOSTNAME_TEXT_MAX];
    const char *reason;
    if (address_parse(reading->text, &address) != OK) {
        bool letters = strpbrk(reading->text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL;
        if (letters && hostname_parse(reading->text, HOSTNAME_PLAIN, name, &reason) == OK)
            return fail(reading, "an IPv4 or IPv6 address (a name belongs into `hostname`)");
        if (strchr(reading->text, '/') != NULL || strchr(reading->text, '@') != NULL)
            return fail(reading, "an IPv4 or IPv6 address alone, without length or port");
        return ERR_SYNTAX;
    }
    enum status status = check_address(reading, &address);
    if (status != OK) return status;
    bool specified = false;
    for (size_t i = 0; i < sizeof address.bytes; i++) specified |= address.bytes[i] != 0;
    if (!specified) return fail(reading, "the address of a host");
    reading->out->socket = (struct given_socket){.address = address};
    return OK;
}

/* As Linux takes them for names (dev_valid_name). */
static bool is_interface(const char *text, size_t size)
{
    if (size == 0 || size >= IF_NAMESIZE || strncmp(text, ".", size) == 0 || strncmp(text, "..", size) == 0) return false;
    for (size_t i = 0; i < size; i++)
        if (text[i] <= ' ' || text[i] == '/' || text[i] == ':' || text[i] == 127) return false;
    return true;
}

static enum status read_socket(struct reading *reading)
{
    char text[ADDRESS_TEXT_MAX];
    struct given_socket socket = {.port = (uint16_t)reading->option->minimum};
    if ((reading->option->flags & OPTION_NONE) != 0 && strcmp(reading->text, "none") == 0) {
        reading->out->socket = (struct given_socket){.port = 0};
        return OK;
    }
    size_t end = strcspn(reading->text, "@"), size = strcspn(reading->text, "@%");
    if (size >= sizeof text) return ERR_SYNTAX;
    if (size < end) {
        if ((reading->option->flags & OPTION_INTERFACE) == 0) return fail(reading, "an address without an interface");
        if (!is_interface(reading->text + size + 1, end - size - 1))
            return fail(reading, "the name of a network interface of 1 to %d bytes after the %%", IF_NAMESIZE - 1);
        memcpy(socket.interface, reading->text + size + 1, end - size - 1);
    }
    memcpy(text, reading->text, size);
    text[size] = '\0';
    if (address_parse(text, &socket.address) != OK) {
        const char *colon = strrchr(text, ':');
        if (reading->text[size] == '\0' && colon != NULL && (strchr(text, '.') != NULL || text[0] == '['))
            return fail(reading, "an address and a port with @ between them, as 192.0.2.1@53");
        return ERR_SYNTAX;
    }
    if (reading->text[end] == '@') {
        uint64_t port;
        if (read_digits(reading->text + end + 1, 65535, &port) != OK || port == 0)
            return fail(reading, "a port from 1 to 65535 after the @");
        socket.port = (uint16_t)port;
    }
    enum status status = check_address(reading, &socket.address);
    if (status == OK) reading->out->socket = socket;
    return status;
}

static enum status read_peer(struct reading *reading)
{
    char text[GIVEN_TEXT_MAX + 1];
    struct address address;
    uint64_t port = (uint64_t)reading->option->minimum;
    size_t size = strcspn(reading->text, "@");
    memcpy(text, reading->text, size);
    text[size] = '\0';
    if (reading->text[size] == '@' && (read_digits(reading->text + size + 1, 65535, &port) != OK || port == 0))
        return fail(reading, "a port from 1 to 65535 after the @");
    if (address_parse(text, &address) != OK) {
        char name[HOSTNAME_TEXT_MAX];
        const char *reason;
        if (strchr(text, ':') != NULL)
            return fail(reading, "a host and a port with @ between them, as 192.0.2.1@%.0f", reading->option->minimum);
        if (hostname_parse(text, HOSTNAME_PLAIN, name, &reason) != OK) return ERR_SYNTAX;
    } else {
        enum status status = check_address(reading, &address);
        if (status != OK) return status;
    }
    reading->out->peer = (struct given_peer){arena_text(reading->arena, text, size), (uint16_t)port};
    return OK;
}

/* IPv6 prefixes that are looked up as the IPv4 address they carry: 6to4 and Teredo, see router/atlas.h. */
static bool is_folded(const struct prefix *prefix)
{
    static const struct prefix sixtofour = {{FAMILY_IPV6, {0x20, 0x02}}, 16},
                               teredo = {{FAMILY_IPV6, {0x20, 0x01}}, 32};
    return prefix_covers(&sixtofour, prefix) || prefix_covers(&teredo, prefix);
}

static enum status read_any_prefix(struct reading *reading, unsigned longest6, struct prefix *out)
{
    enum status status = prefix_parse(reading->text, out);
    if (status == ERR_RANGE && prefix_parse_loose(reading->text, out) == OK) {
        char text[PREFIX_TEXT_MAX];
        prefix_format(out, text);
        return fail(reading, "a prefix without bits set beyond its length, as %s", text);
    }
    if (status == ERR_RANGE) return fail(reading, "a prefix length of at most 32 for IPv4, %u for IPv6", longest6);
    return status;
}

static enum status read_route(struct reading *reading)
{
    struct prefix prefix;
    enum status status = read_any_prefix(reading, 128, &prefix);
    if (status == OK && prefix.length == 0) return fail(reading, "a length above 0");
    if (status == OK) status = check_address(reading, &prefix.address);
    if (status == OK) reading->out->prefix = prefix;
    return status;
}

static enum status read_prefix(struct reading *reading)
{
    struct prefix prefix;
    enum status status = read_any_prefix(reading, 64, &prefix);
    if (status != OK) return status;
    if (prefix.address.family == FAMILY_IPV6 && prefix.length > 64)
        return fail(reading, "a prefix length of at most 64: the router looks at the upper half of IPv6 addresses");
    if (prefix.address.family == FAMILY_IPV6 && is_folded(&prefix))
        return fail(reading, "the IPv4 prefix that these addresses (6to4, Teredo) carry: they are looked up as IPv4");
    reading->out->prefix = prefix;
    return OK;
}

static enum status read_continent(struct reading *reading)
{
    static const char codes[][3] = {"AF", "AN", "AS", "EU", "NA", "OC", "SA"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strcmp(codes[i], reading->text) == 0) return read_text(reading);
    return ERR_SYNTAX;
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static enum status read_country(struct reading *reading)
{
    if (reading->size != 2 || !is_upper(reading->text[0]) || !is_upper(reading->text[1])) return ERR_SYNTAX;
    /* Two countries have a code but nobody living there, hence no point: Bouvet Island, Heard and McDonald Islands. */
    if (country_find(reading->text) == NULL && strcmp(reading->text, "BV") != 0 && strcmp(reading->text, "HM") != 0) {
        if (strcmp(reading->text, "UK") == 0) return fail(reading, "a country code of ISO 3166-1 (did you mean GB?)");
        return fail(reading, "a country code of ISO 3166-1");
    }
    return read_text(reading);
}

static enum status read_subdivision(struct reading *reading)
{
    if (reading->size < 1 || reading->size > 3) {
        if (reading->size > 3 && reading->text[2] == '-' && is_upper(reading->text[0]))
            return fail(reading, "the code without its country, as %s", reading->text + 3);
        return ERR_SYNTAX;
    }
    for (size_t i = 0; i < reading->size; i++)
        if (!is_upper(reading->text[i]) && !(reading->text[i] >= '0' && reading->text[i] <= '9')) return ERR_SYNTAX;
    return read_text(reading);
}

static enum status read_status_codes(struct reading *reading)
{
    char first[4] = "", last[4] = "";
    uint64_t from, to;
    size_t size = strcspn(reading->text, "-");
    if (size != 3 || (reading->size != 3 && reading->size != 7)) return ERR_SYNTAX;
    memcpy(first, reading->text, 3);
    memcpy(last, reading->size == 7 ? reading->text + 4 : reading->text, 3);
    if (read_digits(first, 599, &from) != OK || read_digits(last, 599, &to) != OK) return ERR_SYNTAX;
    if (from < 100 || to < from) return ERR_RANGE;
    reading->out->range = (struct given_range){(uint16_t)from, (uint16_t)to};
    return OK;
}

static enum status read_record_type(struct reading *reading)
{
    uint16_t type;
    if (record_type_parse(reading->text, &type) != OK) return ERR_SYNTAX;
    reading->out->integer = type;
    return OK;
}

/* libcurl will be given it, so libcurl says what a URL is; it looks nothing up here. */
static bool is_url(const char *text)
{
    CURLU *url = curl_url();
    char *host = NULL;
    bool good = url != NULL && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK && strlen(host) < HOSTNAME_TEXT_MAX;
    curl_free(host);
    curl_url_cleanup(url);
    return good;
}

static enum status read_url(struct reading *reading)
{
    if (strncmp(reading->text, "http://", 7) != 0 && strncmp(reading->text, "https://", 8) != 0) return ERR_SYNTAX;
    for (size_t i = 0; i < reading->size; i++)
        if (reading->text[i] <= ' ' || reading->text[i] > '~')
            return fail(reading, "a URL without spaces and letters beyond ASCII (%%20 stands for a space)");
    bool hostless =
        strstr(reading->text, "://")[3] == '/'; /* libcurl would take the first word of the path for the host */
    if (hostless || !is_url(reading->text))
        return fail(reading, "a URL with a host and, if any, a port from 1 to 65535");
    return read_text(reading);
}

static enum status read_origin(struct reading *reading)
{
    return read_hostname(reading, HOSTNAME_ORIGIN);
}

static enum status read_service(struct reading *reading)
{
    return read_hostname(reading, HOSTNAME_WILDCARD);
}

static enum status read_plain_hostname(struct reading *reading)
{
    return read_hostname(reading, HOSTNAME_PLAIN);
}

/* The types of values. `what` is the general sentence; given_expectation_one writes those with bounds in it. */
static const struct reader {
    enum status (*read)(struct reading *reading);
    const char *what;
} readers[] = {
    /* clang-format off */
    [OPTION_BOOLEAN] = {read_boolean, "true or false"},
    [OPTION_INTEGER] = {read_integer, NULL},
    [OPTION_NUMBER] = {read_number, NULL},
    [OPTION_TEXT] = {read_text, NULL},
    [OPTION_FILE] = {read_text, "a file name"},
    [OPTION_NAME] = {read_name, "a name of up to 63 characters of a-z 0-9 - . _"},
    [OPTION_WORD] = {read_word, NULL},
    [OPTION_ORIGIN] = {read_origin, "a domain name"},
    [OPTION_SERVICE] = {read_service, "a host name"},
    [OPTION_HOSTNAME] = {read_plain_hostname, "a host name"},
    [OPTION_ADDRESS] = {read_address, "an IPv4 or IPv6 address"},
    [OPTION_SOCKET] = {read_socket, NULL},
    [OPTION_PEER] = {read_peer, NULL},
    [OPTION_PREFIX] = {read_prefix, "an IPv4 or IPv6 prefix, as 192.0.2.0/24"},
    [OPTION_ROUTE] = {read_route, "an IPv4 or IPv6 prefix, as 192.0.2.0/24"},
    [OPTION_CONTINENT] = {read_continent, "a continent: AF AN AS EU NA OC SA"},
    [OPTION_COUNTRY] = {read_country, "a country code of two capital letters (ISO 3166-1)"},
    [OPTION_SUBDIVISION] = {read_subdivision,
                            "a code of one to three capital letters or digits (ISO 3166-2 without the country)"},
    [OPTION_STATUS_CODES] = {read_status_codes,
                             "a status code or a range of them from 100 to 599, as 200 or 200-299"},
    [OPTION_RECORD_TYPE] = {read_record_type, "a record type of the DNS, as A or TYPE65280"},
    [OPTION_URL] = {read_url, "a URL that begins with http:// or https://"},
    [OPTION_MAPPING] = {NULL, "a mapping (key: value)"},
    [OPTION_WEIGHTS] = {NULL, "a mapping from region names to weights"},
    /* clang-format on */
};

void given_expectation_one(const struct option *option, char out[GIVEN_EXPECTED_MAX])
{
    switch (option->type) {
    case OPTION_INTEGER:
        snprintf(out, GIVEN_EXPECTED_MAX, "%san integer from %.0f to %.0f",
                 (option->flags & OPTION_ALL) != 0 ? "all, or " : "", option->minimum, option->maximum);
        break;
    case OPTION_NUMBER:
        snprintf(out, GIVEN_EXPECTED_MAX, "a number from %.12g to %.12g", option->minimum, option->maximum);
        break;
    case OPTION_TEXT:
        snprintf(out, GIVEN_EXPECTED_MAX, "a text of 1 to %.0f bytes",
                 option->maximum > 0 ? option->maximum : GIVEN_TEXT_MAX);
        break;
    case OPTION_WORD: {
        size_t length = (size_t)snprintf(out, GIVEN_EXPECTED_MAX, "one of");
        for (size_t i = 0; option->words[i] != NULL && length < GIVEN_EXPECTED_MAX; i++)
            length += (size_t)snprintf(out + length, GIVEN_EXPECTED_MAX - length, "%s %s", i == 0 ? "" : ",",
                                       option->words[i]);
        break;
    }
    case OPTION_SOCKET:
        snprintf(out, GIVEN_EXPECTED_MAX, "ADDRESS@PORT, as 192.0.2.1@%.0f%s",
                 option->minimum > 0 ? option->minimum : 443, (option->flags & OPTION_NONE) != 0 ? ", or none" : "");
        break;
    case OPTION_PEER:
        snprintf(out, GIVEN_EXPECTED_MAX, "ADDRESS@PORT or HOST@PORT, as redis.example@%.0f", option->minimum);
        break;
    default: snprintf(out, GIVEN_EXPECTED_MAX, "%s", readers[option->type].what); break;
    }
}

void given_expectation(const struct option *option, char out[GIVEN_EXPECTED_MAX])
{
    if ((option->flags & OPTION_LIST) == 0) {
        given_expectation_one(option, out);
        return;
    }
    char one[GIVEN_EXPECTED_MAX];
    given_expectation_one(option, one);
    if (option->type == OPTION_MAPPING)
        snprintf(out, GIVEN_EXPECTED_MAX, "a list of mappings");
    else
        snprintf(out, GIVEN_EXPECTED_MAX, "%.250s, or a list of such", one);
}

enum status given_parse(const struct option *option, const char *text, size_t size, struct arena *arena,
                        union given_value *out, char expected[GIVEN_EXPECTED_MAX])
{
    struct reading reading = {option, text, size, arena, out, expected};
    if (size > GIVEN_TEXT_MAX) {
        fail(&reading, "at most %d bytes", GIVEN_TEXT_MAX);
        return ERR_RANGE;
    }
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return fail(&reading, "a value without control characters");
    given_expectation_one(option, expected);
    return readers[option->type].read(&reading);
}
