/* speaker.c - the BGP speaker alone, for tests against real neighbours: what meridiand's gate will say comes by standard input.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   speaker NEIGHBOUR PORT LOCAL-AS PEER-AS HOLD-S PASSWORD|- NEXT-HOP4|- NEXT-HOP6|- PREFIX...
 *
 * Lines in: announce, withdraw, graceful, plain, well, unwell; the end of the input is a stop. Lines out: ms since the beginning, the
 * state, and what ended the session before, by whom. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dnsd/anycast/bgp_session.h"

#define WORD_MAX 64

struct speaker {
    uv_loop_t loop;
    uv_pipe_t input;
    uint64_t began_ns;
    struct bgp_session *session;
    struct bgp_wanted wanted;
    bool well;
    char line[WORD_MAX];
    size_t size;
};

static void ask(void *owner, struct bgp_wanted *wanted, bool *well)
{
    const struct speaker *speaker = owner;
    *wanted = speaker->wanted;
    *well = speaker->well;
}

static void changed(void *owner, const struct bgp_peer *peer)
{
    const struct speaker *speaker = owner;
    char text[BGP_TEXT_MAX + 64] = "";
    if (peer->last.code != 0) bgp_notice_text(&peer->last, text);
    printf("%.0f %s %s %s\n", (double)(uv_hrtime() - speaker->began_ns) / 1e6, bgp_state_name(peer->state),
           peer->last.code == 0 ? "-" : peer->last_ours ? "ours" : "theirs", text);
    fflush(stdout);
}

static void obey(struct speaker *speaker)
{
    const char *line = speaker->line;
    bool announce = strcmp(line, "announce") == 0;
    if (announce || strcmp(line, "withdraw") == 0)
        for (size_t i = 0; i < speaker->wanted.count; i++) speaker->wanted.announced[i] = announce;
    bool graceful = strcmp(line, "graceful") == 0;
    if (graceful || strcmp(line, "plain") == 0)
        for (size_t i = 0; i < speaker->wanted.count; i++) speaker->wanted.graceful[i] = graceful;
    if (strcmp(line, "well") == 0) speaker->well = true;
    if (strcmp(line, "unwell") == 0) speaker->well = false;
    bgp_session_poke(speaker->session);
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    static char bytes[WORD_MAX];
    (void)handle;
    (void)suggested;
    *out = uv_buf_init(bytes, sizeof bytes);
}

static void heard(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct speaker *speaker = stream->data;
    if (size < 0) {
        bgp_session_close(speaker->session, "the input ended");
        uv_close((uv_handle_t *)stream, NULL);
        return;
    }
    for (ssize_t i = 0; i < size; i++) {
        if (buffer->base[i] == '\n' || speaker->size == WORD_MAX - 1) {
            speaker->line[speaker->size] = '\0';
            speaker->size = 0;
            obey(speaker);
        } else {
            speaker->line[speaker->size++] = buffer->base[i];
        }
    }
}

static void parse(bool right, const char *what)
{
    if (right) return;
    fprintf(stderr, "speaker: %s\n", what);
    exit(2);
}

static void hop(const char *text, enum family family, struct address *out)
{
    *out = (struct address){.family = FAMILY_NONE};
    if (strcmp(text, "-") != 0) parse(address_parse(text, out) == OK && out->family == family, text);
}

int main(int argc, char **argv)
{
    static struct speaker speaker = {.well = true};
    struct bgp_session_options options = {.ask = ask, .changed = changed, .owner = &speaker};
    parse(argc >= 10 && argc - 9 <= BGP_PREFIX_MAX, "NEIGHBOUR PORT LOCAL-AS PEER-AS HOLD-S PASSWORD|- NEXT-HOP4|- NEXT-HOP6|- PREFIX...");
    parse(address_parse(argv[1], &options.neighbour) == OK, argv[1]);
    options.port = (uint16_t)strtoul(argv[2], NULL, 10);
    options.settings.local_as = (uint32_t)strtoul(argv[3], NULL, 10);
    options.settings.peer_as = (uint32_t)strtoul(argv[4], NULL, 10);
    options.settings.hold_time_s = (uint16_t)strtoul(argv[5], NULL, 10);
    options.settings.router_id = 0x0a000001;
    options.settings.communities[0] = 64496u << 16 | 7;
    options.settings.community_count = 1;
    if (strcmp(argv[6], "-") != 0) snprintf(options.password, sizeof options.password, "%s", argv[6]);
    hop(argv[7], FAMILY_IPV4, &options.settings.next_hop4);
    hop(argv[8], FAMILY_IPV6, &options.settings.next_hop6);
    for (int i = 9; i < argc; i++) parse(prefix_parse(argv[i], &speaker.wanted.prefixes[speaker.wanted.count++]) == OK, argv[i]);
    speaker.began_ns = uv_hrtime();
    uv_loop_init(&speaker.loop);
    uv_pipe_init(&speaker.loop, &speaker.input, 0);
    speaker.input.data = &speaker;
    parse(uv_pipe_open(&speaker.input, STDIN_FILENO) == 0, "standard input must be a pipe");
    parse(bgp_session_open(&speaker.loop, &options, &speaker.session) == OK, "no session");
    uv_read_start((uv_stream_t *)&speaker.input, give_buffer, heard);
    uv_run(&speaker.loop, UV_RUN_DEFAULT);
    return uv_loop_close(&speaker.loop) == 0 ? 0 : 1;
}
