/* bgp_session.c - a neighbour's TCP connection.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/anycast/bgp_session.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dnsd/config/digest.h"
#include "state/socket_address.h"

#define CONNECT_TIMEOUT_MS 5000
#define TTL_MOST 255

/* One connection, apart from the session: it may take longer to close than the next one to begin. */
struct connection {
    uv_tcp_t tcp;
    uv_connect_t connect;
    struct bgp_session *session; /* NULL: left behind */
    uint8_t bytes[BGP_MESSAGE_MAX];
};

struct bgp_session {
    struct bgp_session_options options;
    struct bgp_peer peer;
    uv_loop_t *loop;
    uv_timer_t timer;
    struct connection *connection; /* NULL: none */
    char trouble[BGP_TROUBLE_MAX];
    enum bgp_state told_state;     /* `changed` knows of */
    uint64_t dice;
    bool closing;
};

struct letter {
    uv_write_t write;
    uint8_t bytes[];
};

static double draw(struct bgp_session *session)
{
    session->dice = session->dice * 6364136223846793005u + 1442695040888963407u;
    return (double)(session->dice >> 40) / (double)(1u << 24);
}

static int64_t now_of(const struct bgp_session *session)
{
    return (int64_t)uv_now(session->loop);
}

static void report(struct bgp_session *session)
{
    if (session->peer.state == session->told_state) return;
    session->told_state = session->peer.state;
    if (session->options.changed != NULL) session->options.changed(session->options.owner, &session->peer);
}

static void guard(const struct bgp_session *session, int descriptor)
{
    if (session->options.guard != NULL) session->options.guard(session->options.owner, descriptor);
}

/* What is in the way of a connection. */
static void note_trouble(struct bgp_session *session, const char *what, const char *why)
{
    snprintf(session->trouble, sizeof session->trouble, "%s: %s", what, why);
}

/* ---- closing ---- */

static void free_session(uv_handle_t *handle)
{
    struct bgp_session *session = handle->data;
    explicit_bzero(session->options.password, sizeof session->options.password);
    free(session);
}

static void free_connection(uv_handle_t *handle)
{
    free(handle->data);
}

static void leave(struct bgp_session *session)
{
    struct connection *connection = session->connection;
    session->connection = NULL;
    guard(session, -1);
    if (connection != NULL) {
        connection->session = NULL;
        uv_close((uv_handle_t *)&connection->tcp, free_connection);
    }
    bgp_peer_closed(&session->peer, now_of(session), draw(session));
    report(session);
}

/* ---- sending ---- */

static void free_letter(uv_write_t *write, int status)
{
    (void)status; /* a broken connection is seen by reading */
    free(write->data);
}

/* What the kernel does not take at once waits in a copy; `out` is bounded, and so is what a neighbour that reads nothing makes us keep. */
static void flush(struct bgp_session *session)
{
    struct bgp_peer *peer = &session->peer;
    struct connection *connection = session->connection;
    if (connection == NULL || peer->out_size == 0) return;
    if (uv_stream_get_write_queue_size((const uv_stream_t *)&connection->tcp) > 0 && !peer->closing) return;
    uv_buf_t whole = uv_buf_init((char *)peer->out, (unsigned)peer->out_size);
    int sent = uv_try_write((uv_stream_t *)&connection->tcp, &whole, 1);
    size_t done = sent > 0 ? (size_t)sent : 0;
    if (done < peer->out_size) {
        struct letter *letter = malloc(sizeof *letter + peer->out_size - done);
        if (letter == NULL) {
            peer->closing = true;
        } else {
            memcpy(letter->bytes, peer->out + done, peer->out_size - done);
            letter->write.data = letter;
            uv_buf_t rest = uv_buf_init((char *)letter->bytes, (unsigned)(peer->out_size - done));
            if (uv_write(&letter->write, (uv_stream_t *)&connection->tcp, &rest, 1, free_letter) != 0) free(letter);
        }
    }
    peer->out_size = 0;
}

static void follow(struct bgp_session *session)
{
    flush(session);
    if (session->peer.closing) leave(session);
    else report(session);
}

/* ---- receiving ---- */

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct connection *connection = handle->data;
    (void)suggested;
    *out = uv_buf_init((char *)connection->bytes, sizeof connection->bytes);
}

static void received(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct connection *connection = stream->data;
    struct bgp_session *session = connection->session;
    if (session == NULL || size == 0) return;
    if (size < 0) {
        note_trouble(session, "the connection ended", uv_strerror((int)size));
        leave(session);
        return;
    }
    bgp_peer_received(&session->peer, (const uint8_t *)buffer->base, (size_t)size, now_of(session));
    follow(session);
}

/* ---- connecting ---- */

