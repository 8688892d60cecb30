/* What an ordinary user, and root of a user namespace, hear of calls that they have no right to, by what is wrong first. */
#include "t.h"
#include <sched.h>
#include <sys/syscall.h>

static void told(const char *what, long result) {
    printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : result ? "positive" : "0");
}

#define DO(...) told(#__VA_ARGS__, syscall(__VA_ARGS__))

static void all(void) {
    char b[4096] = "";
    uint32_t *word = (uint32_t *)b;
    int p[2];
    pipe(p);
    DO(SYS_quotactl, 0, 0, 0, 0), DO(SYS_quotactl, 3, 0, 0, 0), DO(SYS_quotactl, 0x80000100, 0, 0, 0);
    DO(SYS_quotactl, 0x80000700, "/dev/null", 0, b), DO(SYS_quotactl, 0x80000700, "/nothing", 0, b);
    DO(SYS_quotactl, 0x80000700, "/", 0, b), DO(SYS_quotactl, 0x80000703, "/", 0, b), DO(SYS_quotactl, 0x80000700, 1, 0, b);
    DO(SYS_quotactl, 0x8000ff00, "/", 0, 0), DO(SYS_quotactl, 0x80000702, 0, 0, 0);
    DO(443, -1, 0, 0, 0), DO(443, -1, 0x80000703, 0, b), DO(443, p[0], 0x80000700, 0, b);
    DO(443, p[0], 0x80000703, 0, b);
    DO(SYS_bpf, 0, b, 64), DO(SYS_bpf, 0, 0, 64), DO(SYS_bpf, 0, b, 4096), DO(SYS_bpf, 0, b, 5000), DO(SYS_bpf, 999, b, 64);
    DO(SYS_bpf, 0, b, 0), DO(SYS_bpf, -1, b, 16);
    b[2000] = 1, DO(SYS_bpf, 0, b, 4096), DO(SYS_bpf, 1, b, 4096), b[2000] = 0;
    DO(SYS_perf_event_open, 0, 0, -1, -1, 0), DO(SYS_perf_event_open, b, 0, -1, -1, -1);
    DO(SYS_perf_event_open, b, 0, -1, -1, 16);
    word[1] = 3, DO(SYS_perf_event_open, b, 0, -1, -1, 0), printf("%d\n", word[1] > 100);
    word[1] = 5000, DO(SYS_perf_event_open, b, 0, -1, -1, 0), printf("%d\n", word[1] > 100);
    word[1] = 4000, b[2000] = 1, DO(SYS_perf_event_open, b, 0, -1, -1, 0), printf("%d\n", word[1] > 100);
    DO(SYS_swapon, 0, 0), DO(SYS_swapon, "/nothing", 0), DO(SYS_swapon, "/", 0xfffff000), DO(SYS_swapoff, 0), DO(SYS_swapoff, "/nothing");
    DO(SYS_reboot, 0, 0, 0, 0), DO(SYS_acct, 0), DO(SYS_acct, "/nothing"), DO(SYS_vhangup);
    DO(SYS_process_madvise, -1, 0, 0, 0, 0), DO(SYS_process_madvise, 0, 0, 0, 0, 1);
    DO(SYS_process_mrelease, -1, 0), DO(SYS_process_mrelease, -1, 1);
    DO(SYS_mount, 0, 0, 0, 0, 0), DO(SYS_umount2, "/", 99), DO(SYS_pivot_root, "/", "/");
    DO(SYS_fsopen, "x", 0), DO(SYS_open_tree, -1, 0, 0), DO(SYS_move_mount, 0, 0, 0, 0, 0);
}

int main(void) {
    setbuf(stdout, NULL);
    for (int inside = 0; inside < 2; inside++) {
        if (!fork()) {
            setgroups(0, NULL), setgid(1000), setuid(1000);
            printf("== %s\n", inside ? "root of a user namespace" : "an ordinary user");
            if (inside && unshare(CLONE_NEWUSER) < 0)
                printf("unshare %s\n", strerrorname_np(errno));
            all();
            _exit(0);
        }
        wait(NULL);
    }
    return 0;
}
