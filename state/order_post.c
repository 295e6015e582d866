/* order_post.c - an operator's orders, written to every server of the fleet.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One round: a link to each server, what is to be sent when it is ready, and an end when every server has answered, failed or
 * run out of time. */
#include "state/order_post.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "state/redis_layout.h"
#include "state/redis_link.h"
#include "state/seal.h"

#define TIDY_MAX "1024" /* ids that are looked at each time: REDIS_ORDERS_MAX */

struct round;

/* One server's part of a round. */
struct part {
    struct round *round;
    struct redis_link *link;
    struct order_receipt *receipt;
    size_t waiting; /* replies */
    bool ended;
};

struct round {
    const struct order_post *post;
    struct seal *seal;
    uv_loop_t loop;
    uv_timer_t deadline;
    size_t open;        /* parts that have not ended */
    bool stop_at_first; /* one good answer is enough */
    void (*begin)(struct part *part);
    /* what is asked and answered */
    char keys[3][REDIS_KEY_MAX];
    char text[FACT_TEXT_MAX + SEAL_SIZE];
    char ttl[16];
    const char *id;
    const struct audit_entry *entry;
    struct fact found;
    bool has_found;
    const char *since;
    char limit[24];
    char (*ids)[AUDIT_ID_MAX];
    struct audit_entry *read;
    size_t read_count;
    size_t read_limit;
    struct part parts[STORE_SERVER_MAX];
};

static void part_end(struct part *part, enum status status, const char *error)
{
    struct round *round = part->round;
    if (part->ended) return;
    part->ended = true;
    part->receipt->status = status;
    if (error != NULL) snprintf(part->receipt->error, sizeof part->receipt->error, "%s", error);
    redis_link_close(part->link);
    if (--round->open > 0 && !(round->stop_at_first && status == OK)) return;
    for (size_t i = 0; i < round->post->server_count; i++)
        if (!round->parts[i].ended) part_end(&round->parts[i], ERR_STATE, "not asked: another one answered");
    if (!uv_is_closing((uv_handle_t *)&round->deadline)) uv_close((uv_handle_t *)&round->deadline, NULL);
}

static void on_ready(void *context)
{
    struct part *part = context;
    part->round->begin(part);
}

static void on_lost(void *context, const char *reason)
{
    part_end(context, ERR_IO, reason);
}

static void on_deadline(uv_timer_t *timer)
{
    struct round *round = timer->data;
    for (size_t i = 0; i < round->post->server_count; i++)
        if (!round->parts[i].ended) part_end(&round->parts[i], ERR_TIMEOUT, "no answer in time");
}

/* Ask all servers. Receipts are written. */
static enum status round_run(struct round *round, struct order_receipt *receipts)
{
    const struct order_post *post = round->post;
    if (uv_loop_init(&round->loop) != 0) return ERR_IO;
    uv_timer_init(&round->loop, &round->deadline);
    round->deadline.data = round;
    uv_timer_start(&round->deadline, on_deadline, ORDER_POST_MS, 0);
    round->open = post->server_count;
    for (size_t i = 0; i < post->server_count; i++) {
        round->parts[i] = (struct part){.round = round, .receipt = &receipts[i]};
        receipts[i] = (struct order_receipt){.status = ERR_STATE};
        snprintf(receipts[i].address, sizeof receipts[i].address, "%s@%u", post->servers[i].host,
                 (unsigned)post->servers[i].port);
    }
    for (size_t i = 0; i < post->server_count; i++) {
        struct part *part = &round->parts[i];
        const struct store_server *server = &post->servers[i];
        struct redis_link_settings settings = {
            .host = server->host,
            .port = server->port,
            .user = server->user,
            .password_file = server->password_file,
            .database = server->database,
        };
        struct redis_link_listener listener = {.context = part, .on_ready = on_ready, .on_lost = on_lost};
        if (redis_link_open(&round->loop, &settings, listener, &part->link) != OK)
            part_end(part, ERR_MEMORY, "out of memory");
    }
    uv_run(&round->loop, UV_RUN_DEFAULT);
    uv_loop_close(&round->loop);
    for (size_t i = 0; i < post->server_count; i++)
        if (receipts[i].status == OK) return OK;
    return ERR_IO;
}

