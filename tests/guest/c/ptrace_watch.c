// Debug registers by PTRACE_POKEUSER: what they take, and watchpoints for writing and for executing.
#include "t.h"
#include <sys/ptrace.h>
#include <sys/user.h>

#define DR(n) ((void *)(offsetof(struct user, u_debugreg) + 8 * (n)))
static volatile long word, other;
static volatile int quarter[4];
static char page[8192] __attribute__((aligned(4096)));
__attribute__((noinline)) static void touch(long to) { word = to; }
__attribute__((noinline)) static void nothing(void) { asm volatile(""); }
static void tracee(void) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    other = 1, touch(5);
    other = 2, quarter[1] = 7;
    for (int i = 0; i < 3; i++) nothing();
    int fd = open("/dev/zero", O_RDONLY);
    quarter[2] = 9, other = read(fd, (void *)quarter, sizeof quarter); // the kernel's writing does not count
    touch(6);
    memset(page, 1, sizeof page);
    if (!fork()) touch(8), _exit(0);
    wait(0);
    raise(SIGUSR1);
    touch(9);
    _exit(3);
}
static pid_t pid;
static void poke(int n, long value) {
    errno = 0;
    long r = ptrace(PTRACE_POKEUSER, pid, DR(n), value);
    printf("dr%d = %s: %s\n", n, value > 4096 || value < 0 ? "ADDR" : "number", r ? ename(errno) : "ok");
}
static long peek(int n) { return ptrace(PTRACE_PEEKUSER, pid, DR(n), 0); }
static void go(const char *what) { // on to the next stop
    int status;
    siginfo_t info = {0};
    struct user_regs_struct regs = {0};
    MUST(ptrace(PTRACE_CONT, pid, 0, 0)), MUST(waitpid(pid, &status, 0));
    printf("%s: ", what);
    if (WIFEXITED(status)) { printf("exit %d\n", WEXITSTATUS(status)); return; }
    MUST(ptrace(PTRACE_GETSIGINFO, pid, 0, &info)), MUST(ptrace(PTRACE_GETREGS, pid, 0, &regs));
    printf("signal %d code %d at rip %d dr6 %lx word %ld quarter %d %d in nothing %d\n", WSTOPSIG(status), info.si_code, WSTOPSIG(status) == SIGTRAP && (long)info.si_addr == (long)regs.rip,
           peek(6) & 0x4fff, ptrace(PTRACE_PEEKDATA, pid, &word, 0), (int)ptrace(PTRACE_PEEKDATA, pid, &quarter[0], 0), (int)ptrace(PTRACE_PEEKDATA, pid, &quarter[1], 0), regs.rip == (long)nothing);
}
int main(void) {
    fflush(stdout);
    pid = MUST(fork());
    if (!pid) tracee();
    int status;
    MUST(waitpid(pid, &status, 0));
    for (int n = 0; n < 8; n++) printf("%d:%lx ", n, peek(n));
    puts("");
    poke(4, 0), poke(4, 1), poke(5, 1), poke(8, 0), poke(0, -4096), poke(0, 1L << 47), poke(1, (long)&word + 1);
    poke(7, 0xd0004); // of dr1, which is not a multiple of four (as lengths of bytes 1 it is)
    printf("%d %lx\n", peek(1) == (long)&word + 1, peek(7));
    poke(7, 0xd00004), printf("%lx\n", peek(7)); // four bytes there
    poke(7, 0), poke(1, 0);
    poke(7, 0x20001), printf("%lx\n", peek(7));  // for ports
    poke(7, 0x40001), printf("%lx\n", peek(7));  // an instruction of two bytes
    poke(7, 0xf400), printf("%lx\n", peek(7)), poke(7, 0);
    poke(6, 0), printf("%lx\n", peek(6));
    poke(0, (long)&word), poke(7, 0x90001), printf("%d %lx\n", peek(0) == (long)&word, peek(7)); // eight bytes, written
    go("word");
    poke(6, 0);
    poke(1, (long)&quarter[1]), poke(7, 0xd90005);
    go("quarter");
    poke(6, 0), poke(2, (long)nothing), poke(7, 0xd90015);
    go("nothing"), poke(6, 0), go("again"), poke(7, 0xd90005), go("word"), poke(6, 0);
    poke(3, (long)page + 4096), poke(7, 0x10000040);
    go("page"), printf("%d\n", (int)ptrace(PTRACE_PEEKDATA, pid, page + 4096, 0) & 0xff), poke(6, 0);
    poke(7, 0x90001);
    go("signal");
    MUST(ptrace(PTRACE_SINGLESTEP, pid, 0, 0)), MUST(waitpid(pid, &status, 0)), printf("step %d %lx\n", WSTOPSIG(status), peek(6) & 0x4fff);
    poke(6, 0), go("word"), poke(7, 0), go("end");
    return 0;
}
