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
        if (strcmp(left->listen[i].interface, right->listen[i].interface) != 0) return false;
    }
    return true;
}

static bool same_text(const char *left, const char *right)
{
    return strcmp(left != NULL ? left : "", right != NULL ? right : "") == 0;
}

static bool same_admin(const struct config *left, const struct config *right)
{
    return address_equal(&left->admin_address, &right->admin_address) && left->admin_port == right->admin_port;
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

size_t restart_keys(const struct config *in_use, const struct config *wanted, const char *out[CONTROL_RESTART_MAX])
{
    const struct {
        const char *key;
        bool same;
    } rows[CONTROL_RESTART_MAX] = {
        {"pop.name", same_text(in_use->pop_name, wanted->pop_name)},
        {"fleet", same_text(in_use->fleet, wanted->fleet)},
        {"listen", same_listen(in_use, wanted)},
        {"workers", in_use->workers == wanted->workers},
        {"user", same_text(in_use->user, wanted->user)},
        {"sandbox", in_use->sandbox == wanted->sandbox},
        {"admin", same_admin(in_use, wanted)},
        {"tcp", memcmp(&in_use->tcp, &wanted->tcp, sizeof in_use->tcp) == 0},
        {"state", same_state(in_use, wanted)},
    };
    size_t count = 0;
    for (size_t i = 0; i < CONTROL_RESTART_MAX; i++) {
        if (!rows[i].same) out[count++] = rows[i].key;
    }
    return count;
}

void restart_warn(const struct config *in_use, const struct config *wanted)
{
    const char *keys[CONTROL_RESTART_MAX];
    size_t count = restart_keys(in_use, wanted, keys);
    for (size_t i = 0; i < count; i++) {
        log_line(LOG_LEVEL_WARNING, "a changed key takes effect at the next start only", "key=%s", keys[i]);
    }
}
