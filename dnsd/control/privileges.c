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

static enum status failed(const char *call, const char *user, char *error, size_t room)
{
    snprintf(error, room, "cannot become user \"%s\": %s: %s", user, call, strerror(errno));
    return ERR_IO;
}

enum status privileges_drop(const char *user, char *error, size_t room)
{
    errno = 0;
    const struct passwd *entry = getpwnam(user);
    if (entry == NULL) {
        snprintf(error, room, "user: \"%s\": no such user", user);
        return ERR_NOT_FOUND;
    }
    uid_t uid = entry->pw_uid;
    gid_t gid = entry->pw_gid;
    if (geteuid() != 0) {
        if (geteuid() == uid) return OK;
        snprintf(error, room, "cannot become user \"%s\" without being root", user);
        return ERR_IO;
    }
    if (setgroups(0, NULL) != 0) return failed("setgroups", user, error, room);
    if (setresgid(gid, gid, gid) != 0) return failed("setresgid", user, error, room);
    if (setresuid(uid, uid, uid) != 0) return failed("setresuid", user, error, room);
    if (uid != 0 && setuid(0) == 0) {
        snprintf(error, room, "cannot become user \"%s\": root could be had back", user);
        return ERR_IO;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("no_new_privs", user, error, room);
    return OK;
}
