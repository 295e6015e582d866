/* entry.c - the text of a zone file as entries.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/zone/entry.h"

#include <string.h>

void entry_open(struct entry_reader *reader, const char *text, size_t size)
{
    *reader = (struct entry_reader){.text = text, .size = size, .line = 1};
}

void entry_close(struct entry_reader *reader)
{
    buffer_fini(&reader->joined);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void skip_line(struct entry_reader *reader)
{
    while (reader->at < reader->size && reader->text[reader->at] != '\n') reader->at++;
}

/* What has been seen of the entry so far. */
struct lexer {
    unsigned depth; /* of parentheses */
    bool quoted;
    bool something; /* more than blanks */
    const char *wrong;
};

/* One character that is not the end of the entry, into the joined text as a blank or as itself. */
static enum status take(struct entry_reader *reader, struct lexer *lexer, size_t entry_max)
{
    uint32_t unused;
    char c = reader->text[reader->at++];
    if (c == '\n') reader->line++;
    if (c == 0) lexer->wrong = "text without bytes of value 0";
    if (reader->joined.size >= entry_max) return ERR_LIMIT;
    if (lexer->quoted) {
        if (c == '"') lexer->quoted = false;
    } else if (c == '"') {
        lexer->quoted = lexer->something = true;
    } else if (c == ';') {
        skip_line(reader);
        return OK;
    } else if (c == '(') {
        lexer->depth++;
        lexer->something = true;
        c = ' ';
    } else if (c == ')') {
        if (lexer->depth == 0) lexer->wrong = "a '(' before this ')'";
        else lexer->depth--;
        c = ' ';
    } else if (is_blank(c) || c == '\n') {
        c = ' ';
    } else {
        lexer->something = true;
    }
    enum status status = buffer_add(&reader->joined, &c, 1, &unused);
    if (status != OK || c != '\\' || reader->at == reader->size || reader->text[reader->at] == '\n') return status;
    /* whatever follows a backslash means nothing here */
    if (reader->text[reader->at] == 0) lexer->wrong = "text without bytes of value 0";
    return buffer_add(&reader->joined, &reader->text[reader->at++], 1, &unused);
}

static enum status finish(struct entry_reader *reader, const struct lexer *lexer, struct entry *entry, const char **expected)
{
    uint32_t unused;
    const char *wrong = lexer->wrong;
    if (lexer->quoted) wrong = "a closing '\"' on the same line";
    else if (lexer->depth > 0) wrong = "a ')' for every '('";
    if (wrong != NULL) {
        *expected = wrong;
        return ERR_SYNTAX;
    }
    enum status status = buffer_add(&reader->joined, "", 1, &unused);
    if (status != OK) return status;
    entry->text = (const char *)reader->joined.bytes;
    entry->length = reader->joined.size - 1;
    return OK;
}

enum status entry_next(struct entry_reader *reader, size_t entry_max, struct entry *entry, const char **expected)
{
    struct lexer lexer = {.depth = 0};
    reader->joined.size = 0;
    entry->line = reader->line;
    entry->continued = reader->at < reader->size && is_blank(reader->text[reader->at]);
    while (reader->at < reader->size) {
        bool ends = reader->text[reader->at] == '\n' && lexer.depth == 0;
        if (!ends) {
            enum status status = take(reader, &lexer, entry_max);
            if (status == OK) continue;
            if (status == ERR_LIMIT) skip_line(reader);
            return status;
        }
        if (lexer.something || lexer.wrong != NULL) return finish(reader, &lexer, entry, expected);
        /* an empty line: the entry begins after it */
        reader->at++;
        reader->line++;
        reader->joined.size = 0;
        entry->line = reader->line;
        entry->continued = reader->at < reader->size && is_blank(reader->text[reader->at]);
    }
    if (!lexer.something && lexer.wrong == NULL && lexer.depth == 0) return ERR_NOT_FOUND;
    return finish(reader, &lexer, entry, expected);
}

bool entry_token(const char **text, struct token *token)
{
    const char *at = *text;
    while (*at == ' ') at++;
    if (*at == 0) return false;
    token->quoted = *at == '"';
    if (token->quoted) at++;
    token->text = at;
    while (*at != 0 && (token->quoted ? *at != '"' : *at != ' ')) at += at[0] == '\\' && at[1] != 0 ? 2 : 1;
    token->length = (size_t)(at - token->text);
    *text = token->quoted && *at == '"' ? at + 1 : at;
    return true;
}
