/* hostname.c - names of the DNS as a configuration writes them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/config/hostname.h"

#include <stdbool.h>
#include <string.h>

#include "router/address.h"

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* One label; NULL when it is fine, else what is wrong. */
static const char *check_label(const char *label, size_t length, enum hostname_form form)
{
    if (length == 0) return "without empty labels";
    if (length > HOSTNAME_LABEL_MAX) return "with labels of at most 63 characters";
    for (size_t i = 0; i < length; i++) {
        bool allowed = is_letter_or_digit(label[i]) || label[i] == '-' || label[i] == '_' ||
                       (form == HOSTNAME_ORIGIN && label[i] == '/');
        if (!allowed) return "of letters, digits, - and _ in labels";
    }
    if (label[0] == '-' || label[length - 1] == '-') return "with no - at the start or end of a label";
    return NULL;
}

enum status hostname_parse(const char *text, enum hostname_form form, char out[HOSTNAME_TEXT_MAX], const char **reason)
{
    size_t length = strnlen(text, HOSTNAME_TEXT_MAX + 1);
    char name[HOSTNAME_TEXT_MAX];
    if (form == HOSTNAME_ORIGIN && strcmp(text, ".") == 0) {
        out[0] = '\0';
        return OK;
    }
    if (length > 1 && text[length - 1] == '.') length--;
    if (length > HOSTNAME_TEXT_MAX - 1) {
        *reason = "of at most 253 characters";
        return ERR_SYNTAX;
    }
    for (size_t i = 0; i < length; i++) name[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
    name[length] = '\0';
    struct address address;
    if (address_parse(name, &address) == OK) {
        *reason = "rather than an address";
        return ERR_SYNTAX;
    }
    const char *label = name;
    if (form == HOSTNAME_WILDCARD && length > 2 && label[0] == '*' && label[1] == '.') label += 2;
    for (;;) {
        size_t size = strcspn(label, ".");
        *reason = check_label(label, size, form);
        if (*reason != NULL) return ERR_SYNTAX;
        if (label[size] == '\0') break;
        label += size + 1;
    }
    memcpy(out, name, length + 1);
    return OK;
}
