/* redis_link.c - one connection to one Redis server, kept up.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A connection's handle (struct wire) is allocated by itself and forgets the link when it is given up, so that there is one
 * way to lose a connection (link_lose) whatever state it is in, and a late callback finds nobody.
 *
 * Commands of one turn of the loop leave together: a prepare handle, active while something is queued, writes them just
 * before the loop waits. */
#include "state/redis_link.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/lookup.h"
#include "state/secret.h"
#include "state/socket_address.h"

#define RECEIVE_ROOM 65536
#define WORDS_MAX 15 /* of redis_link_ask */

struct wire {
    uv_tcp_t tcp;
    uv_connect_t connecting;
    struct redis_link *link; /* NULL: given up */
};

struct parcel { /* bytes on their way out */
    uv_write_t request;
    char bytes[];
};

struct waiting {
    redis_link_reply *callback;
    void *context;
    uint64_t sent_ns;
};

struct redis_link {
    uv_loop_t *loop;
    struct redis_link_settings settings;
    struct redis_link_listener listener;
    struct redis_link_view view;
    struct lookup lookup;
    uv_timer_t timer; /* the backoff, the deadline of what the state waits for, or of the oldest command */
    uv_prepare_t flush;
    unsigned open_handles; /* of these two; the link is freed with the last */
    bool last_look;        /* a deadline passed; what has arrived meanwhile is read first */
    bool asked_for_life;
    unsigned failures; /* in a row */
    unsigned attempt;
    uint64_t random;
    struct wire *wire;
    unsigned greetings; /* replies still to come */
    struct redis_reader *reader;
    struct waiting *queue; /* a ring */
    size_t queue_room;     /* a power of 2, or 0 */
    size_t queue_first;
    size_t queue_count;
    char *out; /* to be sent at the end of this turn */
    size_t out_size;
    size_t out_room;
    char received[RECEIVE_ROOM];
};