static bool set_password(int descriptor, const struct bgp_session_options *options)
{
    struct tcp_md5sig key = {.tcpm_keylen = (uint16_t)strlen(options->password)};
    struct sockaddr_storage neighbour;
    if (options->password[0] == '\0') return true;
    socket_address_fill(&options->neighbour, options->port, &neighbour);
    memcpy(&key.tcpm_addr, &neighbour, sizeof neighbour);
    memcpy(key.tcpm_key, options->password, key.tcpm_keylen);
    return setsockopt(descriptor, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof key) == 0;
}

static bool set_ttl(int descriptor, const struct bgp_session_options *options)
{
    const int most = TTL_MOST;
    if (!options->ttl_security) return true;
    if (options->neighbour.family == FAMILY_IPV6)
        return setsockopt(descriptor, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &most, sizeof most) == 0 &&
               setsockopt(descriptor, IPPROTO_IPV6, IPV6_MINHOPCOUNT, &most, sizeof most) == 0;
    return setsockopt(descriptor, IPPROTO_IP, IP_TTL, &most, sizeof most) == 0 &&
           setsockopt(descriptor, IPPROTO_IP, IP_MINTTL, &most, sizeof most) == 0;
}

static bool prepare(struct bgp_session *session, struct connection *connection, int *descriptor)
{
    const struct bgp_session_options *options = &session->options;
    struct sockaddr_storage source;
    if (uv_fileno((const uv_handle_t *)&connection->tcp, descriptor) != 0) return false;
    if (!set_password(*descriptor, options)) {
        note_trouble(session, "no TCP MD5", strerror(errno));
        return false;
    }
    if (!set_ttl(*descriptor, options)) {
        note_trouble(session, "no ttl_security", strerror(errno));
        return false;
    }
    (void)uv_tcp_nodelay(&connection->tcp, 1);
    if (options->source.family == FAMILY_NONE) return true;
    socket_address_fill(&options->source, 0, &source);
    int failed = uv_tcp_bind(&connection->tcp, (const struct sockaddr *)&source, 0);
    if (failed != 0) note_trouble(session, "source", uv_strerror(failed));
    return failed == 0;
}

/* Without another word this end is the next hop of the session's family. */
static void set_next_hop(struct bgp_session *session, const struct connection *connection)
{
    struct bgp_settings *settings = &session->peer.settings;
    const struct bgp_settings *wanted = &session->options.settings;
    struct sockaddr_storage here;
    int size = sizeof here;
    if (uv_tcp_getsockname(&connection->tcp, (struct sockaddr *)&here, &size) != 0) return;
    if (here.ss_family == AF_INET && wanted->next_hop4.family == FAMILY_NONE) {
        settings->next_hop4 = (struct address){.family = FAMILY_IPV4};
        memcpy(settings->next_hop4.bytes, &((const struct sockaddr_in *)&here)->sin_addr, 4);
    }
    if (here.ss_family == AF_INET6 && wanted->next_hop6.family == FAMILY_NONE) {
        settings->next_hop6 = (struct address){.family = FAMILY_IPV6};
        memcpy(settings->next_hop6.bytes, &((const struct sockaddr_in6 *)&here)->sin6_addr, 16);
    }
}

static void connected(uv_connect_t *request, int status)
{
    struct connection *connection = request->data;
    struct bgp_session *session = connection->session;
    if (session == NULL) return;
    if (status == 0) status = uv_read_start((uv_stream_t *)&connection->tcp, give_buffer, received);
    if (status != 0) {
        note_trouble(session, "no connection", uv_strerror(status));
        leave(session);
        return;
    }
    session->trouble[0] = '\0';
    set_next_hop(session, connection);
    bgp_peer_connected(&session->peer, now_of(session));
    follow(session);
}

static void begin(struct bgp_session *session)
{
    const struct bgp_session_options *options = &session->options;
    struct connection *connection = malloc(sizeof *connection);
    struct sockaddr_storage to;
    int descriptor = -1;
    bgp_peer_connecting(&session->peer, now_of(session));
    if (connection == NULL || uv_tcp_init_ex(session->loop, &connection->tcp, options->neighbour.family == FAMILY_IPV6 ? AF_INET6 : AF_INET) != 0) {
        free(connection);
        leave(session);
        return;
    }
    connection->session = session;
    connection->tcp.data = connection->connect.data = connection;
    session->connection = connection;
    socket_address_fill(&options->neighbour, options->port, &to);
    bool ready = prepare(session, connection, &descriptor);
    if (!ready || uv_tcp_connect(&connection->connect, &connection->tcp, (const struct sockaddr *)&to, connected) != 0) {
        leave(session);
        return;
    }
    guard(session, descriptor);
    report(session);
}

/* ---- time ---- */

