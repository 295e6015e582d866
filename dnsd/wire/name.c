/* name.c - domain names in wire form and as people write them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/wire/name.h"

#include <stdio.h>
#include <string.h>

#include "dnsd/wire/bytes.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* One character of text, escapes resolved. Returns how many characters it took, 0 when the escape is bad. */
static size_t take_character(const char *text, size_t length, uint8_t *out)
{
    if (text[0] != '\\') {
        *out = (uint8_t)text[0];
        return 1;
    }
    if (length < 2) return 0;
    if (!is_digit(text[1])) {
        *out = (uint8_t)text[1];
        return 2;
    }
    if (length < 4 || !is_digit(text[2]) || !is_digit(text[3])) return 0;
    int value = (text[1] - '0') * 100 + (text[2] - '0') * 10 + (text[3] - '0');
    if (value > 255) return 0;
    *out = (uint8_t)value;
    return 4;
}

enum status name_parse(const char *text, size_t length, const struct name *origin, struct name *out)
{
    static const struct name root = {.size = 1};
    const struct name *end = origin != NULL ? origin : &root;
    struct name name = {.size = 0};
    if (length == 0) return ERR_SYNTAX;
    if (length == 1 && text[0] == '@') {
        *out = *end;
        return OK;
    }
    if (length == 1 && text[0] == '.') {
        *out = root;
        return OK;
    }
    size_t size = 0;
    size_t label = 0; /* where the length byte of the open label is */
    bool open = false;
    for (size_t i = 0; i < length;) {
        if (text[i] == '.') {
            if (!open) return ERR_SYNTAX;
            open = false;
            i++;
            continue;
        }
        uint8_t byte;
        size_t taken = take_character(text + i, length - i, &byte);
        if (taken == 0) return ERR_SYNTAX;
        i += taken;
        if (!open) {
            if (size + 2 >= NAME_SIZE_MAX) return ERR_RANGE;
            label = size++;
            name.bytes[label] = 0;
            open = true;
        }
        if (name.bytes[label] == LABEL_SIZE_MAX || size + 1 >= NAME_SIZE_MAX) return ERR_RANGE;
        name.bytes[label]++;
        name.bytes[size++] = byte;
    }
    if (!open) end = &root; /* a final dot: complete */
    if (size + end->size > NAME_SIZE_MAX) return ERR_RANGE;
    memcpy(name.bytes + size, end->bytes, end->size);
    name.size = (uint8_t)(size + end->size);
    *out = name;
    return OK;
}

void name_format(const uint8_t *wire, char out[NAME_TEXT_SIZE])
{
    size_t at = 0;
    if (wire[0] == 0) out[at++] = '.';
    for (const uint8_t *label = wire; *label != 0; label += *label + 1) {
        if (at > 0) out[at++] = '.';
        for (uint8_t i = 1; i <= *label; i++) {
            uint8_t byte = label[i];
            if (byte == '.' || byte == '\\' || byte == '"' || byte == ';' || byte == '(' || byte == ')' || byte == '@' ||
                byte == '$') {
                out[at++] = '\\';
                out[at++] = (char)byte;
            } else if (byte > ' ' && byte < 0x7f) {
                out[at++] = (char)byte;
            } else {
                at += (size_t)snprintf(out + at, NAME_TEXT_SIZE - at, "\\%03u", byte);
            }
        }
    }
    out[at] = 0;
}

enum status name_take(const uint8_t *wire, size_t room, struct name *out)
{
    size_t size = 0;
    for (;;) {
        if (size >= room || size >= NAME_SIZE_MAX || wire[size] > LABEL_SIZE_MAX) return ERR_SYNTAX;
        if (wire[size] == 0) break;
        size += (size_t)wire[size] + 1;
    }
    size++;
    out->size = (uint8_t)size;
    memcpy(out->bytes, wire, size);
    return OK;
}

size_t name_size(const uint8_t *wire)
{
    const uint8_t *label = wire;
    while (*label != 0) label += *label + 1;
    return (size_t)(label - wire) + 1;
}

size_t name_labels(const uint8_t *wire, uint8_t offsets[LABEL_COUNT_MAX + 1])
{
    size_t count = 0;
    size_t at = 0;
    while (wire[at] != 0 && count < LABEL_COUNT_MAX) {
        offsets[count++] = (uint8_t)at;
        at += (size_t)wire[at] + 1;
    }
    offsets[count] = (uint8_t)at;
    return count;
}

void name_lower(struct name *name)
{
    for (size_t i = 0; i < name->size; i++) name->bytes[i] = bytes_lower(name->bytes[i]);
}

bool name_equal(const uint8_t *left, const uint8_t *right)
{
    size_t size = name_size(left);
    if (size != name_size(right)) return false;
    for (size_t i = 0; i < size; i++)
        if (bytes_lower(left[i]) != bytes_lower(right[i])) return false;
    return true;
}

bool name_within(const uint8_t *name, const uint8_t *ancestor)
{
    size_t size = name_size(name);
    size_t suffix = name_size(ancestor);
    const uint8_t *label = name;
    for (; size > suffix; size -= (size_t)*label + 1, label += *label + 1) {}
    return size == suffix && name_equal(label, ancestor);
}

bool name_is_wildcard(const uint8_t *wire)
{
    return wire[0] == 1 && wire[1] == '*';
}

size_t name_key(const uint8_t *wire, uint8_t out[NAME_KEY_MAX])
{
    uint8_t offsets[LABEL_COUNT_MAX + 1];
    size_t at = 0;
    for (size_t i = name_labels(wire, offsets); i-- > 0;) {
        const uint8_t *label = wire + offsets[i];
        for (uint8_t k = 1; k <= *label; k++) {
            uint8_t byte = bytes_lower(label[k]);
            if (byte <= 1) { /* 0 ends a label, so 0 and 1 become 1 1 and 1 2 */
                out[at++] = 1;
                out[at++] = (uint8_t)(byte + 1);
            } else {
                out[at++] = byte;
            }
        }
        out[at++] = 0;
    }
    return at;
}
