/* document.c - a YAML text as a tree whose nodes know their lines, within bounds.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/config/document.h"

#include <stdlib.h>
#include <string.h>

/* What the events so far add up to. */
struct survey_state {
    const char *file;
    struct problems *problems;
    size_t documents;
    size_t nodes;
    size_t anchors;
    size_t depth;
    char *open[DOCUMENT_DEPTH_MAX]; /* anchors of the collections that are being read, NULL: without one */
};

static void add_syntax_problem(const char *file, const char *text, size_t size, struct problems *problems,
                               const yaml_parser_t *parser)
{
    size_t line = parser->problem_mark.line + 1;
    const char *problem = parser->problem != NULL ? parser->problem : "unreadable";
    if (parser->error == YAML_READER_ERROR) { /* gives an offset rather than a mark */
        line = 1;
        for (size_t i = 0; i < size && i < parser->problem_offset; i++) line += text[i] == '\n';
    }
    if (parser->context != NULL && parser->context_mark.line + 1 != line)
        problems_add(problems, file, (uint32_t)line, "", "", "not YAML: %s (%s, line %zu)", problem, parser->context,
                     parser->context_mark.line + 1);
    else if (parser->context != NULL)
        problems_add(problems, file, (uint32_t)line, "", "", "not YAML: %s (%s)", problem, parser->context);
    else
        problems_add(problems, file, (uint32_t)line, "", "", "not YAML: %s", problem);
}

static enum status refuse(struct survey_state *state, const yaml_event_t *event, const char *why, size_t limit)
{
    problems_add(state->problems, state->file, (uint32_t)event->start_mark.line + 1, "", "", why, limit);
    return ERR_LIMIT;
}

/* Opening of a list or mapping, with its anchor or NULL. */
static enum status enter(struct survey_state *state, const yaml_event_t *event, const yaml_char_t *anchor)
{
    if (state->depth == DOCUMENT_DEPTH_MAX)
        return refuse(state, event, "nested deeper than %zu levels", DOCUMENT_DEPTH_MAX);
    char *copy = NULL;
    if (anchor != NULL && (copy = strdup((const char *)anchor)) == NULL) return ERR_MEMORY;
    state->open[state->depth++] = copy;
    return OK;
}

static void leave(struct survey_state *state)
{
    if (state->depth == 0) return; /* libyaml pairs them; a slip there must not cost us the stack */
    state->depth--;
    free(state->open[state->depth]);
    state->open[state->depth] = NULL;
}

static enum status check_alias(struct survey_state *state, const yaml_event_t *event)
{
    const char *anchor = (const char *)event->data.alias.anchor;
    for (size_t i = 0; i < state->depth; i++) {
        if (state->open[i] == NULL || strcmp(state->open[i], anchor) != 0) continue;
        problems_add(state->problems, state->file, (uint32_t)event->start_mark.line + 1, "", anchor,
                     "an alias inside of its own anchor never ends");
        return ERR_SYNTAX;
    }
    return OK;
}

static enum status check_event(struct survey_state *state, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    enum status status = OK;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++state->documents > 1) return refuse(state, event, "a second document (---): one file holds %zu", 1);
        return OK;
    case YAML_ALIAS_EVENT: status = check_alias(state, event); break;
    case YAML_SCALAR_EVENT: anchor = event->data.scalar.anchor, tag = event->data.scalar.tag; break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor, tag = event->data.sequence_start.tag;
        status = enter(state, event, anchor);
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor, tag = event->data.mapping_start.tag;
        status = enter(state, event, anchor);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: leave(state); return OK;
    default: return OK;
    }
    if (status != OK) return status;
    if (tag != NULL) {
        problems_add(state->problems, state->file, (uint32_t)event->start_mark.line + 1, "", (const char *)tag,
                     "tags have no meaning here");
        return ERR_SYNTAX;
    }
    if (++state->nodes > DOCUMENT_NODE_MAX) return refuse(state, event, "more than %zu values", DOCUMENT_NODE_MAX);
    if (anchor != NULL && ++state->anchors > DOCUMENT_ANCHOR_MAX)
        return refuse(state, event, "more than %zu anchors", DOCUMENT_ANCHOR_MAX);
    return OK;
}

static enum status parser_open(yaml_parser_t *parser, const char *text, size_t size)
{
    if (yaml_parser_initialize(parser) == 0) return ERR_MEMORY;
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(parser, (const unsigned char *)text, size);
    return OK;
}

static enum status parser_failed(const char *file, const char *text, size_t size, struct problems *problems,
                                 const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR) return ERR_MEMORY;
    add_syntax_problem(file, text, size, problems, parser);
    return ERR_SYNTAX;
}

/* Run through all events, at most a few for each byte. */
static enum status check_limits(const char *file, const char *text, size_t size, struct problems *problems)
{
    struct survey_state state = {.file = file, .problems = problems};
    yaml_parser_t parser;
    enum status status = parser_open(&parser, text, size);
    if (status != OK) return status;
    bool ended = false;
    while (status == OK && !ended) {
        yaml_event_t event;
        if (yaml_parser_parse(&parser, &event) == 0) {
            status = parser_failed(file, text, size, problems, &parser);
            break;
        }
        ended = event.type == YAML_STREAM_END_EVENT;
        status = check_event(&state, &event);
        yaml_event_delete(&event);
    }
    while (state.depth > 0) leave(&state);
    yaml_parser_delete(&parser);
    return status;
}

enum status document_read(const char *file, const char *text, size_t size, struct problems *problems,
                          yaml_document_t *out)
{
    if (size > DOCUMENT_SIZE_MAX) {
        problems_add(problems, file, 0, "", "", "larger than %u bytes", DOCUMENT_SIZE_MAX);
        return ERR_LIMIT;
    }
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3, size -= 3; /* a byte order mark */
    enum status status = check_limits(file, text, size, problems);
    if (status != OK) return status;
    yaml_parser_t parser;
    status = parser_open(&parser, text, size);
    if (status != OK) return status;
    yaml_document_t document;
    if (yaml_parser_load(&parser, &document) == 0)
        status = parser_failed(file, text, size, problems, &parser);
    else
        *out = document;
    yaml_parser_delete(&parser);
    return status;
}

bool document_is_null(const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) return false;
    const char *text = (const char *)node->data.scalar.value;
    return text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}