static void tick(uv_timer_t *timer)
{
    struct bgp_session *session = timer->data;
    struct bgp_wanted wanted = {.count = 0};
    bool well = false;
    int64_t now_ms = now_of(session);
    if (bgp_peer_wants_connection(&session->peer, now_ms)) begin(session);
    if (session->peer.state == BGP_CONNECT && now_ms - session->peer.since_ms > CONNECT_TIMEOUT_MS) {
        note_trouble(session, "no connection", "no answer");
        leave(session);
    }
    if (session->peer.state < BGP_OPEN_SENT) return;
    session->options.ask(session->options.owner, &wanted, &well);
    bgp_peer_tick(&session->peer, &wanted, well, now_ms);
    follow(session);
}

static void write_address(const struct address *address, char out[ADDRESS_TEXT_MAX])
{
    if (address->family == FAMILY_NONE) snprintf(out, ADDRESS_TEXT_MAX, "-");
    else address_format(address, out);
}

uint64_t bgp_session_digest(const struct bgp_session_options *options)
{
    const struct bgp_settings *settings = &options->settings;
    const struct address *const addresses[] = {&options->neighbour, &options->source, &settings->next_hop4, &settings->next_hop6};
    char text[128], address[ADDRESS_TEXT_MAX];
    int size = snprintf(text, sizeof text, "%lu %lu %lu %u %u %d ", (unsigned long)settings->local_as, (unsigned long)settings->peer_as,
                        (unsigned long)settings->router_id, (unsigned)settings->hold_time_s, (unsigned)options->port, (int)options->ttl_security);
    uint64_t digest = digest_bytes(DIGEST_START, text, (size_t)size);
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        write_address(addresses[i], address);
        digest = digest_bytes(digest, address, strlen(address) + 1);
    }
    digest = digest_bytes(digest, settings->communities, settings->community_count * sizeof *settings->communities);
    return digest_bytes(digest, options->password, strlen(options->password));
}

enum status bgp_session_open(uv_loop_t *loop, const struct bgp_session_options *options, struct bgp_session **out)
{
    struct bgp_session *session = calloc(1, sizeof *session);
    if (session == NULL) return ERR_MEMORY;
    session->options = *options;
    session->loop = loop;
    session->timer.data = session;
    session->dice = uv_hrtime();
    bgp_peer_init(&session->peer, &options->settings, (int64_t)uv_now(loop));
    if (uv_timer_init(loop, &session->timer) != 0) {
        free(session);
        return ERR_IO;
    }
    uv_timer_start(&session->timer, tick, 0, BGP_TICK_MS);
    *out = session;
    return OK;
}

enum status bgp_session_resume(uv_loop_t *loop, const struct bgp_session_options *options, int take_descriptor,
                               const struct bgp_resumption *before, struct bgp_session **out)
{
    struct connection *connection = calloc(1, sizeof *connection);
    struct bgp_session *session;
    enum status status = connection != NULL ? bgp_session_open(loop, options, &session) : ERR_MEMORY;
    if (status != OK || uv_tcp_init(loop, &connection->tcp) != 0) {
        close(take_descriptor);
        free(connection);
        if (status == OK) *out = session; /* it begins anew */
        return status;
    }
    connection->tcp.data = connection->connect.data = connection;
    connection->session = session;
    session->connection = connection;
    *out = session;
    if (uv_tcp_open(&connection->tcp, take_descriptor) != 0 || uv_read_start((uv_stream_t *)&connection->tcp, give_buffer, received) != 0) {
        note_trouble(session, "no connection", "the one before cannot be taken over");
        leave(session);
        return OK;
    }
    bgp_peer_resume(&session->peer, before, now_of(session));
    guard(session, take_descriptor);
    report(session);
    return OK;
}

bool bgp_session_suspend(struct bgp_session *session, int *descriptor, struct bgp_resumption *out)
{
    if (session->connection == NULL) return false;
    flush(session);
    if (uv_stream_get_write_queue_size((const uv_stream_t *)&session->connection->tcp) > 0) return false;
    return uv_fileno((const uv_handle_t *)&session->connection->tcp, descriptor) == 0 && bgp_peer_suspend(&session->peer, out);
}

void bgp_session_abandon(struct bgp_session *session)
{
    if (session == NULL || session->closing) return;
    session->closing = true;
    session->options.changed = NULL;
    leave(session);
    uv_timer_stop(&session->timer);
    uv_close((uv_handle_t *)&session->timer, free_session);
}

const struct bgp_peer *bgp_session_peer(const struct bgp_session *session)
{
    return &session->peer;
}

void bgp_session_poke(struct bgp_session *session)
{
    if (!session->closing) tick(&session->timer);
}

const char *bgp_session_trouble(const struct bgp_session *session)
{
    return session->trouble;
}

void bgp_session_close(struct bgp_session *session, const char *reason)
{
    if (session == NULL || session->closing) return;
    session->closing = true;
    session->options.changed = NULL;
    bgp_peer_stop(&session->peer, BGP_CEASE_SHUTDOWN, reason);
    flush(session);
    leave(session);
    uv_timer_stop(&session->timer);
    uv_close((uv_handle_t *)&session->timer, free_session);
}
