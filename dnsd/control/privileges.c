/* privileges.c - give up root after the sockets are bound.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static enum status failed(const char *call, char *error, size_t room)
{
    snprintf(error, room, "a user that can be become (%s: %s)", call, strerror(errno));
    return ERR_IO;
}

enum status privileges_drop(const char *user, char *error, size_t room)
{
    errno = 0;
    const struct passwd *entry = getpwnam(user);
    if (entry == NULL) {
        snprintf(error, room, "the name of a user of this machine");
        return ERR_NOT_FOUND;
    }
    uid_t uid = entry->pw_uid;
    gid_t gid = entry->pw_gid;
    if (geteuid() != 0) {
        if (geteuid() == uid) return OK;
        snprintf(error, room, "the user who starts it: only root can become another");
        return ERR_IO;
    }
    if (setgroups(0, NULL) != 0) return failed("setgroups", error, room);
    if (setresgid(gid, gid, gid) != 0) return failed("setresgid", error, room);
    if (setresuid(uid, uid, uid) != 0) return failed("setresuid", error, room);
    if (uid != 0 && setuid(0) == 0) {
        snprintf(error, room, "a user that can be become (root could be had back)");
        return ERR_IO;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("no_new_privs", error, room);
    return OK;
}
