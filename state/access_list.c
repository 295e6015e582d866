/* access_list.c - who may do what in the fleet's Redis servers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/access_list.h"

#include <stdio.h>
#include <string.h>

#include "state/redis_layout.h"

/* What a connection needs, and what reading takes (redis_link, redis_repair, order_post, and people with redis-cli). */
#define CONNECT "-@all +auth +select +ping +hello +client|setname +command|docs"
#define READ                                                                                                           \
    "+get +getrange +strlen +exists +pttl +type +hget +hgetall +hlen +hstrlen +hkeys +scard +smembers +srandmember "   \
    "+xlen +xrange +xrevrange +xread +memory|usage +psubscribe +punsubscribe +unsubscribe"

/* One selector: what, and on which key or channel. */
struct grant {
    const char *commands; /* "+hset +hdel" */
    const char *mark;     /* "~", "%R~", "&" */
    enum redis_key key;
    const char *owner; /* NULL: the user's name */
};

#define OWN_HASH "+hset +hdel +del +pexpire"

static const struct grant pop_grants[] = {
    {OWN_HASH, "~", REDIS_KEY_POP, NULL},          {OWN_HASH, "~", REDIS_KEY_PROBE, NULL},
    {OWN_HASH, "~", REDIS_KEY_REPORT, NULL},       {"+sadd", "~", REDIS_KEY_POPS, ""},
    {"+xadd", "~", REDIS_KEY_AUDIT, ""},           {"+xadd", "~", REDIS_KEY_HISTORY, "*"},
    {"+publish", "&", REDIS_KEY_CHANGED_POP, NULL}};
static const struct grant region_grants[] = {{OWN_HASH, "~", REDIS_KEY_LOAD, NULL},
                                             {"+xadd", "~", REDIS_KEY_HISTORY, NULL},
                                             {"+publish", "&", REDIS_KEY_CHANGED_LOAD, NULL}};
static const struct grant operator_grants[] = {{"+set +del", "~", REDIS_KEY_ORDER, "*"},
                                               {"+sadd +srem", "~", REDIS_KEY_ORDERS, ""},
                                               {"+xadd", "~", REDIS_KEY_AUDIT, ""},
                                               {"+publish", "&", REDIS_KEY_CHANGED_ORDER, NULL}};

static const struct role {
    const char *name;
    const struct grant *grants;
    size_t grant_count;
} roles[ACCESS_ROLE_COUNT] = {
    [ACCESS_POP] = {"pop", pop_grants, sizeof pop_grants / sizeof *pop_grants},
    [ACCESS_REGION] = {"region", region_grants, sizeof region_grants / sizeof *region_grants},
    [ACCESS_OPERATOR] = {"operator", operator_grants, sizeof operator_grants / sizeof *operator_grants},
    [ACCESS_READER] = {"reader", NULL, 0},
};

const char *access_role_name(enum access_role role)
{
    return roles[role].name;
}

static enum status append(char out[ACCESS_LINE_MAX], const char *text)
{
    size_t used = strlen(out);
    int size = snprintf(out + used, ACCESS_LINE_MAX - used, "%s", text);
    return size >= 0 && (size_t)size < ACCESS_LINE_MAX - used ? OK : ERR_LIMIT;
}

static enum status append_grant(const char *fleet, const char *name, const struct grant *grant,
                                char out[ACCESS_LINE_MAX])
{
    char key[REDIS_KEY_MAX], text[ACCESS_LINE_MAX];
    enum status status = redis_layout_key(fleet, grant->key, grant->owner != NULL ? grant->owner : name, key);
    if (status != OK) return status;
    snprintf(text, sizeof text, " (resetchannels -@all %s %s%s)", grant->commands, grant->mark, key);
    return append(out, text);
}

static bool hash_valid(const char *hash)
{
    return strlen(hash) == ACCESS_HASH_SIZE && strspn(hash, "0123456789abcdef") == ACCESS_HASH_SIZE;
}

enum status access_list_line(const char *fleet, const struct access_user *user, char out[ACCESS_LINE_MAX])
{
    const struct role *role = &roles[user->role];
    char channels[REDIS_KEY_MAX], line[ACCESS_LINE_MAX];
    if (!fact_name_valid(fleet) || !fact_name_valid(user->name)) return ERR_SYNTAX;
    if (user->hash != NULL && !hash_valid(user->hash)) return ERR_SYNTAX;
    enum status status = redis_layout_key(fleet, REDIS_KEY_CHANGED, "", channels);
    if (status != OK) return status;
    int size = snprintf(line, sizeof line, "user %s:%s %s%s resetkeys resetchannels %%R~meridian:%s:* &%s %s %s",
                        role->name, user->name, user->hash != NULL ? "on #" : "off",
                        user->hash != NULL ? user->hash : "", fleet, channels, CONNECT, READ);
    if (size < 0 || (size_t)size >= sizeof line) return ERR_LIMIT;
    for (size_t i = 0; i < role->grant_count && status == OK; i++)
        status = append_grant(fleet, user->name, &role->grants[i], line);
    if (status == OK) memcpy(out, line, sizeof line);
    return status;
}