static enum status round_new(const struct order_post *post, struct round **out, char error[STORE_ERROR_MAX])
{
    struct round *round = calloc(1, sizeof *round);
    enum status status = round == NULL ? ERR_MEMORY : OK;
    snprintf(error, STORE_ERROR_MAX, "out of memory");
    if (status == OK) round->post = post;
    if (status == OK && post->key_file != NULL) {
        status = seal_open(post->key_file, &round->seal);
        if (status == ERR_IO)
            snprintf(error, STORE_ERROR_MAX, "key file %.60s: cannot be read: %.60s", post->key_file,
                     strerrordesc_np(errno));
        else if (status == ERR_RANGE)
            snprintf(error, STORE_ERROR_MAX, "key file %.60s: expected %d to %u bytes", post->key_file, SEAL_KEY_MIN,
                     SEAL_KEY_MAX);
    }
    if (status != OK) {
        free(round);
        return status;
    }
    *out = round;
    return OK;
}

static void round_free(struct round *round)
{
    seal_close(round->seal);
    free(round->ids);
    free(round->read);
    free(round);
}

/* A reply that says no, in words; NULL: it does not. */
static const char *refusal_of(const redisReply *reply)
{
    if (reply == NULL) return "the connection was lost";
    return reply->type == REDIS_REPLY_ERROR ? reply->str : NULL;
}

/* ---- writing ---- */

/* The order itself must be there. */
static void on_must(void *context, const redisReply *reply)
{
    struct part *part = context;
    const char *refusal = refusal_of(reply);
    if (part->ended) return;
    if (refusal != NULL)
        part_end(part, ERR_IO, refusal);
    else if (--part->waiting == 0)
        part_end(part, OK, NULL);
}

/* Others may hear of it later. */
static void on_may(void *context, const redisReply *reply)
{
    struct part *part = context;
    const char *refusal = refusal_of(reply);
    if (part->ended) return;
    if (refusal != NULL && reply != NULL)
        snprintf(part->receipt->error, sizeof part->receipt->error, "taken, but not announced or written down: %s",
                 refusal);
    if (--part->waiting == 0) part_end(part, OK, NULL);
}

static void on_tidied(void *context, const redisReply *reply)
{
    struct part *part = context;
    (void)reply; /* the next one tidies up, too */
    if (!part->ended && --part->waiting == 0) part_end(part, OK, NULL);
}

/* An id of the set whose order has ended is taken out of it: nobody else may. */
struct stale {
    struct part *part;
    char id[FACT_NAME_MAX];
};

static void on_exists(void *context, const redisReply *reply)
{
    struct stale *stale = context;
    struct part *part = stale->part;
    bool gone = reply != NULL && reply->type == REDIS_REPLY_INTEGER && reply->integer == 0;
    if (!part->ended && gone &&
        redis_link_ask(part->link, on_tidied, part, "SREM", part->round->keys[1], stale->id, NULL) == OK)
        part->waiting++;
    free(stale);
    if (!part->ended && --part->waiting == 0) part_end(part, OK, NULL);
}

static void on_ids(void *context, const redisReply *reply)
{
    struct part *part = context;
    if (part->ended) return;
    for (size_t i = 0; reply != NULL && reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        const redisReply *id = reply->element[i];
        char key[REDIS_KEY_MAX];
        struct stale *stale = calloc(1, sizeof *stale);
        if (stale == NULL) break;
        stale->part = part;
        bool sound = redis_reply_is_text(id, FACT_NAME_MAX - 1) && strlen(id->str) == id->len;
        if (sound) memcpy(stale->id, id->str, id->len);
        if (sound && redis_layout_key(part->round->post->fleet, REDIS_KEY_ORDER, stale->id, key) == OK &&
            redis_link_ask(part->link, on_exists, stale, "EXISTS", key, NULL) == OK)
            part->waiting++;
        else
            free(stale);
    }
    if (--part->waiting == 0) part_end(part, OK, NULL);
}

void audit_command(const char *key, const struct audit_entry *entry, const char *words[AUDIT_COMMAND_WORDS])
{
    words[0] = "XADD";
    words[1] = key;
    words[2] = "MAXLEN";
    words[3] = "~";
    words[4] = AUDIT_STREAM_MAX;
    words[5] = "*";
    audit_fields(entry, words + 6);
}

