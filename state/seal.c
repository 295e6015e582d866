/* seal.c - the fleet's common secret, and what it says of a fact's origin.
 * SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL has a type of that name, router/status.h a value */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#undef ERR_STATE

#include "state/seal.h"

#include <stdlib.h>
#include <string.h>

#include "state/secret.h"

#define MAC_SIZE 32
#define MEMBER ",\"mac\":\""
#define MEMBER_SIZE (sizeof MEMBER - 1)
#define MESSAGE_MAX 8192 /* a key's name and the largest fact */

struct seal {
    size_t size;
    char key[SEAL_KEY_MAX + 1];
};

enum status seal_open(const char *path, struct seal **out)
{
    struct seal *seal = calloc(1, sizeof *seal);
    if (seal == NULL) return ERR_MEMORY;
    enum status status = secret_read(path, seal->key, sizeof seal->key, &seal->size);
    if (status == ERR_LIMIT || (status == OK && seal->size < SEAL_KEY_MIN)) status = ERR_RANGE;
    if (status == OK)
        *out = seal;
    else
        seal_close(seal);
    return status;
}

void seal_close(struct seal *seal)
{
    if (seal == NULL) return;
    explicit_bzero(seal, sizeof *seal);
    free(seal);
}

/* The code of `text`, an object whose closing brace comes at once. */
static bool code_of(const struct seal *seal, const char *key, const char *text, size_t size, char out[2 * MAC_SIZE])
{
    unsigned char message[MESSAGE_MAX];
    unsigned char code[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    size_t key_size = strlen(key) + 1;
    if (key_size + size + 1 > sizeof message) return false;
    memcpy(message, key, key_size);
    memcpy(message + key_size, text, size);
    message[key_size + size] = '}';
    if (HMAC(EVP_sha256(), seal->key, (int)seal->size, message, key_size + size + 1, code, &length) == NULL)
        return false;
    if (length != MAC_SIZE) return false;
    for (size_t i = 0; i < MAC_SIZE; i++) {
        out[2 * i] = "0123456789abcdef"[code[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[code[i] & 15];
    }
    return true;
}

enum status seal_write(const struct seal *seal, const char *key, char *text, size_t room)
{
    char code[2 * MAC_SIZE];
    size_t size = strlen(text);
    if (size < 3 || text[0] != '{' || text[size - 1] != '}') return ERR_SYNTAX;
    if (size + SEAL_SIZE >= room || !code_of(seal, key, text, size - 1, code)) return ERR_LIMIT;
    char *at = text + size - 1;
    memcpy(at, MEMBER, MEMBER_SIZE);
    memcpy(at + MEMBER_SIZE, code, sizeof code);
    memcpy(at + MEMBER_SIZE + sizeof code, "\"}", 3);
    return OK;
}

bool seal_holds(const struct seal *seal, const char *key, const char *text, size_t size)
{
    char code[2 * MAC_SIZE];
    if (size < SEAL_SIZE + 2) return false;
    size_t rest = size - SEAL_SIZE - 1; /* without the closing brace, which code_of adds */
    const char *member = text + rest;
    if (memcmp(member, MEMBER, MEMBER_SIZE) != 0 || memcmp(text + size - 2, "\"}", 2) != 0) return false;
    return code_of(seal, key, text, rest, code) && CRYPTO_memcmp(code, member + MEMBER_SIZE, sizeof code) == 0;
}