static void connect_begin(struct redis_link *link);
static void connect_found(struct redis_link *link);
static void on_timer(uv_timer_t *timer);
static void link_lose(struct redis_link *link, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int64_t now_of(const struct redis_link *link)
{
    return (int64_t)uv_now(link->loop);
}

static void enter(struct redis_link *link, enum redis_link_state state)
{
    bool turned = (state == REDIS_LINK_READY) != (link->view.state == REDIS_LINK_READY);
    link->view.state = state;
    if (turned) link->view.since_ms = now_of(link);
}

/* xorshift64* (Vigna 2016): jitter, nothing secret. */
static uint64_t random_next(struct redis_link *link)
{
    link->random ^= link->random >> 12;
    link->random ^= link->random << 25;
    link->random ^= link->random >> 27;
    return link->random * UINT64_C(0x2545f4914f6cdd1d);
}

static void timer_set(struct redis_link *link, uint64_t after_ms)
{
    link->last_look = false;
    uv_timer_start(&link->timer, on_timer, after_ms, 0);
}

/* ---- the queue of commands that wait for a reply ---- */

static enum status queue_reserve(struct redis_link *link)
{
    if (link->queue_count < link->queue_room) return OK;
    if (link->queue_count >= REDIS_WAITING_MAX) return ERR_LIMIT;
    size_t room = link->queue_room == 0 ? 64 : 2 * link->queue_room;
    struct waiting *queue = reallocarray(NULL, room, sizeof *queue);
    if (queue == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < link->queue_count; i++)
        queue[i] = link->queue[(link->queue_first + i) & (link->queue_room - 1)];
    free(link->queue);
    link->queue = queue;
    link->queue_room = room;
    link->queue_first = 0;
    return OK;
}

static struct waiting queue_take(struct redis_link *link)
{
    struct waiting waiting = link->queue[link->queue_first];
    link->queue_first = (link->queue_first + 1) & (link->queue_room - 1);
    link->queue_count--;
    return waiting;
}

/* Callbacks of commands that will not be answered. Bounded: a link that is not ready takes no new ones. */
static void queue_abandon(struct redis_link *link)
{
    while (link->queue_count > 0) {
        struct waiting waiting = queue_take(link);
        if (waiting.callback != NULL) waiting.callback(waiting.context, NULL);
    }
}

/* ---- losing ---- */

static void on_wire_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void wire_drop(struct redis_link *link)
{
    if (link->wire == NULL) return;
    link->wire->link = NULL;
    uv_close((uv_handle_t *)&link->wire->tcp, on_wire_closed);
    link->wire = NULL;
}

static void forget_connection(struct redis_link *link)
{
    wire_drop(link);
    redis_reader_free(link->reader);
    link->reader = NULL;
    link->out_size = 0;
    uv_prepare_stop(&link->flush);
}

static void error_keep(struct redis_link *link, const char *text)
{
    size_t i = 0;
    for (; text[i] != '\0' && i < sizeof link->view.error - 1; i++)
        link->view.error[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    link->view.error[i] = '\0';
    link->view.error_ms = now_of(link);
}

/* Half to one and a half of a time that doubles with every failure. */
static uint64_t backoff_ms(struct redis_link *link)
{
    uint64_t base = REDIS_BACKOFF_FIRST_MS;
    for (unsigned i = 1; i < link->failures && base < REDIS_BACKOFF_MAX_MS; i++) base *= 2;
    if (base > REDIS_BACKOFF_MAX_MS) base = REDIS_BACKOFF_MAX_MS;
    uint64_t wait_ms = base / 2 + random_next(link) % (base + 1);
    return wait_ms < REDIS_BACKOFF_MAX_MS ? wait_ms : REDIS_BACKOFF_MAX_MS;
}

/* The only way out of every state but closed. */
static void link_lose(struct redis_link *link, const char *format, ...)
{
    char reason[REDIS_LINK_ERROR_MAX];
    va_list arguments;
    if (link->view.state == REDIS_LINK_WAITING || link->view.state == REDIS_LINK_CLOSED) return;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    bool steady = link->view.state == REDIS_LINK_READY && now_of(link) - link->view.since_ms >= REDIS_STEADY_MS;
    link->failures = steady ? 1 : link->failures + (link->failures < 30);
    forget_connection(link);
    error_keep(link, reason);
    enter(link, REDIS_LINK_WAITING);
    timer_set(link, backoff_ms(link));
    queue_abandon(link);
    if (link->view.state != REDIS_LINK_CLOSED) link->listener.on_lost(link->listener.context, link->view.error);
}

void redis_link_drop(struct redis_link *link, const char *reason)
{
    link_lose(link, "%s", reason);
}

/* ---- time ---- */

/* The oldest command's deadline, or the next sign of life. */
static void watch_replies(struct redis_link *link)
{
    if (link->view.state != REDIS_LINK_READY && link->view.state != REDIS_LINK_GREETING) return;
    if (link->queue_count == 0) {
        /* while greeting, a subscription's own reply is still to come */
        if (link->view.state == REDIS_LINK_READY) uv_timer_stop(&link->timer);
        return;
    }
    uint64_t age_ms = (uv_hrtime() - link->queue[link->queue_first].sent_ns) / 1000000;
    timer_set(link, age_ms < REDIS_REPLY_MS ? REDIS_REPLY_MS - age_ms : 0);
}

static void ask_for_life(struct redis_link *link);

/* A deadline that passes while this loop was busy elsewhere says nothing of the server: its bytes may lie in our socket.
 * So the loop turns once more, through its sockets, before the connection is given up. */
static void on_timer(uv_timer_t *timer)
{
    struct redis_link *link = timer->data;
    bool subscriber = link->settings.pattern != NULL;
    if (link->view.state == REDIS_LINK_WAITING) {
        connect_begin(link);
        return;
    }
    if (link->view.state == REDIS_LINK_READY && subscriber && !link->asked_for_life) {
        ask_for_life(link);
        return;
    }
    if (!link->last_look) {
        uv_timer_start(&link->timer, on_timer, 1, 0);
        link->last_look = true;
        return;
    }
    switch (link->view.state) {
    case REDIS_LINK_RESOLVING: /* what was found before is better than nothing */
        if (link->lookup.count > 0) {
            connect_found(link);
            return;
        }
        link_lose(link, "no address of %s within %d ms", link->settings.host, REDIS_CONNECT_MS);
        break;
    case REDIS_LINK_CONNECTING: link_lose(link, "no connection within %d ms", REDIS_CONNECT_MS); break;
    case REDIS_LINK_GREETING: link_lose(link, "no answer to the greeting within %d ms", REDIS_CONNECT_MS); break;
    default: link_lose(link, "no reply within %d ms", subscriber ? REDIS_LIFE_MS : REDIS_REPLY_MS); break;
    }
}

/* ---- sending ---- */

static void on_written(uv_write_t *request, int status)
{
    struct wire *wire = request->handle->data;
    if (status != 0 && wire->link != NULL) link_lose(wire->link, "cannot send: %s", uv_strerror(status));
    free(request->data);
}

static void on_flush(uv_prepare_t *prepare)
{
    struct redis_link *link = prepare->data;
    uv_prepare_stop(prepare);
    if (link->wire == NULL || link->out_size == 0) return;
    struct parcel *parcel = malloc(sizeof *parcel + link->out_size);
    if (parcel == NULL) {
        link_lose(link, "out of memory");
        return;
    }
    parcel->request.data = parcel;
    memcpy(parcel->bytes, link->out, link->out_size);
    uv_buf_t buffer = uv_buf_init(parcel->bytes, (unsigned)link->out_size);
    int error = uv_write(&parcel->request, (uv_stream_t *)&link->wire->tcp, &buffer, 1, on_written);
    if (error != 0) {
        free(parcel);
        link_lose(link, "cannot send: %s", uv_strerror(error));
        return;
    }
    link->view.bytes_out += link->out_size;
    link->out_size = 0;
}

static enum status out_append(struct redis_link *link, const char *bytes, size_t size)
{
    size_t queued = link->wire->tcp.write_queue_size + link->out_size;
    if (size > REDIS_SEND_MAX || queued > REDIS_SEND_MAX - size) return ERR_LIMIT;
    if (link->out_size + size > link->out_room) {
        size_t room = link->out_room == 0 ? 4096 : link->out_room;
        while (room < link->out_size + size) room *= 2;
        char *larger = realloc(link->out, room);
        if (larger == NULL) return ERR_MEMORY;
        link->out = larger;
        link->out_room = room;
    }
    memcpy(link->out + link->out_size, bytes, size);
    link->out_size += size;
    uv_prepare_start(&link->flush, on_flush);
    return OK;
}

static enum status send_words(struct redis_link *link, const struct redis_command *command, redis_link_reply *callback,
                              void *context)
{
    char *bytes = NULL;
    /* hiredis' prototype lacks a const; it does not write to the words */
    const char **words = (const char **)(uintptr_t)command->words;
    enum status status = queue_reserve(link);
    if (status != OK) return status;
    int size = redisFormatCommandArgv(&bytes, (int)command->count, words, command->sizes);
    if (size < 0) return ERR_MEMORY;
    status = out_append(link, bytes, (size_t)size);
    redisFreeCommand(bytes);
    if (status != OK) return status;
    size_t place = (link->queue_first + link->queue_count++) & (link->queue_room - 1);
    link->queue[place] = (struct waiting){callback, context, uv_hrtime()};
    if (link->queue_count == 1) watch_replies(link);
    return OK;
}

bool redis_link_ready(const struct redis_link *link)
{
    return link->view.state == REDIS_LINK_READY;
}

enum status redis_link_send(struct redis_link *link, const struct redis_command *command, redis_link_reply *callback,
                            void *context)
{
    if (!redis_link_ready(link) || link->settings.pattern != NULL) return ERR_STATE;
    return send_words(link, command, callback, context);
}

enum status redis_link_ask(struct redis_link *link, redis_link_reply *callback, void *context, ...)
{
    const char *words[WORDS_MAX];
    size_t count = 0;
    va_list arguments;
    va_start(arguments, context);
    for (const char *word; (word = va_arg(arguments, const char *)) != NULL && count < WORDS_MAX;)
        words[count++] = word;
    va_end(arguments);
    return redis_link_send(link, &(struct redis_command){.count = count, .words = words}, callback, context);
}

/* Outside of the queue: a subscription's replies are messages among others. */
static void ask_for_life(struct redis_link *link)
{
    static const char ping[] = "*1\r\n$4\r\nPING\r\n";
    if (out_append(link, ping, sizeof ping - 1) != OK) {
        link_lose(link, "cannot send: too much waits");
        return;
    }
    link->asked_for_life = true;
    timer_set(link, REDIS_LIFE_MS);
}

/* ---- receiving ---- */

static void become_ready(struct redis_link *link)
{
    enter(link, REDIS_LINK_READY);
    link->view.connections++;
    link->asked_for_life = false;
    if (link->settings.pattern != NULL)
        timer_set(link, REDIS_LIFE_MS);
    else
        watch_replies(link);
    link->listener.on_ready(link->listener.context);
}

/* A user may be allowed everything that we need but PING. */
static void on_greeted(void *context, const redisReply *reply)
{
    struct redis_link *link = context;
    if (reply == NULL || link->view.state != REDIS_LINK_GREETING) return;
    if (reply->type == REDIS_REPLY_ERROR && !(link->greetings == 1 && redis_reply_is_error(reply, "NOPERM"))) {
        link_lose(link, "%.140s", reply->str);
        return;
    }
    if (--link->greetings == 0 && link->settings.pattern == NULL) become_ready(link);
}

/* A server or proxy that does not know AUTH may repeat its words, the password among them: only its first is told. */
static void on_authenticated(void *context, const redisReply *reply)
{
    struct redis_link *link = context;
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR && link->view.state == REDIS_LINK_GREETING)
        link_lose(link, "the password was refused: %.*s", (int)strspn(reply->str, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
                  reply->str);
    else
        on_greeted(context, reply);
}

static bool is_word(const redisReply *reply, const char *word)
{
    return redis_reply_is_text(reply, REDIS_STRING_MAX) && reply->len == strlen(word) &&
           memcmp(reply->str, word, reply->len) == 0;
}

/* RESP2: an array whose first element says what it is. A reply before the subscription's own is a greeting's. */
static void take_push(struct redis_link *link, const redisReply *reply)
{
    bool greeted = link->view.state == REDIS_LINK_READY;
    link->asked_for_life = false;
    if (greeted) timer_set(link, REDIS_LIFE_MS);
    if (reply->type == REDIS_REPLY_ERROR) {
        link_lose(link, "%.140s", reply->str);
    } else if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2) {
        link_lose(link, "what came over a subscription is no message");
    } else if (!greeted && is_word(reply->element[0], "psubscribe")) {
        become_ready(link);
    } else if (greeted && reply->elements == 4 && is_word(reply->element[0], "pmessage")) {
        link->view.messages++;
        link->listener.on_message(link->listener.context, reply->element[2], reply->element[3]);
    } else if (!greeted || !is_word(reply->element[0], "pong")) {
        link_lose(link, "what came over a subscription is no message");
    }
}

static void take_reply(struct redis_link *link, const redisReply *reply)
{
    if (link->settings.pattern != NULL && link->greetings == 0) {
        take_push(link, reply);
        return;
    }
    if (link->queue_count == 0) {
        link_lose(link, "a reply to nothing");
        return;
    }
    struct waiting waiting = queue_take(link);
    link->view.lag_us = (int64_t)((uv_hrtime() - waiting.sent_ns) / 1000);
    if (link->view.state == REDIS_LINK_READY) {
        link->view.commands++;
        if (reply->type == REDIS_REPLY_ERROR) {
            link->view.refused++;
            error_keep(link, reply->str);
        }
    }
    watch_replies(link);
    if (waiting.callback != NULL) waiting.callback(waiting.context, reply);
}

/* Every reply that is whole. The wire may be lost, even exchanged, by what a callback does. */
static void take_replies(struct redis_link *link)
{
    struct wire *wire = link->wire;
    while (link->wire == wire) {
        redisReply *reply;
        enum status status = redis_reader_next(link->reader, &reply);
        if (status != OK) {
            link_lose(link, status == ERR_LIMIT ? "a reply with too many elements" : "not the Redis protocol");
            return;
        }
        if (reply == NULL) return;
        take_reply(link, reply);
        freeReplyObject(reply);
    }
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct wire *wire = handle->data;
    (void)suggested;
    *buffer = wire->link == NULL ? uv_buf_init(NULL, 0) : uv_buf_init(wire->link->received, RECEIVE_ROOM);
}

static void on_received(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct wire *wire = stream->data;
    struct redis_link *link = wire->link;
    if (link == NULL || size == 0) return;
    if (size < 0) {
        link_lose(link, "%s", size == UV_EOF ? "the server closed the connection" : uv_strerror((int)size));
        return;
    }
    link->view.bytes_in += (uint64_t)size;
    if (redis_reader_feed(link->reader, buffer->base, (size_t)size) != OK)
        link_lose(link, "a reply of more than %u bytes", REDIS_REPLY_BYTES_MAX);
    else
        take_replies(link);
}

/* ---- greeting ---- */

static enum status greet(struct redis_link *link, const char *const *words, size_t count, redis_link_reply *callback)
{
    enum status status = send_words(link, &(struct redis_command){.count = count, .words = words}, callback, link);
    if (status == OK) link->greetings++;
    return status;
}

static enum status greet_password(struct redis_link *link)
{
    char password[REDIS_PASSWORD_MAX + 1];
    size_t size;
    if (link->settings.password_file == NULL) return OK;
    enum status status = secret_read(link->settings.password_file, password, sizeof password, &size);
    if (status != OK) {
        link_lose(link, "the password file cannot be read: %s", secret_reason(status));
        return status;
    }
    password[strcspn(password, "\r\n")] = '\0';
    const char *user = link->settings.user;
    const char *words[] = {"AUTH", user != NULL ? user : password, password};
    status = greet(link, words, user != NULL ? 3 : 2, on_authenticated);
    explicit_bzero(password, sizeof password);
    return status;
}

/* The greeting's deadline is that of its commands. */
static void greeting_begin(struct redis_link *link)
{
    char database[16];
    snprintf(database, sizeof database, "%u", (unsigned)link->settings.database);
    const char *select[] = {"SELECT", database};
    const char *ping[] = {"PING"};
    enter(link, REDIS_LINK_GREETING);
    link->greetings = 0;
    enum status status = redis_reader_new(&link->reader);
    if (status == OK) status = greet_password(link);
    if (status == OK && link->settings.database != 0) status = greet(link, select, 2, on_greeted);
    if (status == OK) status = greet(link, ping, 1, on_greeted);
    if (status == OK && link->settings.pattern != NULL) {
        char *bytes = NULL;
        const char *words[] = {"PSUBSCRIBE", link->settings.pattern};
        int size = redisFormatCommandArgv(&bytes, 2, words, NULL);
        status = size < 0 ? ERR_MEMORY : out_append(link, bytes, (size_t)size);
        if (size >= 0) redisFreeCommand(bytes);
    }
    if (status != OK) {
        link_lose(link, "out of memory");
        return;
    }
    timer_set(link, REDIS_CONNECT_MS);
}

/* ---- connecting ---- */

static void on_connected(uv_connect_t *request, int status)
{
    struct wire *wire = request->handle->data;
    struct redis_link *link = wire->link;
    if (link == NULL) return;
    if (status == 0) status = uv_read_start(request->handle, on_room, on_received);
    if (status != 0) {
        link_lose(link, "cannot connect: %s", uv_strerror(status));
        return;
    }
    uv_tcp_nodelay(&wire->tcp, 1);
    greeting_begin(link);
}

static void connect_to(struct redis_link *link, const struct sockaddr *address)
{
    struct wire *wire = calloc(1, sizeof *wire);
    if (wire == NULL || uv_tcp_init(link->loop, &wire->tcp) != 0) {
        free(wire);
        link_lose(link, "out of memory");
        return;
    }
    wire->tcp.data = wire;
    wire->link = link;
    link->wire = wire;
    enter(link, REDIS_LINK_CONNECTING);
    timer_set(link, REDIS_CONNECT_MS);
    int error = uv_tcp_connect(&wire->connecting, &wire->tcp, address, on_connected);
    if (error != 0) link_lose(link, "cannot connect: %s", uv_strerror(error));
}

/* To the next of the addresses that are known. */
static void connect_found(struct redis_link *link)
{
    struct sockaddr_storage storage;
    const struct lookup *lookup = &link->lookup;
    if (lookup->count == 0) {
        link_lose(link, "cannot look up %s: %s", link->settings.host,
                  lookup->error != NULL ? lookup->error : "not tried");
        return;
    }
    socket_address_fill(&lookup->addresses[link->attempt++ % lookup->count], link->settings.port, &storage);
    connect_to(link, (const struct sockaddr *)&storage);
}

static void on_looked_up(void *context)
{
    struct redis_link *link = context;
    if (link->view.state == REDIS_LINK_RESOLVING) connect_found(link);
}

static void connect_begin(struct redis_link *link)
{
    enter(link, REDIS_LINK_RESOLVING);
    timer_set(link, REDIS_CONNECT_MS);
    enum status status = lookup_refresh(&link->lookup);
    if (status != OK || link->lookup.request == NULL) connect_found(link);
}

/* ---- the link ---- */

enum status redis_link_open(uv_loop_t *loop, const struct redis_link_settings *settings,
                            struct redis_link_listener listener, struct redis_link **out)
{
    struct redis_link *link = calloc(1, sizeof *link);
    if (link == NULL) return ERR_MEMORY;
    link->loop = loop;
    link->settings = *settings;
    link->listener = listener;
    link->random = settings->seed | 1;
    link->view.error_ms = link->view.lag_us = -1;
    lookup_init(&link->lookup, loop, settings->host, on_looked_up, link);
    uv_timer_init(loop, &link->timer);
    uv_prepare_init(loop, &link->flush);
    link->timer.data = link->flush.data = link;
    link->open_handles = 2;
    link->view.state = REDIS_LINK_WAITING;
    link->view.since_ms = now_of(link);
    timer_set(link, 0);
    *out = link;
    return OK;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct redis_link *link = handle->data;
    if (--link->open_handles > 0) return;
    free(link->queue);
    free(link->out);
    free(link);
}

void redis_link_close(struct redis_link *link)
{
    if (link == NULL || link->view.state == REDIS_LINK_CLOSED) return;
    forget_connection(link);
    enter(link, REDIS_LINK_CLOSED);
    queue_abandon(link);
    lookup_fini(&link->lookup);
    uv_close((uv_handle_t *)&link->timer, on_handle_closed);
    uv_close((uv_handle_t *)&link->flush, on_handle_closed);
}

void redis_link_view(const struct redis_link *link, struct redis_link_view *out)
{
    *out = link->view;
    out->waiting = link->queue_count;
}

const char *redis_link_state_name(enum redis_link_state state)
{
    static const char *const names[] = {"waiting", "resolving", "connecting", "greeting", "ready", "closed"};
    return state <= REDIS_LINK_CLOSED ? names[state] : "unknown";
}
