/* test_probe_tls.c - HTTPS probes: certificates, names, and servers that are not what they say.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The openssl command makes the certificates in a temporary directory; libmicrohttpd serves them from its
 * own threads. */
#include <microhttpd.h>
#include <unistd.h>

#include "tests/unit/state/peer.h"

#define TIMEOUT_MS 3000 /* generous: handshakes under a sanitizer on a busy machine */

static char directory[] = "/tmp/meridian-tls-XXXXXX";
static char ca_file[128], other_ca_file[128];

/* $1: days of validity of the expired one. Names are in the subject alternative name, as verifiers want them. */
static const char script[] =
    "set -e; cd '%s'\n"
    "authority() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj \"/CN=$1\" "
    "-keyout $1.key -out $1.pem; }\n"
    "server() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj \"/CN=$1\" -keyout $1.key -out "
    "$1.csr; "
    "printf \"subjectAltName=$2\\n\" > $1.ext; "
    "openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days $3 -extfile $1.ext -out $1.pem; }\n"
    "authority ca; authority other\n"
    "server good DNS:api.example.com 2\n"
    "server address IP:127.0.0.1 2\n"
    "server expired DNS:api.example.com -1\n";

static int make_certificates(void **state)
{
    (void)state;
    char command[4096], text[3072];
    if (mkdtemp(directory) == NULL) return -1;
    snprintf(text, sizeof text, script, directory);
    snprintf(command, sizeof command, "%s", text);
    snprintf(ca_file, sizeof ca_file, "%s/ca.pem", directory);
    snprintf(other_ca_file, sizeof other_ca_file, "%s/other.pem", directory);
    FILE *shell = popen("sh > /dev/null 2>&1", "w");
    if (shell == NULL) return -1;
    fputs(command, shell);
    return pclose(shell);
}

static int remove_certificates(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command);
}

static char *file_read(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = calloc(1, 8192);
    assert_non_null(text);
    assert_in_range(fread(text, 1, 8191, file), 1, 8191);
    fclose(file);
    return text;
}

