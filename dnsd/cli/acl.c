/* acl.c - `meridian acl`: access lists of Redis for the fleet of a configuration.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Passwords are read from files and leave this program as hashes only. */
/* OpenSSL has a type of that name, router/status.h a value */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#undef ERR_STATE

#include "dnsd/cli/acl.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "dnsd/cli/command.h"
#include "dnsd/config/config.h"
#include "state/access_list.h"
#include "state/redis_link.h"

struct acl {
    const struct arguments *arguments;
    const char *fleet;
    FILE *out;
    FILE *err;
    json_t *lines; /* NULL: text */
    int result;
};

/* SHA-256 of the first line of a file. Returns false when there is no such file (which is no error) or no password in it. */
static bool hash_file(struct acl *acl, const char *path, char out[ACCESS_HASH_SIZE + 1])
{
    char password[REDIS_PASSWORD_MAX + 2];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        if (errno != ENOENT) {
            fprintf(acl->err, "meridian: %s: %s\n", path, strerror(errno));
            acl->result = EXIT_UNWELL;
        }
        return false;
    }
    bool read = fgets(password, sizeof password, file) != NULL;
    fclose(file);
    size_t length = read ? strcspn(password, "\r\n") : 0;
    bool sound = length > 0 && length <= REDIS_PASSWORD_MAX &&
                 EVP_Digest(password, length, digest, &size, EVP_sha256(), NULL) == 1 && 2 * size == ACCESS_HASH_SIZE;
    explicit_bzero(password, sizeof password);
    for (unsigned int i = 0; sound && i < size; i++) snprintf(out + 2 * i, 3, "%02x", digest[i]);
    if (!sound) {
        fprintf(acl->err, "meridian: %s: expected a password of 1 to %u characters in the first line\n", path,
                REDIS_PASSWORD_MAX);
        acl->result = EXIT_UNWELL;
    }
    return sound;
}

static void print_user(struct acl *acl, enum access_role role, const char *name)
{
    char path[4096], hash[ACCESS_HASH_SIZE + 1], line[ACCESS_LINE_MAX];
    const char *folder = acl->arguments->passwords;
    struct access_user user = {role, name, NULL};
    if (folder != NULL) {
        int size = snprintf(path, sizeof path, "%s/%s:%s", folder, access_role_name(role), name);
        if (size > 0 && (size_t)size < sizeof path && hash_file(acl, path, hash)) user.hash = hash;
    }
    if (access_list_line(acl->fleet, &user, line) != OK) {
        fprintf(acl->err, "meridian: %s: %s: expected a name of the characters a-z 0-9 - . _\n", access_role_name(role),
                name);
        acl->result = EXIT_USAGE;
    } else if (acl->lines != NULL) {
        json_array_append_new(acl->lines, json_string(line));
    } else {
        fprintf(acl->out, "%s\n", line);
    }
}

static void print_users(struct acl *acl, const struct config *config)
{
    const char *named[ACCESS_ROLE_COUNT] = {
        [ACCESS_POP] = acl->arguments->pop,
        [ACCESS_REGION] = acl->arguments->region,
        [ACCESS_OPERATOR] = acl->arguments->operator_name,
        [ACCESS_READER] = acl->arguments->reader,
    };
    bool any = false;
    for (unsigned role = 0; role < ACCESS_ROLE_COUNT; role++) {
        if (named[role] == NULL) continue;
        print_user(acl, (enum access_role)role, named[role]);
        any = true;
    }
    if (any) return;
    print_user(acl, ACCESS_POP, config->pop_name);
    for (size_t i = 0; i < config->model.region_count; i++)
        print_user(acl, ACCESS_REGION, config->model.regions[i].name);
}

int acl_run(const struct arguments *arguments, FILE *out, FILE *err)
{
    struct acl acl = {.arguments = arguments, .out = out, .err = err, .result = EXIT_WELL};
    struct problems problems;
    struct config *config = NULL;
    problems_init(&problems);
    enum status status = config_load(arguments->operand, &problems, &config);
    problems_fini(&problems);
    if (status != OK) {
        fprintf(err, "meridian: %s: cannot be read; `meridian check` says why\n", arguments->operand);
        return EXIT_UNWELL;
    }
    acl.fleet = config->fleet;
    if (arguments->json) acl.lines = json_array();
    print_users(&acl, config);
    if (acl.lines != NULL) {
        json_t *page = json_pack("{s:o}", "lines", acl.lines);
        json_dumpf(page, out, JSON_INDENT(2));
        fputc('\n', out);
        json_decref(page);
    }
    config_release(config);
    return acl.result;
}
