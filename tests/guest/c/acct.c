// admin
/* Process accounting: what acct(2) refuses, and what is in the records of processes that have ended (acct(5)). */
#include "t.h"
#include <linux/acct.h>
#include <sys/mount.h>

#define ACCT(path) syscall(SYS_acct, path)

static size_t at;

/* The records that have come since. */
static void records(const char *file) {
    struct acct_v3 r;
    int fd = MUST(open(file, O_RDONLY));
    time_t now = time(NULL);
    while (pread(fd, &r, sizeof r, at) == sizeof r) {
        at += sizeof r;
        float etime;
        memcpy(&etime, &r.ac_etime, 4);
        printf("%.16s: version %d fork %d core %d signal %d tty %d status %#x uid %u gid %u pid %u parent %u\n", r.ac_comm,
               r.ac_version, !!(r.ac_flag & AFORK), !!(r.ac_flag & ACORE), !!(r.ac_flag & AXSIG), r.ac_tty, r.ac_exitcode,
               r.ac_uid, r.ac_gid, r.ac_pid, r.ac_ppid);
        printf(" time %d began %d memory %d blocks %d swaps %d faults %d\n", etime >= 0 && etime < 3000,
               r.ac_btime >= now - 30 && r.ac_btime <= now + 1, r.ac_mem > 50, r.ac_rw, r.ac_swaps,
               r.ac_minflt > 0);
    }
    printf("whole records: %d\n", at == lseek(fd, 0, SEEK_END));
    close(fd);
}

static void child(int status, int uid) {
    pid_t p = MUST(fork());
    if (!p) {
        if (uid)
            setgid(uid + 1), setuid(uid);
        _exit(status);
    }
    waitpid(p, NULL, 0);
}

static void refused(void) {
    char name[5000];
    memset(name, 'a', sizeof name), name[300] = 0;
    OK(ACCT(BAD));
    OK(ACCT(""));
    OK(ACCT("/nothing"));
    OK(ACCT("/"));
    OK(ACCT("file/x"));
    OK(ACCT("/dev/null"));
    OK(ACCT(name));
    OK(ACCT("loop"));
    OK(ACCT("/proc/self/comm"));
    OK(ACCT("/proc/version"));
    OK(ACCT("/proc/sys/kernel/hostname"));
    int fd = memfd_create("x", 0);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    OK(ACCT(name));
    close(fd);
    if (!fork()) {
        setuid(1234);
        OK(ACCT(NULL));
        OK(ACCT("/nothing"));
        OK(ACCT(BAD));
        _exit(0);
    }
    wait(NULL);
}

static void *of_thread(void *unused) {
    syscall(SYS_exit, 3);
    return NULL;
}

static void accounted(void) {
    OK(ACCT("file"));
    child(3, 0), child(0, 1234);
    pid_t p = fork();
    if (!p)
        for (;;) pause();
    kill(p, SIGTERM), waitpid(p, NULL, 0);
    records("file");
    p = vfork();
    if (!p) {
        execl("/bin/true", "true", NULL);
        _exit(1);
    }
    waitpid(p, NULL, 0);
    p = fork();
    if (!p) {
        struct rlimit none = {10, 10};
        setrlimit(RLIMIT_FSIZE, &none); /* is not looked at */
        prctl(PR_SET_NAME, "a name of 15 by");
        pthread_t thread;
        pthread_create(&thread, NULL, of_thread, NULL), pthread_join(thread, NULL);
        exit(5);
    }
    waitpid(p, NULL, 0);
    records("file");
    OK(ACCT("other")), child(1, 0), OK(ACCT("other")), child(2, 0);
    OK(ACCT(NULL)), OK(ACCT(NULL)), child(4, 0);
    records("file"), at = 0, records("other");
}

/* One inside, in a namespace of numbers of its own: told in both. */
static void nested(void) {
    int fd = open("third", O_CREAT | O_WRONLY, 0600);
    OK(ACCT("third"));
    if (!fork()) {
        MUST(unshare(CLONE_NEWPID));
        if (!fork()) {
            prctl(PR_SET_NAME, "first");
            OK(ACCT("fourth"));
            child(6, 0);
            _exit(7);
        }
        wait(NULL);
        prctl(PR_SET_NAME, "parent");
        _exit(8);
    }
    wait(NULL);
    OK(ACCT(NULL)), at = 0, records("third"), at = 0, records("fourth");
    close(fd);
}

/* It does not keep a mount, and ends with it. */
static void unmounted(void) {
    MUST(unshare(CLONE_NEWNS));
    MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    mkdir("m", 0755);
    MUST(mount("x", "m", "tmpfs", 0, NULL));
    put("m/file", "");
    OK(ACCT("m/file")), child(1, 0), at = 0, records("m/file");
    OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    OK(umount("m")), child(1, 0);
    MUST(mount("x", "m", "tmpfs", MS_RDONLY, NULL));
    OK(ACCT("m/file")), OK(ACCT("m"));
    OK(umount("m"));
    rmdir("m");
}

int main(void) {
    alarm(30);
    MUST(unshare(CLONE_NEWPID));
    pid_t p = MUST(fork());
    if (!p) {
        put("file", ""), put("other", ""), put("fourth", ""), symlink("loop", "loop");
        refused();
        accounted();
        nested();
        unmounted();
        unlink("file"), unlink("other"), unlink("third"), unlink("fourth");
        _exit(0);
    }
    int status;
    waitpid(p, &status, 0);
    VAL(status);
    return 0;
}
