/* given.h - one value of the configuration: as it was written, and what it means.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The table of options says how to read each (struct option); given_parse is the only reader, also of the
 * defaults, so that the reference page cannot tell another story than the code. Pure but for the arena. */
#ifndef MERIDIAN_GIVEN_H
#define MERIDIAN_GIVEN_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnsd/config/arena.h"
#include "router/address.h"
#include "router/status.h"

#define GIVEN_TEXT_MAX 2048    /* bytes of one value: a long URL */
#define GIVEN_EXPECTED_MAX 320 /* what was expected, in words */

enum option_type {
    OPTION_BOOLEAN,
    OPTION_INTEGER,
    OPTION_NUMBER,
    OPTION_TEXT,
    OPTION_FILE,    /* relative to the configuration file */
    OPTION_NAME,    /* of a region, an endpoint, a policy, a PoP */
    OPTION_WORD,    /* one of a few */
    OPTION_ORIGIN,  /* of a zone */
    OPTION_SERVICE, /* host name, "*." allowed in front */
    OPTION_HOSTNAME,
    OPTION_ADDRESS,
    OPTION_SOCKET, /* ADDRESS@PORT */
    OPTION_PEER,   /* the same or HOST@PORT; where we connect to */
    OPTION_PREFIX, /* of clients: of IPv6 at most 64 bits */
    OPTION_ROUTE,  /* a prefix of any length */
    OPTION_CONTINENT,
    OPTION_COUNTRY,
    OPTION_SUBDIVISION,
    OPTION_STATUS_CODES, /* "200" or "200-299" */
    OPTION_RECORD_TYPE,  /* of the DNS */
    OPTION_URL,
    /* of other values */
    OPTION_MAPPING,
    OPTION_WEIGHTS, /* a mapping from names to integers */
};

enum option_flag {
    OPTION_REQUIRED = 1,
    OPTION_LIST = 2, /* a list of these; of plain values also one alone */
    OPTION_NONE = 4, /* the word `none` is allowed too */
    OPTION_INTERFACE = 16, /* of an OPTION_SOCKET: a network interface may stand behind the address, with % between */
    OPTION_ALL = 8,  /* of an OPTION_INTEGER: the word `all` is allowed too, and means 0 */
};

struct shape;

/* One row of the table. */
struct option {
    const char *name;
    enum option_type type;
    unsigned flags; /* enum option_flag */
    size_t offset;  /* of its struct given, given_list, given_items or mapping in the declaration */
    double minimum; /* of a number; a port's stand-in when none is written (OPTION_SOCKET: 0, it must
                       be written) */
    double maximum;
    size_t count_minimum; /* of a list */
    size_t count_maximum;
    const char *const *words;  /* OPTION_WORD; NULL ends */
    const struct shape *shape; /* OPTION_MAPPING */
    const char *unit;          /* NULL: none */
    const char *preset;        /* the default, as it would be written (a list with ", " between); NULL: none */
    const char *otherwise;     /* the default in words where it follows from other values; NULL */
    const char *meaning;       /* one sentence */
};

/* What a mapping may hold. */
struct shape {
    const char *title;    /* of its section in the reference */
    const char *preamble; /* what stands before its keys there */
    size_t size;          /* of the struct that takes it; its first member is a struct origin */
    const struct option *options;
    size_t option_count;
};

/* Where something was written. */
struct origin {
    const char *key; /* dotted path; "" the document */
    uint32_t line;
    bool present;
};

struct given_socket {
    struct address address; /* FAMILY_NONE: the word `none` */
    uint16_t port;          /* 0: none written */
    char interface[IF_NAMESIZE]; /* "": any */
};

struct given_peer {
    const char *host; /* an address or a host name */
    uint16_t port;
};

struct given_range {
    uint16_t first;
    uint16_t last;
};

union given_value {
    bool flag;
    uint32_t integer; /* also OPTION_RECORD_TYPE, and the index of an OPTION_WORD */
    double number;
    const char *text; /* every kind of name or text, in its final form */
    struct given_socket socket;
    struct given_peer peer;
    struct prefix prefix;
    struct given_range range;
};

/* A value. Where nothing was written it holds the default; where that is NULL, zeros (text: NULL). */
struct given {
    const char *key;  /* dotted path; "" when nothing was written */
    const char *text; /* as written; "" when nothing was written */
    uint32_t line;
    bool present; /* written by the operator */
    bool valid;   /* false: written, but wrong (which has been said) */
    union given_value value;
};

struct given_list {
    struct origin origin;
    struct given *list;
    size_t count;
};

/* A list of mappings: `list` are count structs of the shape's size. */
struct given_items {
    struct origin origin;
    void *list;
    size_t count;
};

struct given_weight {
    struct given region;
    struct given weight;
};

struct given_weights {
    struct origin origin;
    struct given_weight *list;
    size_t count;
};

/* Read one value from its text. ERR_SYNTAX or ERR_RANGE with `expected` saying what was expected instead; names
 * and texts are kept in the arena. */
MUST_USE enum status given_parse(const struct option *option, const char *text, size_t size, struct arena *arena,
                                 union given_value *out, char expected[GIVEN_EXPECTED_MAX]);

/* What an option takes, in words: "an integer from 0 to 1000". For messages and the reference page. */
void given_expectation(const struct option *option, char out[GIVEN_EXPECTED_MAX]);
/* One of a list's elements rather than the list. */
void given_expectation_one(const struct option *option, char out[GIVEN_EXPECTED_MAX]);

#endif
