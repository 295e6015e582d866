/* sandbox.c - filters by libseccomp, a landlock ruleset without rules.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/sandbox.h"

#include <errno.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14) /* Linux 6.2 */
#endif
#define LANDLOCK_WITH_TRUNCATE 3

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1 /* LeakSanitizer traces its own process at the end */
#else
#define SANITIZED 0
#endif

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* By name, for a library may know fewer than this list: those are left out, and are new to old kernels too. */
static const char *const process_refused[] = {
    /* file systems and namespaces */
    "mount", "umount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick",
    "mount_setattr", "unshare", "setns", "mknod", "mknodat", "swapon", "swapoff", "quotactl", "quotactl_fd", "fanotify_init",
    "name_to_handle_at", "open_by_handle_at",
    /* the kernel and the machine */
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "bpf", "perf_event_open", "iopl", "ioperm",
    "acct", "syslog", "sethostname", "setdomainname", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "vhangup",
    "lookup_dcookie",
    /* other processes, and keys that they hold */
    "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd", "add_key", "request_key", "keyctl",
    /* ways that have led into kernels */
    "io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd", "modify_ldt", "personality", "uselib", "ustat", "sysfs",
    "_sysctl", "remap_file_pages", "vmsplice", "nfsservctl", "get_kernel_syms", "query_module", "create_module",
};

static const char *const worker_allowed[] = {
    /* packets and connections that are there */
    "recvmmsg", "sendmmsg", "recvmsg", "sendmsg", "recvfrom", "sendto", "read", "readv", "write", "writev", "accept4", "accept", "shutdown",
    "close", "getsockname", "getpeername", "getsockopt", "setsockopt", "fcntl", "ioctl",
    /* the loop */
    "epoll_wait", "epoll_pwait", "epoll_pwait2", "epoll_ctl", "poll", "ppoll", "timerfd_settime", "clock_gettime", "clock_nanosleep",
    "nanosleep", "gettimeofday", "restart_syscall", "sched_yield", "getcpu", "futex", "membarrier",
    /* memory and the thread's end */
    "mmap", "munmap", "mremap", "madvise", "mprotect", "brk", "getrandom", "rt_sigprocmask", "rt_sigaction", "rt_sigreturn", "sigaltstack",
    "getpid", "gettid", "tgkill", "rseq", "set_robust_list", "exit", "exit_group",
};

static int add(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int call = seccomp_syscall_resolve_name(names[i]);
        if (call == __NR_SCMP_ERROR || call < 0) continue; /* not of this library, or not of this processor */
        int failed = seccomp_rule_add(filter, action, call, 0);
        if (failed != 0) return failed;
    }
    return 0;
}

/* No memory that can be run but what a file has in it. */
static int refuse_new_code(scmp_filter_ctx filter, uint32_t refuse)
{
    const int both = PROT_WRITE | PROT_EXEC;
    int failed = seccomp_rule_add(filter, refuse, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, both, both));
    if (!failed) failed = seccomp_rule_add(filter, refuse, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
    if (!failed) failed = seccomp_rule_add(filter, refuse, SCMP_SYS(pkey_mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
    if (!failed) failed = seccomp_rule_add(filter, refuse, SCMP_SYS(shmat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, SHM_EXEC, SHM_EXEC));
    return failed;
}

static int refuse_families(scmp_filter_ctx filter, uint32_t refuse)
{
    int failed = 0;
    for (int family = 0; family <= AF_NETLINK && !failed; family++) {
        if (family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK) continue;
        failed = seccomp_rule_add(filter, refuse, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family, 0));
    }
    return failed ? failed : seccomp_rule_add(filter, refuse, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GT, AF_NETLINK, 0));
}

/* Threads yes, namespaces no. clone3 hides its flags behind a pointer; libraries that hear ENOSYS use clone. */
static int refuse_namespaces(scmp_filter_ctx filter, uint32_t refuse)
{
    static const int flags[] = {CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP};
    int failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    for (size_t i = 0; i < COUNT(flags) && !failed; i++)
        failed = seccomp_rule_add(filter, refuse, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, (scmp_datum_t)flags[i], (scmp_datum_t)flags[i]));
    return failed;
}

static bool filter_process(void)
{
    static const char *const tracing[] = {"ptrace"};
    const uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL) return false;
    int failed = add(filter, refuse, process_refused, COUNT(process_refused));
    if (!failed && !SANITIZED) failed = add(filter, refuse, tracing, COUNT(tracing));
    if (!failed) failed = refuse_new_code(filter, refuse);
    if (!failed) failed = refuse_families(filter, refuse);
    if (!failed) failed = refuse_namespaces(filter, refuse);
    if (!failed) failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (!failed) failed = seccomp_load(filter);
    seccomp_release(filter);
    return !failed;
}

/* Every right to change a file is handled, and no rule gives it back: reading stays as it was. */
static bool write_no_files(void)
{
    struct landlock_ruleset_attr attr = {
        .handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                             LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                             LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                             LANDLOCK_ACCESS_FS_MAKE_SYM,
    };
    long version = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1) return false;
    if (version >= LANDLOCK_WITH_TRUNCATE) attr.handled_access_fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
    int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (rules < 0) return false;
    bool held = syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    close(rules);
    return held;
}

void sandbox_enter_process(struct sandbox_report *report)
{
    *report = (struct sandbox_report){.missing = NULL};
    report->calls = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        report->missing = "no_new_privs is refused";
        return;
    }
    report->files = write_no_files() || errno == E2BIG; /* sixteen upgrades have left one each */
    if (!report->calls) report->calls = filter_process();
    if (!report->calls) {
        report->missing = "the kernel has no seccomp filters";
    } else if (!report->files) {
        report->missing = "the kernel has no landlock";
    }
}

enum status sandbox_enter_worker(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL) return ERR_MEMORY;
    int failed = add(filter, SCMP_ACT_ALLOW, worker_allowed, COUNT(worker_allowed));
    if (!failed) failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (!failed) failed = seccomp_load(filter);
    seccomp_release(filter);
    if (failed == -ENOMEM) return ERR_MEMORY;
    return failed ? ERR_UNSUPPORTED : OK;
}
