/* document.h - a YAML text as a tree whose nodes know their lines, within bounds.
 * SPDX-License-Identifier: Apache-2.0
 *
 * libyaml's own document tree. Before it is built, the text's events are counted against the limits below:
 * libyaml has none of its own, and compares every anchor with every other. One thread at a time. */
#ifndef MERIDIAN_DOCUMENT_H
#define MERIDIAN_DOCUMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <yaml.h>

#include "dnsd/config/problems.h"
#include "router/status.h"

#define DOCUMENT_SIZE_MAX (16u << 20) /* bytes; every limit of the model used up takes about half */
#define DOCUMENT_NODE_MAX 1000000     /* about 100 bytes each while they are read */
#define DOCUMENT_DEPTH_MAX 16         /* the deepest key of the table lies at 8 */
#define DOCUMENT_ANCHOR_MAX 256       /* libyaml looks at all of them for each one */

/* Read one document. ERR_SYNTAX with a problem added for the first error (after it, a YAML text has no
 * meaning), ERR_LIMIT likewise, ERR_MEMORY. OK with a document of no nodes when the text is empty. The caller
 * yaml_document_deletes it. */
MUST_USE enum status document_read(const char *file, const char *text, size_t size, struct problems *problems,
                                   yaml_document_t *out);

static inline uint32_t document_line(const yaml_node_t *node)
{
    return (uint32_t)node->start_mark.line + 1;
}

/* A scalar without quotes and content, or the word for it (YAML 1.2, 10.2.1.1). */
bool document_is_null(const yaml_node_t *node);

#endif
