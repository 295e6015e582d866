/* question.c - one DNS question in bytes, and whether bytes answer it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/question.h"

#include <stdbool.h>
#include <string.h>

#define HEADER_SIZE 12
#define NAME_SIZE_MAX 255
#define LABEL_SIZE_MAX 63
#define FLAG_RESPONSE 0x80 /* in byte 2 */
#define FLAG_RECURSION_DESIRED 0x01
#define CLASS_IN 1

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* One character of a name, escaped or not. Returns how many bytes of text it took, 0 for a bad escape. */
static size_t character_parse(const char *text, uint8_t *out)
{
    if (text[0] != '\\') {
        *out = (uint8_t)text[0];
        return 1;
    }
    if (text[1] == '\0') return 0;
    if (!is_digit(text[1])) {
        *out = (uint8_t)text[1];
        return 2;
    }
    if (!is_digit(text[2]) || !is_digit(text[3])) return 0;
    int value = (text[1] - '0') * 100 + (text[2] - '0') * 10 + (text[3] - '0');
    if (value > UINT8_MAX) return 0;
    *out = (uint8_t)value;
    return 4;
}

/* Wire form into `out`, of which NAME_SIZE_MAX bytes are there. Returns its size, 0 for a bad name. */
static size_t name_write(const char *text, uint8_t *out)
{
    size_t size = 0;
    if (strcmp(text, ".") == 0)
        text++;
    else if (*text == '\0')
        return 0;
    while (*text != '\0') {
        size_t length_at = size++;
        while (*text != '\0' && *text != '.') {
            uint8_t byte;
            size_t taken = character_parse(text, &byte);
            if (taken == 0 || size - length_at > LABEL_SIZE_MAX || size >= NAME_SIZE_MAX - 1) return 0;
            out[size++] = byte;
            text += taken;
        }
        out[length_at] = (uint8_t)(size - length_at - 1);
        if (out[length_at] == 0) return 0;
        if (*text == '.') text++;
    }
    out[size++] = 0;
    return size;
}

enum status question_build(const char *name, uint16_t type, struct question *out)
{
    struct question question = {0};
    size_t name_size = name_write(name, question.bytes + HEADER_SIZE);
    if (name_size == 0) return ERR_SYNTAX;
    question.bytes[2] = FLAG_RECURSION_DESIRED; /* resolvers want it, authorities ignore it */
    question.bytes[5] = 1;                      /* QDCOUNT */
    uint8_t *end = question.bytes + HEADER_SIZE + name_size;
    end[0] = (uint8_t)(type >> 8);
    end[1] = (uint8_t)type;
    end[3] = CLASS_IN;
    question.size = HEADER_SIZE + name_size + 4;
    *out = question;
    return OK;
}

void question_set_id(struct question *question, uint16_t id)
{
    question->bytes[0] = (uint8_t)(id >> 8);
    question->bytes[1] = (uint8_t)id;
}

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

enum question_reply question_judge(const struct question *question, const uint8_t *reply, size_t size, unsigned *rcode)
{
    if (size < question->size || memcmp(reply, question->bytes, 2) != 0) {
        /* Servers may leave out the question when they could not read it or do not want to. */
        bool bare = size >= HEADER_SIZE && memcmp(reply, question->bytes, 2) == 0 && reply[4] == 0 && reply[5] == 0;
        if (!bare || (reply[2] & FLAG_RESPONSE) == 0 || (reply[3] & 0x0f) == 0) return QUESTION_FOREIGN;
        *rcode = reply[3] & 0x0f;
        return QUESTION_REFUSED;
    }
    if ((reply[2] & FLAG_RESPONSE) == 0) return QUESTION_FOREIGN;
    if (reply[4] != 0 || reply[5] != 1) return QUESTION_FOREIGN;
    /* Lengths of labels are below 'A', so folding case over the whole name is safe. */
    size_t name_end = question->size - 4;
    for (size_t i = HEADER_SIZE; i < name_end; i++)
        if (lower(reply[i]) != lower(question->bytes[i])) return QUESTION_FOREIGN;
    if (memcmp(reply + name_end, question->bytes + name_end, 4) != 0) return QUESTION_FOREIGN;
    *rcode = reply[3] & 0x0f;
    if (*rcode != 0) return QUESTION_REFUSED;
    return reply[6] != 0 || reply[7] != 0 ? QUESTION_ANSWERED : QUESTION_NO_RECORD;
}
