/* What notifies by a pipe is not built in; parts of the extended state that nobody has; the time stamp counter. */
#include "t.h"
#include <sys/prctl.h>
int main(void) {
    alarm(10);
    int v = 77;
    SHOW(prctl(PR_GET_TSC, &v)); VAL(v); SHOW(prctl(PR_GET_TSC, BAD)); SHOW(prctl(PR_SET_TSC, 1, 0, 0, 0)); SHOW(prctl(PR_SET_TSC, 3)); SHOW(prctl(PR_SET_TSC, 0));
    int p[2];
    SHOW(pipe2(p, 0200)); SHOW(pipe2(p, 0200|O_CLOEXEC)); SHOW(pipe2(p, O_EXCL)); SHOW(pipe2(p, 0200|O_DIRECT)); SHOW(pipe2(p, 0200|O_NONBLOCK));SHOW(pipe2(BAD, 0200));SHOW(pipe2(p, 0200|O_APPEND));
    uint64_t m = 0;
    SHOW(syscall(SYS_arch_prctl, 0x1021, &m)); printf("%lx\n", m & ~0x60000); SHOW(syscall(SYS_arch_prctl, 0x1022, &m)); printf("%lx\n", m & ~0x60000);
    SHOW(syscall(SYS_arch_prctl, 0x1023, 9)); SHOW(syscall(SYS_arch_prctl, 0x1023, 99)); SHOW(syscall(SYS_arch_prctl, 0x1023, 1));SHOW(syscall(SYS_arch_prctl, 0x1022, &m)); printf("%lx\n", m & ~0x60000);
    SHOW(syscall(SYS_arch_prctl, 0x1021, BAD)); SHOW(syscall(SYS_arch_prctl, 0x1024, &m)); printf("%lx\n", m & ~0x60000); SHOW(syscall(SYS_arch_prctl, 0x1025, 9));
    SHOW(syscall(SYS_arch_prctl, 0x1011, 0)); SHOW(syscall(SYS_arch_prctl, 0x1012, 0));
}
