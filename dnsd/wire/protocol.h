/* protocol.h - the numbers of the DNS that this server knows by name.
 * SPDX-License-Identifier: Apache-2.0
 *
 * From the IANA registries; a type that needs no special treatment has no name here (RFC 3597). */
#ifndef MERIDIAN_PROTOCOL_H
#define MERIDIAN_PROTOCOL_H

/*    0           2           4        6        8        10       12
 *   +-----------+-----------+--------+--------+--------+--------+------------------------
 *   | id        | flags     | QD     | AN     | NS     | AR     | question name, type, class ...
 *   +-----------+-----------+--------+--------+--------+--------+------------------------ */
#define HEADER_SIZE 12
#define QUESTION_FIXED 4 /* type and class */
#define NAME_SIZE_MAX 255 /* RFC 1035 3.1, the root's byte included */
#define LABEL_SIZE_MAX 63
#define LABEL_COUNT_MAX 127 /* of one byte each, and the root */
#define POINTER_MAX 0x3fff

/* header flags */
#define FLAG_QR 0x8000
#define FLAG_OPCODE 0x7800
#define FLAG_AA 0x0400
#define FLAG_TC 0x0200
#define FLAG_RD 0x0100

#define OPCODE_NOTIFY 4 /* RFC 1996 */

enum rcode {
    RCODE_NOERROR = 0,
    RCODE_FORMERR = 1,
    RCODE_SERVFAIL = 2,
    RCODE_NXDOMAIN = 3,
    RCODE_NOTIMP = 4,
    RCODE_REFUSED = 5,
    RCODE_YXDOMAIN = 6,
    RCODE_NOTAUTH = 9,
    RCODE_BADVERS = 16 /* its upper bits live in the OPT record (RFC 6891 6.1.3) */
};

enum rr_type {
    TYPE_A = 1,
    TYPE_NS = 2,
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    TYPE_PTR = 12,
    TYPE_MX = 15,
    TYPE_TXT = 16,
    TYPE_AAAA = 28,
    TYPE_SRV = 33,
    TYPE_DNAME = 39,
    TYPE_OPT = 41,
    TYPE_DS = 43,
    TYPE_RRSIG = 46,
    TYPE_NSEC = 47,
    TYPE_TSIG = 250,
    TYPE_IXFR = 251,
    TYPE_AXFR = 252,
    TYPE_ANY = 255
};

enum rr_class { CLASS_IN = 1, CLASS_CH = 3, CLASS_ANY = 255 };

enum edns_option { OPTION_NSID = 3, OPTION_ECS = 8, OPTION_EDE = 15 };

enum ede_code { EDE_NONE = 0xffff, EDE_PROHIBITED = 18, EDE_NOT_AUTHORITATIVE = 20 };

#define EDNS_FIXED 11       /* an OPT record without options: root, type, class, TTL, size */
#define EDNS_FLAG_DO 0x8000
#define UDP_SIZE_MIN 512    /* RFC 1035 4.2.1, and the least an EDNS size can mean (RFC 6891 6.2.3) */

#endif
