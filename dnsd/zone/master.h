/* master.h - zone files (RFC 1035 5) to records.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Entries, directives, owners, TTLs and classes are read here, so that every problem has its file and line; the RDATA of a type is
 * ldns's work. $INCLUDE is followed (relative to the file that says it); $GENERATE is refused. Home thread, or any one. */
#ifndef MERIDIAN_MASTER_H
#define MERIDIAN_MASTER_H

#include "dnsd/config/problems.h"
#include "dnsd/wire/name.h"
#include "dnsd/zone/buffer.h"

#define MASTER_INCLUDE_DEPTH_MAX 8
#define MASTER_FILE_MAX 256               /* files of one zone */
#define MASTER_TEXT_MAX (UINT32_C(1) << 30) /* bytes of one file */
#define MASTER_ENTRY_MAX (256 * 1024)     /* characters of one entry; 64 KiB of RDATA in hexadecimal */
#define TTL_MAX UINT32_C(0x7fffffff)      /* RFC 2181 8 */

struct record {
    uint32_t name;     /* offset in bytes: wire, lower case */
    uint32_t key;      /* offset in bytes: name_key */
    uint32_t rdata;    /* offset in bytes: uncompressed wire, as written */
    uint32_t ttl;
    uint32_t line;
    uint16_t key_size;
    uint16_t rdata_size;
    uint16_t type;
    uint16_t file; /* index into files */
};

struct records {
    struct buffer list;  /* struct record */
    struct buffer bytes;
    struct buffer files; /* char *, owned */
};

enum include { INCLUDE_FOLLOW, INCLUDE_REFUSE };

/* Read one zone's file, or its text (`path` is then for messages); `named` is where the file is named. What is wrong goes to `problems`; ERR_SYNTAX when there is
 * anything, ERR_IO when a file cannot be read, ERR_MEMORY, ERR_LIMIT. */
MUST_USE enum status master_read(const char *path, const struct problem_place *named, const struct name *origin,
                                 struct problems *problems, struct records *records);
MUST_USE enum status master_read_text(const char *path, const char *text, size_t size, const struct name *origin,
                                      enum include include, struct problems *problems, struct records *records);

/* Append one record that no file holds (a service's mark). */
MUST_USE enum status records_add(struct records *records, const struct record *record, const struct name *owner,
                                 const uint8_t *rdata);
static inline size_t records_count(const struct records *records)
{
    return records->list.size / sizeof(struct record);
}
static inline struct record *records_list(const struct records *records)
{
    return (struct record *)(void *)records->list.bytes;
}
/* Name a file that records may refer to; its index. */
MUST_USE enum status records_add_file(struct records *records, const char *path, uint16_t *index);
const char *records_file(const struct records *records, uint16_t file);
/* Forget all, keep the memory for the next zone. */
void records_reset(struct records *records);
void records_fini(struct records *records);

#endif