static void begin_write(struct part *part)
{
    struct round *round = part->round;
    const char *words[AUDIT_COMMAND_WORDS];
    char channel[REDIS_KEY_MAX];
    struct redis_place place = redis_layout_channel(&round->found, false);
    struct redis_command trail = {AUDIT_COMMAND_WORDS, words, NULL};
    enum status status = redis_layout_key(round->post->fleet, place.key, place.owner, channel);
    audit_command(round->keys[2], round->entry, words);
    if (status == OK)
        status = redis_link_ask(part->link, on_must, part, "SET", round->keys[0], round->text, "PX", round->ttl, NULL);
    part->waiting++;
    if (status == OK) status = redis_link_ask(part->link, on_must, part, "SADD", round->keys[1], round->id, NULL);
    part->waiting++;
    if (status == OK) status = redis_link_ask(part->link, on_may, part, "PUBLISH", channel, round->text, NULL);
    part->waiting++;
    if (status == OK) status = redis_link_send(part->link, &trail, on_may, part);
    part->waiting++;
    if (status == OK) status = redis_link_ask(part->link, on_ids, part, "SRANDMEMBER", round->keys[1], TIDY_MAX, NULL);
    part->waiting++;
    if (status != OK) part_end(part, status, status_name(status));
}

enum status order_post_write(const struct order_post *post, const struct fact *order, const struct audit_entry *entry,
                             struct order_receipt receipts[STORE_SERVER_MAX], char error[STORE_ERROR_MAX])
{
    struct round *round;
    struct audit_entry cleaned = *entry;
    audit_clean(&cleaned);
    enum status status = round_new(post, &round, error);
    if (status != OK) return status;
    round->begin = begin_write;
    round->found = *order;
    round->id = round->found.subject;
    round->entry = &cleaned;
    snprintf(round->ttl, sizeof round->ttl, "%u", (unsigned)order->ttl_ms);
    status = redis_layout_key(post->fleet, REDIS_KEY_ORDER, order->subject, round->keys[0]);
    if (status == OK) status = redis_layout_key(post->fleet, REDIS_KEY_ORDERS, "", round->keys[1]);
    if (status == OK) status = redis_layout_key(post->fleet, REDIS_KEY_AUDIT, "", round->keys[2]);
    if (status == OK) status = fact_encode(order, round->text, FACT_TEXT_MAX);
    if (status == OK && round->seal != NULL)
        status = seal_write(round->seal, round->keys[0], round->text, sizeof round->text);
    if (status != OK) {
        snprintf(error, STORE_ERROR_MAX, "the order cannot be written: %s", status_name(status));
    } else {
        status = round_run(round, receipts);
        if (status != OK) snprintf(error, STORE_ERROR_MAX, "no server took it");
    }
    round_free(round);
    return status;
}

/* ---- reading one ---- */

static void on_order(void *context, const redisReply *reply)
{
    struct part *part = context;
    struct round *round = part->round;
    struct fact fact;
    const char *refusal = refusal_of(reply);
    if (part->ended) return;
    if (refusal != NULL) {
        part_end(part, ERR_IO, refusal);
        return;
    }
    bool sound = redis_reply_is_text(reply, FACT_TEXT_MAX) &&
                 (round->seal == NULL || seal_holds(round->seal, round->keys[0], reply->str, reply->len)) &&
                 fact_decode(reply->str, reply->len, &fact) == OK && fact.kind == FACT_ORDER &&
                 strcmp(fact.subject, round->id) == 0;
    /* of two writers, the one that cancels; of one, the newest */
    if (sound && (!round->has_found || fact.order.cancelled ||
                  (strcmp(fact.writer, round->found.writer) == 0 && fact_newer(&fact, &round->found)))) {
        round->found = fact;
        round->has_found = true;
    }
    part_end(part, OK, sound ? NULL : "does not have it");
}

static void begin_read(struct part *part)
{
    enum status status = redis_link_ask(part->link, on_order, part, "GET", part->round->keys[0], NULL);
    if (status != OK) part_end(part, status, status_name(status));
}

