/* test_sandbox.c - what fails in the sandbox, and what does not. Each try is a child's, for there is no way out.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "dnsd/sandbox.h"

enum place { PROCESS, WORKER };

static int talking[2]; /* made before the sandbox is entered */

/* A try: 0, or the error that it met. */
typedef int attempt(void);

static int of(long result)
{
    return result < 0 ? errno : 0;
}

static int read_a_file(void) { return of(open("/etc/passwd", O_RDONLY)); }
static int write_a_file(void) { return of(open("/dev/null", O_WRONLY)); }
static int make_a_file(void) { return of(open("sandbox.txt", O_WRONLY | O_CREAT, 0600)); }
static int make_a_folder(void) { return of(mkdir("sandbox.folder", 0700)); }
static int look_into_another(void) { return of(syscall(SYS_process_vm_readv, getppid(), NULL, 0UL, NULL, 0UL, 0UL)); }
static int mount_something(void) { return of(mount("none", "/mnt", "tmpfs", 0, NULL)); }
static int leave_the_namespace(void) { return of(unshare(CLONE_NEWUSER)); }
static int sniff(void) { return of(socket(AF_PACKET, SOCK_RAW, 0)); }
static int open_a_socket(void) { return of(socket(AF_INET, SOCK_DGRAM, 0)); }
static int ask_for_routes(void) { return of(socket(AF_NETLINK, SOCK_RAW, 0)); }
static int load_a_program(void) { return of(syscall(SYS_bpf, 0, NULL, 0)); }
static int ring(void) { return of(syscall(SYS_io_uring_setup, 1, NULL)); }

static int fork_with_a_namespace(void)
{
    long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0) _exit(0);
    return of(child);
}

static int write_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}

static int turn_data_into_code(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? -1 : of(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static int run_a_program(void)
{
    execl("/bin/true", "true", NULL);
    return errno; /* had it run, the child would have ended with 0 */
}

static void *nothing(void *argument) { return argument; }

static int start_a_thread(void)
{
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, nothing, NULL);
    return failed ? failed : pthread_join(thread, NULL);
}

static int talk(void)
{
    char byte = 'x';
    if (write(talking[1], &byte, 1) != 1 || recv(talking[0], &byte, 1, MSG_DONTWAIT) != 1) return errno;
    return 0;
}

static int take_memory(void)
{
    char *room = malloc(32 << 20);
    if (room == NULL) return errno;
    room[0] = room[(32 << 20) - 1] = 1;
    free(room);
    return 0;
}

/* What holds. */
enum { CALLS = 1, FILES = 2 };

static int enter(int times)
{
    struct sandbox_report report = {0};
    for (int i = 0; i < times; i++) sandbox_enter_process(&report);
    return (report.calls ? CALLS : 0) + (report.files ? FILES : 0);
}

static int nothing_more(void) { return enter(1); }
static int upgrade_often(void) { return enter(40); } /* each begins in the sandbox of the one before */

static int in_child(enum place place, attempt *try)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct sandbox_report report;
        sandbox_enter_process(&report);
        if (place == WORKER && sandbox_enter_worker() != OK) _exit(250);
        _exit(try());
    }
    int ended;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFEXITED(ended));
    return WEXITSTATUS(ended);
}

struct row {
    const char *what;
    attempt *try;
    int process; /* errno there; 0: it may */
    int worker;
};

static const struct row rows[] = {
    {"read a file", read_a_file, 0, EPERM},
    {"write a file", write_a_file, EACCES, EPERM},
    {"make a file", make_a_file, EACCES, EPERM},
    {"make a folder", make_a_folder, EACCES, EPERM},
    {"read another's memory", look_into_another, EPERM, EPERM},
    {"mount", mount_something, EPERM, EPERM},
    {"make a namespace", leave_the_namespace, EPERM, EPERM},
    {"make a namespace by clone", fork_with_a_namespace, EPERM, EPERM},
    {"sniff", sniff, EPERM, EPERM},
    {"open a socket", open_a_socket, 0, EPERM},
    {"ask for routes", ask_for_routes, 0, EPERM},
    {"load a kernel program", load_a_program, EPERM, EPERM},
    {"io_uring", ring, EPERM, EPERM},
    {"write code", write_code, EPERM, EPERM},
    {"turn data into code", turn_data_into_code, EPERM, EPERM},
    {"run a program", run_a_program, 0, EPERM},
    {"start a thread", start_a_thread, 0, EPERM},
    {"talk", talk, 0, 0},
    {"take memory", take_memory, 0, 0},
};

static void each_may_what_it_needs(void **state)
{
    (void)state;
    const int has = in_child(PROCESS, nothing_more);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        if (!(has & CALLS) || (row->process == EACCES && !(has & FILES))) { /* EACCES is landlock's word */
            printf("SKIP: %s: this kernel has no %s\n", row->what, has & CALLS ? "landlock" : "filters of calls");
            continue;
        }
        int process = in_child(PROCESS, row->try), worker = in_child(WORKER, row->try);
        if (process != row->process || worker != row->worker)
            fail_msg("%s: process %d, worker %d; expected %d, %d", row->what, process, worker, row->process, row->worker);
    }
}

static void upgrades_do_not_use_it_up(void **state)
{
    (void)state;
    assert_int_equal(in_child(PROCESS, upgrade_often), in_child(PROCESS, nothing_more));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_may_what_it_needs),
        cmocka_unit_test(upgrades_do_not_use_it_up),
    };
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, talking) != 0) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
