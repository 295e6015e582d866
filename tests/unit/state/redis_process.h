/* redis_process.h - real redis-server processes for tests, each on a loopback port and in a folder of its own.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A test starts, kills, freezes and fills them, and talks to them by hiredis' blocking interface, as an operator would. */
#ifndef MERIDIAN_TEST_REDIS_PROCESS_H
#define MERIDIAN_TEST_REDIS_PROCESS_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>

struct redis_process {
    pid_t pid; /* 0: not running */
    uint16_t port;
    char folder[64];
    redisContext *talk;
};

static uint16_t redis_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void redis_talk(struct redis_process *process)
{
    for (int i = 0; i < 1000; i++) {
        struct timeval patience = {30, 0};
        process->talk = redisConnectWithTimeout("127.0.0.1", process->port, patience);
        assert_non_null(process->talk);
        if (process->talk->err == 0) {
            redisSetTimeout(process->talk, patience);
            redisReply *reply = redisCommand(process->talk, "PING");
            bool alive = reply != NULL && strncmp(reply->str, "LOADING", 7) != 0;
            if (reply != NULL) freeReplyObject(reply);
            if (alive) return;
        }
        redisFree(process->talk);
        process->talk = NULL;
        assert_int_equal(waitpid(process->pid, NULL, WNOHANG), 0); /* it did not end by itself */
        usleep(10000);
    }
    fail_msg("redis-server on port %u does not answer", process->port);
}

static inline void redis_start(struct redis_process *process)
{
    char port[8];
    if (process->port == 0) {
        process->port = redis_free_port();
        snprintf(process->folder, sizeof process->folder, "/tmp/meridian-redis-XXXXXX");
        assert_non_null(mkdtemp(process->folder));
    }
    snprintf(port, sizeof port, "%u", process->port);
    process->pid = fork();
    assert_true(process->pid >= 0);
    if (process->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly",
               "no", "--dir", process->folder, "--loglevel", "warning", "--enable-debug-command", "yes", (char *)NULL);
        _exit(127);
    }
    redis_talk(process);
}

static inline void redis_kill(struct redis_process *process)
{
    if (process->pid == 0) return;
    kill(process->pid, SIGKILL);
    waitpid(process->pid, NULL, 0);
    process->pid = 0;
    if (process->talk != NULL) redisFree(process->talk);
    process->talk = NULL;
}

static inline void redis_end(struct redis_process *process)
{
    char dump[128];
    redis_kill(process);
    if (process->port == 0) return;
    snprintf(dump, sizeof dump, "%s/dump.rdb", process->folder);
    unlink(dump);
    rmdir(process->folder);
    process->port = 0;
}

/* A command in printf's way; the reply must be no error. freeReplyObject. */
static inline redisReply *redis_do(struct redis_process *process, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = redisvCommand(process->talk, format, arguments);
    va_end(arguments);
    if (reply == NULL) fail_msg("%s: %s", format, process->talk->errstr);
    if (reply->type == REDIS_REPLY_ERROR) fail_msg("%s: %s", format, reply->str);
    return reply;
}

#define REDIS_DO(...) freeReplyObject(redis_do(__VA_ARGS__))

/* The integer that a command gives. */
#define REDIS_INTEGER(...) redis_integer_of(redis_do(__VA_ARGS__))
static inline long long redis_integer_of(redisReply *take_reply)
{
    long long value = take_reply->type == REDIS_REPLY_INTEGER ? take_reply->integer : -1;
    freeReplyObject(take_reply);
    return value;
}

#endif
