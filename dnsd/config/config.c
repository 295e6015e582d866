/* config.c - the configuration file, checked and turned into values.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   text -> document (libyaml's tree, within bounds) -> declaration (by the table) -> config (what values mean to each other)
 *
 * Two arenas: one is the configuration's own and lives as long as it, the other holds what only its building
 * needs. */
#include "dnsd/config/config.h"

#include <stdlib.h>
#include <string.h>

#include "dnsd/config/binder.h"
#include "dnsd/config/builder.h"
#include "dnsd/config/config_table.h"
#include "dnsd/config/digest.h"
#include "dnsd/config/document.h"
#include "dnsd/config/source_file.h"

/* What config_release gives back: the struct lies in its own arena. */
struct owned_config {
    struct config config;
    struct arena *arena;
};

static struct owned_config *owned_config_new(void)
{
    struct arena *arena = arena_new();
    if (arena == NULL) return NULL;
    struct owned_config *owned = arena_array(arena, 1, sizeof *owned);
    if (owned == NULL) {
        arena_free(arena);
        return NULL;
    }
    owned->arena = arena;
    owned->config.references = 1;
    return owned;
}

/* From the tree to the configuration. OK also when problems were added. */
static enum status build(const char *path, yaml_document_t *document, struct problems *problems, struct arena *scratch,
                         struct owned_config *owned)
{
    struct declaration *declaration = arena_array(scratch, 1, sizeof *declaration);
    struct given_policy *default_policy = arena_array(scratch, 1, sizeof *default_policy);
    if (declaration == NULL || default_policy == NULL) return ERR_MEMORY;
    struct binder binder = {
        .document = document,
        .file = owned->config.path,
        .problems = problems,
        .keep = owned->arena,
        .scratch = scratch,
    };
    enum status status = binder_bind(&binder, &config_table, declaration);
    if (status == OK) status = binder_preset(&binder, &config_table_policy, default_policy);
    if (status != OK) return status;
    struct builder builder = {
        .declaration = declaration,
        .default_policy = default_policy,
        .path = path,
        .file = owned->config.path,
        .problems = problems,
        .keep = owned->arena,
        .scratch = scratch,
        .config = &owned->config,
    };
    return builder_build(&builder);
}

enum status config_parse(const char *path, const char *text, size_t size, struct problems *problems,
                         struct config **out)
{
    size_t before = problems->count + problems->omitted;
    struct owned_config *owned = owned_config_new();
    struct arena *scratch = arena_new();
    enum status status = ERR_MEMORY;
    if (owned == NULL || scratch == NULL) goto free_arenas;
    const char *file = path != NULL ? path : "configuration";
    owned->config.path = arena_text(owned->arena, file, strlen(file));
    owned->config.digest = digest_bytes(DIGEST_START, text, size);

    yaml_document_t document;
    status = document_read(owned->config.path, text, size, problems, &document);
    if (status != OK) goto free_arenas;
    status = build(path, &document, problems, scratch, owned);
    yaml_document_delete(&document);

free_arenas:
    arena_free(scratch);
    if (status == OK && problems->count + problems->omitted == before) {
        *out = &owned->config;
        return OK;
    }
    if (owned != NULL) {
        problems_sort(problems, owned->config.path);
        arena_free(owned->arena);
    }
    if (status == ERR_MEMORY) return status; /* problems may be its echo: names that found no memory are alike */
    return problems->count + problems->omitted != before ? ERR_SYNTAX : status;
}

enum status config_load(const char *path, struct problems *problems, struct config **out)
{
    char *text;
    size_t size;
    const char *reason;
    enum status status = source_file_read(path, DOCUMENT_SIZE_MAX, &text, &size, &reason);
    if (status == ERR_LIMIT) {
        problems_add(problems, path, 0, "", "", "larger than %u bytes", DOCUMENT_SIZE_MAX);
        return ERR_SYNTAX;
    }
    if (status != OK) {
        problems_add(problems, path, 0, "", "", "cannot be read: %s", reason);
        return status == ERR_MEMORY ? ERR_MEMORY : ERR_IO;
    }
    status = config_parse(path, text, size, problems, out);
    free(text);
    return status;
}

struct config *config_hold(struct config *config)
{
    config->references++;
    return config;
}

void config_release(struct config *config)
{
    if (config == NULL || --config->references > 0) return;
    arena_free(((struct owned_config *)config)->arena); /* config is its first member */
}
