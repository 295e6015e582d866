/* restart.c - what a reload leaves as it was.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/restart.h"

#include <string.h>

#include "dnsd/log.h"

static bool same_listen(const struct config *left, const struct config *right)
{
    if (left->listen_count != right->listen_count) return false;
    for (size_t i = 0; i < left->listen_count; i++) {
        if (!address_equal(&left->listen[i].address, &right->listen[i].address)) return false;
        if (left->listen[i].port != right->listen[i].port) return false;
    }
    return true;
}

static bool same_text(const char *left, const char *right)
{
    return left == right || (left != NULL && right != NULL && strcmp(left, right) == 0);
}

static bool same_state(const struct config *left, const struct config *right)
{
    if (left->server_count != right->server_count || !same_text(left->key_file, right->key_file)) return false;
    for (size_t i = 0; i < left->server_count; i++) {
        const struct store_server *one = &left->servers[i], *other = &right->servers[i];
        if (!same_text(one->host, other->host) || one->port != other->port || one->database != other->database)
            return false;
        if (!same_text(one->user, other->user) || !same_text(one->password_file, other->password_file)) return false;
    }
    return true;
}

void restart_warn(const struct config *before, const struct config *after)
{
    const char *key = NULL;
    if (!same_listen(before, after)) key = "listen";
    if (before->workers != after->workers) key = "workers";
    if (memcmp(&before->tcp, &after->tcp, sizeof before->tcp) != 0) key = "tcp";
    if (!address_equal(&before->admin_address, &after->admin_address) || before->admin_port != after->admin_port) {
        key = "admin";
    }
    if (strcmp(before->user ? before->user : "", after->user ? after->user : "") != 0) key = "user";
    if (strcmp(before->pop_name, after->pop_name) != 0) key = "pop";
    if (strcmp(before->fleet, after->fleet) != 0) key = "fleet";
    if (!same_state(before, after)) key = "state";
    if (key == NULL) return;
    log_line(LOG_LEVEL_WARNING, "a changed key takes effect at the next start only", "key=%s", key);
}
