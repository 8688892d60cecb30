#include "t.h"

#define SC(...) syscall(__VA_ARGS__)
#define S(c) SHOW(SC c)
int main(void) {
    S((SYS_rt_sigaction, SIGUSR1, 8, 0, 8)), S((SYS_rt_sigaction, SIGUSR1, 0, 8, 8)), S((SYS_rt_sigprocmask, 0, 8, 0, 8));
    S((SYS_rt_sigprocmask, 0, 0, 8, 8)), S((SYS_rt_sigpending, 8, 8)), S((SYS_rt_sigtimedwait, 8, 0, 0, 8)), S((SYS_sigaltstack, 8, 0));
    S((SYS_execve, 8, 0, 0)), S((SYS_execve, "/bin/true", 8, 0)), S((SYS_execve, "/bin/true", 0, 8)), S((SYS_execveat, AT_FDCWD, 8, 0, 0, 0));
    S((SYS_nanosleep, 8, 0)), S((SYS_clock_gettime, 0, 8)), S((SYS_clock_getres, 0, 8)), S((SYS_clock_nanosleep, 1, 0, 8, 0)), S((SYS_clock_settime, 0, 8));
    S((SYS_gettimeofday, 8, 0)), S((SYS_getitimer, 0, 8)), S((SYS_setitimer, 0, 8, 0)), S((SYS_timer_create, 1, 8, 8)), S((SYS_times, 8));
    S((SYS_getrlimit, 7, 8)), S((SYS_setrlimit, 7, 8)), S((SYS_prlimit64, 0, 7, 8, 0)), S((SYS_prlimit64, 0, 7, 0, 8)), S((SYS_getrusage, 0, 8));
    S((SYS_uname, 8)), S((SYS_sysinfo, 8)), S((SYS_getgroups, 10, 8)), S((SYS_setgroups, 1, 8)), S((SYS_getresuid, 8, 8, 8)), S((SYS_getresgid, 8, 8, 8));
    S((SYS_capget, 8, 8)), S((SYS_capset, 8, 8)), S((SYS_sched_getparam, 0, 8)), S((SYS_sched_setparam, 0, 8)), S((SYS_sched_getaffinity, 0, 128, 8));
    S((SYS_sched_setaffinity, 0, 128, 8)), S((SYS_sched_rr_get_interval, 0, 8)), S((SYS_getrandom, 8, 5, 0)), S((SYS_getcpu, 8, 8, 0));
    S((SYS_futex, 8, 0, 0, 0)), S((SYS_set_robust_list, 8, 5)), S((SYS_get_robust_list, 0, 8, 8)), S((SYS_prctl, PR_SET_NAME, 8)), S((SYS_prctl, PR_GET_NAME, 8));
    S((SYS_clone3, 8, 88)), S((SYS_wait4, -1, 8, 0, 8)), S((SYS_waitid, 0, 0, 8, 0, 0)), S((SYS_rt_sigqueueinfo, 1, 1, 8));
    S((SYS_mincore, 4096, 4096, 8)), S((SYS_eventfd2, 0, 8)), S((SYS_signalfd4, -1, 8, 8, 0)), S((SYS_timerfd_settime, 0, 0, 8, 0)), S((SYS_timerfd_gettime, 0, 8));
    S((SYS_epoll_ctl, 0, 1, 1, 8)), S((SYS_epoll_wait, 0, 8, 1, 0)), S((SYS_process_vm_readv, getpid(), 8, 1, 8, 1, 0));
    return 0;
}
