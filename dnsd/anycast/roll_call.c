/* roll_call.c - does each worker answer?
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/anycast/roll_call.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "state/question.h"

#define REPLY_MAX 4096
#define AGAIN_MS 500 /* a question that is open is asked again after this */
#define READ_MAX 8192 /* replies read in a turn; more than all workers are asked in several */

/* One question to one worker. */
struct call {
    struct question question;
    int64_t open_ms;  /* since when it is open; negative: it is not */
    int64_t sent_ms;
    bool answered; /* ever */
};

struct roll_call {
    int descriptor;
    size_t worker_count;
    uint16_t *ports;
    size_t question_count;
    struct call *calls; /* [worker * question_count + question] */
    int64_t next_ms;
    uint64_t asked;
};

enum status roll_call_open(const uint16_t *ports, size_t worker_count, struct roll_call **out)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct roll_call *call = calloc(1, sizeof *call);
    if (call == NULL) return ERR_MEMORY;
    call->worker_count = worker_count;
    call->ports = calloc(worker_count + 1, sizeof *call->ports);
    call->descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    enum status status = call->ports == NULL ? ERR_MEMORY : OK;
    if (status == OK && (call->descriptor < 0 || bind(call->descriptor, (const struct sockaddr *)&here, sizeof here) != 0)) status = ERR_IO;
    if (status != OK) {
        roll_call_close(call);
        return status;
    }
    memcpy(call->ports, ports, worker_count * sizeof *ports);
    *out = call;
    return OK;
}

void roll_call_close(struct roll_call *call)
{
    if (call == NULL) return;
    if (call->descriptor >= 0) close(call->descriptor);
    free(call->calls);
    free(call->ports);
    free(call);
}

/* ---- what is asked ---- */

/* The same but for the id? */
static bool same_question(const struct question *left, const struct question *right)
{
    return left->size == right->size && memcmp(left->bytes + 2, right->bytes + 2, left->size - 2) == 0;
}

/* What was known of the same question to the same worker. */
static struct call carried(const struct roll_call *call, size_t worker, const struct question *question)
{
    for (size_t i = 0; i < call->question_count; i++) {
        const struct call *before = &call->calls[worker * call->question_count + i];
        if (same_question(&before->question, question)) return *before;
    }
    return (struct call){.question = *question, .open_ms = -1};
}

enum status roll_call_set(struct roll_call *call, const struct roll_call_subject *subjects, size_t count)
{
    struct question questions[ROLL_CALL_QUESTION_MAX];
    if (count > ROLL_CALL_QUESTION_MAX) return ERR_LIMIT;
    for (size_t i = 0; i < count; i++) {
        enum status status = question_build(subjects[i].name, subjects[i].type, &questions[i]);
        if (status != OK) return status;
    }
    struct call *calls = calloc(call->worker_count * count + 1, sizeof *calls);
    if (calls == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < call->worker_count; i++)
        for (size_t j = 0; j < count; j++) calls[i * count + j] = carried(call, i, &questions[j]);
    free(call->calls);
    call->calls = calls;
    call->question_count = count;
    return OK;
}

/* ---- asking and hearing ---- */

static void judge(struct roll_call *call, size_t worker, const uint8_t *reply, size_t size)
{
    for (size_t i = 0; i < call->question_count; i++) {
        struct call *one = &call->calls[worker * call->question_count + i];
        unsigned rcode = 0;
        if (one->open_ms < 0) continue;
        enum question_reply word = question_judge(&one->question, reply, size, &rcode);
        if (word != QUESTION_ANSWERED && word != QUESTION_NO_RECORD) continue;
        one->open_ms = -1;
        one->answered = true;
        return;
    }
}

static void hear(struct roll_call *call)
{
    uint8_t reply[REPLY_MAX];
    for (size_t i = 0; i < READ_MAX; i++) {
        struct sockaddr_in from;
        socklen_t from_size = sizeof from;
        ssize_t size = recvfrom(call->descriptor, reply, sizeof reply, 0, (struct sockaddr *)&from, &from_size);
        if (size < 0) return;
        if (from.sin_addr.s_addr != htonl(INADDR_LOOPBACK)) continue;
        for (size_t j = 0; j < call->worker_count; j++)
            if (call->ports[j] == ntohs(from.sin_port)) judge(call, j, reply, (size_t)size);
    }
}

/* Ids are by chance: nobody else on this host may answer in a worker's place. */
static void ask(struct roll_call *call, size_t worker, struct call *one, int64_t now_ms)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(call->ports[worker])};
    if (one->open_ms < 0) {
        uint16_t id = (uint16_t)now_ms;
        if (getrandom(&id, sizeof id, GRND_NONBLOCK) != sizeof id) id = (uint16_t)(now_ms * 40503);
        question_set_id(&one->question, id);
        one->open_ms = now_ms;
    }
    one->sent_ms = now_ms;
    call->asked++;
    (void)sendto(call->descriptor, one->question.bytes, one->question.size, 0, (const struct sockaddr *)&to, sizeof to);
}

void roll_call_turn(struct roll_call *call, int64_t now_ms)
{
    hear(call);
    if (now_ms < call->next_ms) return;
    call->next_ms = now_ms + ROLL_CALL_EVERY_MS;
    for (size_t i = 0; i < call->worker_count; i++) {
        for (size_t j = 0; j < call->question_count; j++) {
            struct call *one = &call->calls[i * call->question_count + j];
            if (one->open_ms < 0 || now_ms - one->sent_ms >= AGAIN_MS) ask(call, i, one, now_ms);
        }
    }
}

void roll_call_answered(const struct roll_call *call, size_t question, int64_t now_ms, int64_t *out)
{
    for (size_t i = 0; i < call->worker_count; i++) {
        const struct call *one = &call->calls[i * call->question_count + question];
        out[i] = !one->answered ? -1 : one->open_ms >= 0 ? one->open_ms : now_ms;
    }
}

void roll_call_vouch(struct roll_call *call, size_t question)
{
    for (size_t i = 0; i < call->worker_count; i++) call->calls[i * call->question_count + question].answered = true;
}

uint64_t roll_call_asked(const struct roll_call *call)
{
    return call->asked;
}
