/* order_post.h - an operator's orders, written to every server of the fleet by the operator's own user.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   SET meridian:<fleet>:order:<id> <fact> PX <what is left>     SADD ...:orders <id>
 *   PUBLISH ...:changed:order:<operator> <fact>                  XADD ...:audit MAXLEN ~ AUDIT_STREAM_MAX * who ... what ...
 *
 * For the command line: each call makes its own loop, asks all servers at once and waits for at most ORDER_POST_MS. */
#ifndef MERIDIAN_ORDER_POST_H
#define MERIDIAN_ORDER_POST_H

#include "router/status.h"
#include "state/audit.h"
#include "state/fact.h"
#include "state/store.h"

#define ORDER_POST_MS 5000        /* a person waits */
#define AUDIT_STREAM_MAX "100000" /* entries, about; some 40 MB */
#define AUDIT_ID_MAX 44           /* of a stream: two numbers of 64 bits and a dash */

struct order_post {
    const struct store_server *servers; /* with the operator's user and password file; borrowed */
    size_t server_count;                /* 1..STORE_SERVER_MAX */
    const char *fleet;
    const char *key_file; /* NULL: none */
};

/* What one server said. */
struct order_receipt {
    char address[STORE_ADDRESS_MAX];
    enum status status;          /* OK: it is there and was announced */
    char error[STORE_ERROR_MAX]; /* also a warning with OK: that it could not be announced or written down */
};

/* Put an order (or its cancellation) and its entry of the audit trail on every server.
 *   receipts  server_count of them, written whatever is returned
 * OK when one server at least took it; ERR_IO: none did. ERR_IO, ERR_RANGE of the key file, with `error`. */
MUST_USE enum status order_post_write(const struct order_post *post, const struct fact *order,
                                      const struct audit_entry *entry, struct order_receipt receipts[STORE_SERVER_MAX],
                                      char error[STORE_ERROR_MAX]);
/* The newest that any server has of an order. ERR_NOT_FOUND: none has it; ERR_IO: none answered. */
MUST_USE enum status order_post_read(const struct order_post *post, const char *id, struct fact *out,
                                     struct order_receipt receipts[STORE_SERVER_MAX], char error[STORE_ERROR_MAX]);
/* Read the audit trail of the first server that answers: entries behind `since` (an id, "" from the beginning; of more than `limit`
 * the newest), oldest first. `since` is moved to the newest visited. Of several servers each has all that was written while it
 * could be reached. */
MUST_USE enum status order_post_audit(const struct order_post *post, char since[AUDIT_ID_MAX], size_t limit,
                                      void *context,
                                      void (*visit)(void *context, const char *id, const struct audit_entry *entry),
                                      struct order_receipt receipts[STORE_SERVER_MAX], char error[STORE_ERROR_MAX]);

/* Words of the XADD that writes an entry down, for whoever sends it: AUDIT_COMMAND_WORDS of them, borrowed from entry and key. */
#define AUDIT_COMMAND_WORDS (6 + 2 * AUDIT_FIELD_COUNT)
void audit_command(const char *key, const struct audit_entry *entry, const char *words[AUDIT_COMMAND_WORDS]);

#endif