struct server {
    struct MHD_Daemon *daemon;
    char *certificate, *key;
    unsigned status;
    uint16_t port;
    char host[128]; /* header of the newest request */
};

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **request)
{
    struct server *server = context;
    (void)url, (void)method, (void)version, (void)upload, (void)upload_size;
    if (*request == NULL) { /* answering only when asked again keeps the connection */
        *request = server;
        return MHD_YES;
    }
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
    snprintf(server->host, sizeof server->host, "%s", host != NULL ? host : "");
    struct MHD_Response *response = MHD_create_response_from_buffer(4, (void *)"well", MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(connection, server->status, response);
    MHD_destroy_response(response);
    return result;
}

/* port 0: any. */
static void server_open_at(struct server *server, const char *name, unsigned status, const char *address, uint16_t port)
{
    struct sockaddr_in place;
    assert_int_equal(uv_ip4_addr(address, port, &place), 0);
    char file[64];
    memset(server, 0, sizeof *server);
    server->status = status;
    snprintf(file, sizeof file, "%s.pem", name);
    server->certificate = file_read(file);
    snprintf(file, sizeof file, "%s.key", name);
    server->key = file_read(file);
    server->daemon = MHD_start_daemon(MHD_USE_TLS | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, on_request, server,
                                      MHD_OPTION_HTTPS_MEM_CERT, server->certificate, MHD_OPTION_HTTPS_MEM_KEY,
                                      server->key, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&place, MHD_OPTION_END);
    assert_non_null(server->daemon);
    server->port = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

static void server_open(struct server *server, const char *name, unsigned status)
{
    server_open_at(server, name, status, "127.0.0.1", 0);
}

static void server_close(struct server *server)
{
    MHD_stop_daemon(server->daemon);
    free(server->certificate);
    free(server->key);
}

static struct probe_settings settings_of(const char *url)
{
    return (struct probe_settings){
        .kind = PROBE_HTTP,
        .interval_ms = 20,
        .timeout_ms = TIMEOUT_MS,
        .url = url,
        .ca_file = ca_file,
        .status_min = 200,
        .status_max = 299,
    };
}

static struct said run(const struct probe_settings *settings, size_t count, unsigned results)
{
    uv_loop_t loop;
    struct prober *prober;
    assert_int_equal(uv_loop_init(&loop), 0);
    struct said said = {.loop = &loop, .wanted = results};
    assert_int_equal(prober_open(&loop, settings, count, 8, 1, said_hear, &said, &prober), OK);
    uv_run(&loop, UV_RUN_DEFAULT);
    prober_close(prober);
    loop_end(&loop);
    return said;
}

static void tls_verifies_the_address_in_the_certificate(void **state)
{
    (void)state;
    struct server server;
    char url[64];
    server_open(&server, "address", 200);
    snprintf(url, sizeof url, "https://127.0.0.1:%u/", server.port);
    struct probe_settings settings = settings_of(url);
    struct said said = run(&settings, 1, 5);
    if (said.successes != 5) fail_msg("%s", said.last.detail);
    assert_in_range(said.first.connect_us, 0, 1000000);
    assert_int_equal(said.last.connect_us, -1); /* kept, and no second handshake */
    settings.body = "well";
    said = run(&settings, 1, 1);
    assert_true(said.last.success);
    server_close(&server);
}

static void tls_name_is_verified_in_place_of_the_address(void **state)
{
    (void)state;
    struct server server;
    char url[64], host[64];
    server_open(&server, "good", 200);
    snprintf(url, sizeof url, "https://127.0.0.1:%u/", server.port);
    struct probe_settings settings = settings_of(url);
    settings.tls_name = "api.example.com";
    struct said said = run(&settings, 1, 3);
    if (said.successes != 3) fail_msg("%s", said.last.detail);
    snprintf(host, sizeof host, "127.0.0.1:%u", server.port);
    assert_string_equal(server.host, host); /* the Host header stays the URL's */
    settings.host = "www.example.com";
    said = run(&settings, 1, 1);
    assert_true(said.last.success);
    assert_string_equal(server.host, "www.example.com");
    settings.tls_name = "other.example.com";
    said = run(&settings, 1, 1);
    assert_false(said.last.success);
    assert_string_equal(said.last.detail,
                        "certificate: no alternative certificate subject name matches target host name "
                        "'other.example.com'");
    server_close(&server);
}

static void tls_name_goes_out_as_sni(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct peer peer;
    char url[64];
    assert_int_equal(uv_loop_init(&loop), 0);
    peer_open(&peer, &loop, PEER_HANGS, NULL);
    snprintf(url, sizeof url, "https://127.0.0.1:%u/", peer.port);
    struct probe_settings settings = settings_of(url);
    settings.tls_name = "api.example.com";
    settings.timeout_ms = 300;
    struct said said = {.loop = &loop, .wanted = 1};
    struct prober *prober;
    assert_int_equal(prober_open(&loop, &settings, 1, 8, 1, said_hear, &said, &prober), OK);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_string_equal(said.last.detail, "timed out after 300 ms in the TLS handshake");
    assert_non_null(memmem(peer.request, sizeof peer.request, "api.example.com", 15));
    prober_close(prober);
    peer_close(&peer);
    loop_end(&loop);
}

/* Same name in both certificates, same port, two servers: neither connections nor addresses are mixed up. */
static void tls_endpoints_of_one_name_are_told_apart(void **state)
{
    (void)state;
    struct server well, ill;
    char urls[2][64];
    server_open(&well, "good", 200);
    server_open_at(&ill, "good", 503, "127.0.0.2", well.port);
    snprintf(urls[0], sizeof urls[0], "https://127.0.0.1:%u/", well.port);
    snprintf(urls[1], sizeof urls[1], "https://127.0.0.2:%u/", ill.port);
    struct probe_settings settings[2] = {settings_of(urls[0]), settings_of(urls[1])};
    settings[0].tls_name = settings[1].tls_name = "api.example.com";
    struct said said = run(settings, 2, 40);
    assert_int_equal(said.successes, said.per_endpoint[0]);
    assert_in_range(said.per_endpoint[1], 5, 35);
    server_close(&well);
    server_close(&ill);
}

static void expect_refusal(const char *certificate, const char *ca, const char *detail)
{
    struct server server;
    char url[64];
    server_open(&server, certificate, 200);
    snprintf(url, sizeof url, "https://127.0.0.1:%u/", server.port);
    struct probe_settings settings = settings_of(url);
    settings.tls_name = "api.example.com";
    settings.ca_file = ca;
    struct said said = run(&settings, 1, 2);
    assert_int_equal(said.successes, 0);
    assert_false(said.last.not_made);
    assert_string_equal(said.last.detail, detail);
    server_close(&server);
}

static void tls_bad_certificates_are_refused(void **state)
{
    (void)state;
    expect_refusal("expired", ca_file, "certificate: certificate has expired");
    expect_refusal("good", other_ca_file, "certificate: unable to get local issuer certificate");
    expect_refusal("good", NULL, "certificate: unable to get local issuer certificate"); /* the system's */
    expect_refusal("good", "/nonexistent/ca.pem", "ca_file: cannot be read");
}

static void tls_peer_that_speaks_plainly_is_refused(void **state)
{
    (void)state;
    static const enum peer_habit habits[] = {PEER_CLOSES_AT_ONCE, PEER_FLOODS, PEER_RESETS};
    for (size_t i = 0; i < sizeof habits / sizeof habits[0]; i++) {
        uv_loop_t loop;
        struct peer peer;
        char url[64];
        assert_int_equal(uv_loop_init(&loop), 0);
        peer_open(&peer, &loop, habits[i], "HTTP/1.1 200 OK\r\n\r\n");
        snprintf(url, sizeof url, "https://127.0.0.1:%u/", peer.port);
        struct probe_settings settings = settings_of(url);
        settings.timeout_ms = 300;
        struct said said = {.loop = &loop, .wanted = 2};
        struct prober *prober;
        assert_int_equal(prober_open(&loop, &settings, 1, 8, 1, said_hear, &said, &prober), OK);
        uv_run(&loop, UV_RUN_DEFAULT);
        assert_int_equal(said.successes, 0);
        assert_false(said.last.not_made);
        prober_close(prober);
        peer_close(&peer);
        loop_end(&loop);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_verifies_the_address_in_the_certificate),
        cmocka_unit_test(tls_name_is_verified_in_place_of_the_address),
        cmocka_unit_test(tls_name_goes_out_as_sni),
        cmocka_unit_test(tls_endpoints_of_one_name_are_told_apart),
        cmocka_unit_test(tls_bad_certificates_are_refused),
        cmocka_unit_test(tls_peer_that_speaks_plainly_is_refused),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
