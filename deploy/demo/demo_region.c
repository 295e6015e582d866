/* demo_region.c - a region to play with: an HTTP server that knows its name and how many requests it is serving.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   demo_region NAME ADDRESS PORT
 *
 *   GET /health                    200 "ok"; what Meridian probes
 *   GET /metrics                   200 requests served and at work, as Prometheus reads them; what Meridian takes load from
 *   any /v1/...[?work_ms=N]        200 {"region": ..., "method": ..., "path": ..., "in_flight": N}, after N ms of pretended work
 *   else                           404
 *
 * One thread per connection, because pretended work sleeps; the demo needs tens of them, not thousands. SIGTERM or SIGINT ends
 * it. It is no part of Meridian's programs and includes nothing of them. */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CONNECTION_MAX 256 /* threads; more wait in the listen queue */
#define IDLE_S 30          /* without a byte; probes keep their connection alive between intervals */
#define WORK_MAX_MS 10000
#define BODY_MAX 1024
#define PATH_SHOWN_MAX 256

struct region {
    const char *name;
    atomic_uint in_flight;
    atomic_ullong requests; /* of /v1/ */
    atomic_uint working;    /* on those */
};

/* Copy what of a path is safe inside a JSON string; others become '?'. */
static void path_show(const char *path, char out[PATH_SHOWN_MAX])
{
    size_t size = 0;
    for (; path[size] != '\0' && size < PATH_SHOWN_MAX - 1; size++) {
        unsigned char byte = (unsigned char)path[size];
        out[size] = (byte < 0x20 || byte > 0x7e || byte == '"' || byte == '\\') ? '?' : (char)byte;
    }
    out[size] = '\0';
}

static void pretend_work(struct MHD_Connection *connection)
{
    const char *text = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "work_ms");
    long work_ms = text != NULL ? strtol(text, NULL, 10) : 0;
    if (work_ms <= 0) return;
    if (work_ms > WORK_MAX_MS) work_ms = WORK_MAX_MS;
    nanosleep(&(struct timespec){.tv_sec = work_ms / 1000, .tv_nsec = work_ms % 1000 * 1000000}, NULL);
}

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status, const char *type, const char *body)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(body), (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) return MHD_NO;
    enum MHD_Result result = MHD_add_response_header(response, "Content-Type", type);
    if (result == MHD_YES) result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result reply_metrics(struct MHD_Connection *connection, struct region *region)
{
    char body[BODY_MAX];
    snprintf(body, sizeof body,
             "# HELP demo_requests_total Requests of the API that were begun.\n"
             "# TYPE demo_requests_total counter\n"
             "demo_requests_total %llu\n"
             "# HELP demo_requests_running Requests of the API at work.\n"
             "# TYPE demo_requests_running gauge\n"
             "demo_requests_running %u\n",
             atomic_load(&region->requests), atomic_load(&region->working));
    return reply(connection, MHD_HTTP_OK, "text/plain; version=0.0.4", body);
}

/* libmicrohttpd calls this for the head of a request, for each piece of its body, and once more when all is there. */
static enum MHD_Result serve(void *context, struct MHD_Connection *connection, const char *path, const char *method,
                             const char *version, const char *piece, size_t *piece_size, void **request)
{
    struct region *region = context;
    (void)version;
    (void)piece;
    if (*request == NULL) {
        atomic_fetch_add(&region->in_flight, 1);
        *request = region; /* tells `finish` that it was counted */
        return MHD_YES;
    }
    if (*piece_size != 0) {
        *piece_size = 0; /* bodies are read and forgotten */
        return MHD_YES;
    }
    if (strcmp(path, "/health") == 0) return reply(connection, MHD_HTTP_OK, "text/plain", "ok\n");
    if (strcmp(path, "/metrics") == 0) return reply_metrics(connection, region);
    if (strncmp(path, "/v1/", 4) != 0) return reply(connection, MHD_HTTP_NOT_FOUND, "text/plain", "not found\n");
    atomic_fetch_add(&region->requests, 1);
    atomic_fetch_add(&region->working, 1);
    pretend_work(connection);
    atomic_fetch_sub(&region->working, 1);
    char shown_method[PATH_SHOWN_MAX], shown_path[PATH_SHOWN_MAX], body[BODY_MAX];
    path_show(method, shown_method);
    path_show(path, shown_path);
    snprintf(body, sizeof body, "{\"region\": \"%s\", \"method\": \"%s\", \"path\": \"%s\", \"in_flight\": %u}\n",
             region->name, shown_method, shown_path, atomic_load(&region->in_flight));
    return reply(connection, MHD_HTTP_OK, "application/json", body);
}

static void finish(void *context, struct MHD_Connection *connection, void **request,
                   enum MHD_RequestTerminationCode code)
{
    struct region *region = context;
    (void)connection;
    (void)code;
    if (*request != NULL) atomic_fetch_sub(&region->in_flight, 1);
    *request = NULL;
}

/* Names end up in JSON as they are. */
static bool name_valid(const char *name)
{
    return *name != '\0' && strlen(name) < 64 && name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-._")] == '\0';
}

static bool socket_address(const char *address, const char *port, struct sockaddr_storage *out)
{
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)out;
    char *end = NULL;
    unsigned long number = strtoul(port, &end, 10);
    if (*port == '\0' || *end != '\0' || number == 0 || number > 65535) return false;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, address, &ipv4->sin_addr) == 1) {
        ipv4->sin_family = AF_INET;
        ipv4->sin_port = htons((uint16_t)number);
        return true;
    }
    if (inet_pton(AF_INET6, address, &ipv6->sin6_addr) != 1) return false;
    ipv6->sin6_family = AF_INET6;
    ipv6->sin6_port = htons((uint16_t)number);
    return true;
}

int main(int argc, char **argv)
{
    struct region region = {.name = argc == 4 ? argv[1] : ""};
    struct sockaddr_storage address;
    if (argc != 4 || !name_valid(argv[1]) || !socket_address(argv[2], argv[3], &address)) {
        fprintf(stderr,
                "usage: demo_region NAME ADDRESS PORT\n  NAME of a-z 0-9 - . _, ADDRESS IPv4 or IPv6, PORT 1..65535\n");
        return 2;
    }
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ending, NULL); /* before libmicrohttpd's threads are made: they inherit it */

    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD;
    if (address.ss_family == AF_INET6) flags |= MHD_USE_IPv6;
    struct MHD_Daemon *daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, serve, &region, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
                         MHD_OPTION_NOTIFY_COMPLETED, finish, &region, MHD_OPTION_CONNECTION_LIMIT, CONNECTION_MAX,
                         MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_END);
    if (daemon == NULL) {
        fprintf(stderr, "demo_region: %s: cannot listen on %s port %s: %s\n", argv[1], argv[2], argv[3],
                strerror(errno));
        return 1;
    }
    int signal_number = 0;
    sigwait(&ending, &signal_number);
    MHD_stop_daemon(daemon);
    return 0;
}