enum status order_post_read(const struct order_post *post, const char *id, struct fact *out,
                            struct order_receipt receipts[STORE_SERVER_MAX], char error[STORE_ERROR_MAX])
{
    struct round *round;
    enum status status = round_new(post, &round, error);
    if (status != OK) return status;
    round->begin = begin_read;
    round->id = id;
    status = redis_layout_key(post->fleet, REDIS_KEY_ORDER, id, round->keys[0]);
    if (status == OK) status = round_run(round, receipts);
    if (status == OK && !round->has_found) {
        status = ERR_NOT_FOUND;
        snprintf(error, STORE_ERROR_MAX, "id: %.60s: there is no such order; it may have ended", id);
    } else if (status != OK) {
        snprintf(error, STORE_ERROR_MAX, "no server answered");
    }
    if (status == OK) *out = round->found;
    round_free(round);
    return status;
}

/* ---- the audit trail ---- */

/* An entry of XREVRANGE: [id, [name, value, ...]]. Hostile. The time is the id's. */
static bool read_entry(const redisReply *reply, char id[AUDIT_ID_MAX], struct audit_entry *entry)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) return false;
    const redisReply *number = reply->element[0], *fields = reply->element[1];
    if (!redis_reply_is_text(number, AUDIT_ID_MAX - 1) || fields->type != REDIS_REPLY_ARRAY) return false;
    if (strspn(number->str, "0123456789-") != number->len) return false;
    *entry = (struct audit_entry){.at_epoch_s = (int64_t)(strtoull(number->str, NULL, 10) / 1000)};
    memcpy(id, number->str, number->len + 1);
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const redisReply *name = fields->element[i], *value = fields->element[i + 1];
        if (!redis_reply_is_text(name, AUDIT_TEXT_MAX) || value->type != REDIS_REPLY_STRING) continue;
        audit_take_field(entry, name->str, value->str, value->len);
    }
    return true;
}

static void on_entries(void *context, const redisReply *reply)
{
    struct part *part = context;
    struct round *round = part->round;
    const char *refusal = refusal_of(reply);
    if (part->ended) return;
    if (refusal != NULL || reply->type != REDIS_REPLY_ARRAY) {
        part_end(part, ERR_IO, refusal != NULL ? refusal : "not a list");
        return;
    }
    round->read_count = 0;
    for (size_t i = 0; i < reply->elements && round->read_count < round->read_limit; i++)
        if (read_entry(reply->element[i], round->ids[round->read_count], &round->read[round->read_count]))
            round->read_count++;
    part_end(part, OK, NULL);
}

static void begin_audit(struct part *part)
{
    struct round *round = part->round;
    enum status status = redis_link_ask(part->link, on_entries, part, "XREVRANGE", round->keys[2], "+", round->since,
                                        "COUNT", round->limit, NULL);
    if (status != OK) part_end(part, status, status_name(status));
}

enum status order_post_audit(const struct order_post *post, char since[AUDIT_ID_MAX], size_t limit, void *context,
                             void (*visit)(void *context, const char *id, const struct audit_entry *entry),
                             struct order_receipt receipts[STORE_SERVER_MAX], char error[STORE_ERROR_MAX])
{
    struct round *round;
    char from[AUDIT_ID_MAX + 1];
    if (limit > AUDIT_RING_MAX) limit = AUDIT_RING_MAX;
    enum status status = round_new(post, &round, error);
    if (status != OK) return status;
    round->begin = begin_audit;
    round->stop_at_first = true;
    snprintf(from, sizeof from, "%s%s", since[0] != '\0' ? "(" : "-", since);
    round->since = from;
    round->read_limit = limit;
    snprintf(round->limit, sizeof round->limit, "%zu", limit);
    round->ids = calloc(limit + 1, sizeof *round->ids);
    round->read = calloc(limit + 1, sizeof *round->read);
    status = round->ids != NULL && round->read != NULL
                 ? redis_layout_key(post->fleet, REDIS_KEY_AUDIT, "", round->keys[2])
                 : ERR_MEMORY;
    if (status == OK) status = round_run(round, receipts);
    if (status != OK) snprintf(error, STORE_ERROR_MAX, "no server answered");
    for (size_t i = status == OK ? round->read_count : 0; i > 0; i--)
        visit(context, round->ids[i - 1], &round->read[i - 1]);
    if (status == OK && round->read_count > 0) memcpy(since, round->ids[0], AUDIT_ID_MAX);
    round_free(round);
    return status;
}
