#include "t.h"
#include "container_caps.h"
/* Each option of prctl at small, large and bad arguments, each in a process of its own. What depends on the processor or
   on how the kernel was built is left out. */

static const unsigned long ARGS[][4] = {{0, 0, 0, 0}, {1, 0, 0, 0}, {2, 0, 0, 0}, {1, 1, 0, 0}, {8, 0, 0, 0}, {-1, 0, 0, 0}, {0, 0, 0, 1}, {1, 0, 0, 1}, {1000, 0, 0, 0}, {64, 0, 0, 0}};
static const char LEFT_OUT[] = " 23 28 9 10 11 12 19 20 21 22 26 31 32 39 40 41 42 43 44 45 46 50 51 52 53 54 55 56 59 60 61 62 63 64 67 68 69 70 71 72 73 74 75 76 77 78 79 ";

int main(void) {
    as_in_container();
    for (int option = 0; option < 80; option++) {
        char word[8];
        sprintf(word, " %d ", option);
        if (strstr(LEFT_OUT, word)) continue;
        printf("%d:", option);
        for (unsigned k = 0; k < sizeof ARGS / sizeof *ARGS; k++) {
            fflush(stdout);
            pid_t pid = fork();
            if (!pid) {
                const unsigned long *a = ARGS[k];
                long r = prctl(option, a[0], a[1], a[2], a[3]);
                _exit(r == -1 ? errno : r == 0 ? 200 : 201);
            }
            int s;
            waitpid(pid, &s, 0);
            int code = WIFEXITED(s) ? WEXITSTATUS(s) : 202;
            printf(" %s", code == 200 ? "0" : code == 201 ? "n" : code == 202 ? "killed" : ename(code));
        }
        puts("");
    }
    int v = 7;
    char *at = mmap(NULL, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *file;
    /* PR_SET_VMA may not be built: only the errors that come first */
    SHOW(prctl(PR_GET_TSC, &v)), VAL(v);
    SHOW(prctl(PR_GET_ENDIAN, &v)), SHOW(prctl(PR_GET_FPEMU, &v)), SHOW(prctl(PR_GET_FPEXC, &v)), SHOW(prctl(PR_GET_UNALIGN, &v));
    SHOW(prctl(PR_SET_TIMING, PR_TIMING_TIMESTAMP)), SHOW(prctl(PR_GET_TIMING));
    SHOW(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0)), SHOW(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0)), SHOW(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_DEFAULT, 0, 0)), SHOW(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
    SHOW(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0, 0, 0)), SHOW(prctl(PR_MCE_KILL, 3, 0, 0, 0)), SHOW(prctl(PR_MCE_KILL_GET, 1, 0, 0, 0));
    SHOW(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)), SHOW(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0)), SHOW(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0)), SHOW(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        SHOW(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
        if (!fork()) SHOW(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0)), exit(0);
        wait(NULL);
        SHOW(prctl(65 /* PR_SET_MDWE */, 0, 0, 0, 0)), SHOW(prctl(66 /* PR_GET_MDWE */, 0, 0, 0, 0)), SHOW(prctl(65, 1, 0, 0, 0)), SHOW(prctl(66, 0, 0, 0, 0)), SHOW(prctl(65, 0, 0, 0, 0)), SHOW(prctl(65, 9, 0, 0, 0)), SHOW(prctl(66, 1, 0, 0, 0));
        SHOW(mmap(NULL, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)), SHOW(mprotect(at, 4096, 5)), SHOW(mprotect(at, 4096, 7)), SHOW(mmap(NULL, 4096, 5, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
        char *code = mmap(NULL, 4096, 5, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        SHOW(mprotect(code, 4096, 1)), SHOW(mprotect(code, 4096, 5)), SHOW(mprotect(at, 4096, 1)), SHOW(mprotect(at, 4096, 3));
        if (!fork()) SHOW(prctl(66, 0, 0, 0, 0)), SHOW(mprotect(at, 4096, 5)), exit(0);
        wait(NULL);
        exit(0);
    }
    reap(pid);
    SHOW(prctl(PR_SET_PTRACER, 0, 0, 0, 0) == 0 || errno == EINVAL); /* Yama may not be built */
    SHOW(prctl(PR_SET_MM, PR_SET_MM_BRK, 1, 0, 0)), SHOW(prctl(PR_SET_MM, 99, 0, 0, 0));
    SHOW(prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) == 0 || errno == EPERM), SHOW(prctl(PR_GET_IO_FLUSHER, 1, 0, 0, 0));
    return 0;
}
