// Calls of every family, once each: what strace(1) prints of them natively and --strace inside is compared (test_strace_like.py).
#define _GNU_SOURCE
#include <stdio.h>
#include <unistd.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/prctl.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <termios.h>
#include <time.h>
#include <linux/futex.h>
#include <sys/mount.h>
static void h(int s){}

int main(void) {
    char b[200]={0};
    int p[2];
    struct stat st;
    mkdir("std", 0755);
    chdir("std");
    int f=open("file",O_RDWR|O_CREAT|O_TRUNC|O_CLOEXEC,0640);
    write(f,"hello\n\1\0017world\"\\ and a long text that is longer than the limit",60);
    pwrite(f,"x",1,100);
    lseek(f,0,SEEK_SET);
    read(f,b,10);
    pread(f,b,50,3);
    fstat(f,&st);
    stat("file",&st);
    stat("/dev/null",&st);
    lstat("nothing",&st);
    access("file",R_OK|W_OK);
    access("file",F_OK);
    struct iovec v[2]={{"ab",2},{"cde",3}};
    writev(f,v,2);
    char c1[3],c2[100];
    struct iovec r[2]={{c1,3},{c2,100}};
    lseek(f,0,SEEK_SET);
    readv(f,r,2);
    preadv(f,r,2,5);
    ftruncate(f,10);
    fchmod(f,04755);
    fchown(f,0,0);
    rename("file","other");
    link("other","l");
    symlink("other","s");
    readlink("s",b,100);
    unlink("l");
    unlink("s");
    fcntl(f,F_GETFL);
    fcntl(f,F_SETFL,O_APPEND|O_NONBLOCK);
    fcntl(f,F_GETFD);
    fcntl(f,F_SETFD,0);
    fcntl(f,F_DUPFD,20);
    struct flock fl={F_WRLCK,SEEK_SET,0,10};
    fcntl(f,F_SETLK,&fl);
    fcntl(f,F_GETLK,&fl);
    flock(f,LOCK_EX|LOCK_NB);
    fallocate(f,FALLOC_FL_KEEP_SIZE,0,4096);
    fsync(f);
    posix_fadvise(f,0,0,POSIX_FADV_DONTNEED);
    struct statx sx;
    statx(AT_FDCWD,"other",AT_SYMLINK_NOFOLLOW,STATX_BASIC_STATS | STATX_BTIME,&sx);
    utimensat(AT_FDCWD,"other",(struct timespec[]){{1,2},{0,UTIME_NOW}},0);
    utimensat(AT_FDCWD,"other",0,0);
    umask(022);
    umask(0);
    pipe(p);
    pipe2(p,O_CLOEXEC|O_NONBLOCK);
    write(p[1],"z",1);
    struct pollfd pf[2]={{p[0],POLLIN|POLLPRI,0},{p[1],POLLOUT,0}};
    poll(pf,2,100);
    pf[0].fd=-1;
    poll(pf,1,0);
    fd_set s;
    FD_ZERO(&s);
    FD_SET(p[0],&s);
    select(p[0]+1,&s,0,0,&(struct timeval){1,5});
    int e=epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event ev={EPOLLIN|EPOLLET,{.u64=7}};
    epoll_ctl(e,EPOLL_CTL_ADD,p[0],&ev);
    struct epoll_event o[4];
    epoll_wait(e,o,4,0);
    epoll_ctl(e,EPOLL_CTL_DEL,p[0],0);
    int q=eventfd(3,EFD_NONBLOCK);
    int tf=timerfd_create(CLOCK_MONOTONIC,TFD_CLOEXEC);
    timerfd_settime(tf,0,&(struct itimerspec){{0,0},{5,1}},0);
    void*m=mmap(0,8192,PROT_READ|PROT_WRITE,MAP_PRIVATE|MAP_ANONYMOUS,-1,0);
    mprotect(m,4096,PROT_READ);
    madvise(m,8192,MADV_DONTNEED);
    mlock(m,4096);
    munmap(m,8192);
    struct sigaction sa={.sa_handler=h,.sa_flags=SA_RESTART};
    sigemptyset(&sa.sa_mask);
    sigaddset(&sa.sa_mask,SIGUSR2);
    sigaction(SIGUSR1,&sa,0);
    sigset_t ss;
    sigemptyset(&ss);
    sigaddset(&ss,SIGINT);
    sigaddset(&ss,40);
    sigprocmask(SIG_BLOCK,&ss,0);
    kill(getpid(),SIGUSR1);
    int pid=fork();
    if(!pid) _exit(3);
    int w;
    waitpid(pid,&w,0);
    signal(SIGCHLD,SIG_IGN);
    int sv[2];
    socketpair(AF_UNIX,SOCK_STREAM|SOCK_CLOEXEC,0,sv);
    struct msghdr mh={.msg_iov=v,.msg_iovlen=2};
    sendmsg(sv[0],&mh,MSG_NOSIGNAL);
    send(sv[0],"hi",2,0);
    struct msghdr mr={.msg_iov=r,.msg_iovlen=2};
    recvmsg(sv[1],&mr,0);
    recv(sv[1],b,10,MSG_DONTWAIT);
    int u=socket(AF_UNIX,SOCK_DGRAM,0);
    struct sockaddr_un su={AF_UNIX,"sock"};
    bind(u,(void*)&su,sizeof su);
    int t=socket(AF_INET,SOCK_STREAM|SOCK_NONBLOCK,IPPROTO_TCP);
    struct sockaddr_in si={AF_INET,htons(81)};
    inet_aton("127.0.0.1",&si.sin_addr);
    connect(t,(void*)&si,sizeof si);
    int one=1;
    setsockopt(t,SOL_SOCKET,SO_REUSEADDR,&one,4);
    setsockopt(t,IPPROTO_TCP,TCP_NODELAY,&one,4);
    socklen_t sl=4;
    getsockopt(t,SOL_SOCKET,SO_TYPE,&one,&sl);
    struct linger li={1,2};
    setsockopt(t,SOL_SOCKET,SO_LINGER,&li,8);
    shutdown(t,SHUT_WR);
    int t6=socket(AF_INET6,SOCK_DGRAM,0);
    struct sockaddr_in6 s6={AF_INET6,htons(5353)};
    s6.sin6_addr=in6addr_loopback;
    bind(t6,(void*)&s6,sizeof s6);
    struct sockaddr_in6 g;
    sl=sizeof g;
    getsockname(t6,(void*)&g,&sl);
    sendto(t6,"q",1,0,(void*)&s6,sizeof s6);
    sl=sizeof g;
    recvfrom(t6,b,20,0,(void*)&g,&sl);
    struct rlimit rl;
    struct timespec ts;
    syscall(SYS_clock_gettime,CLOCK_MONOTONIC_COARSE+0,(void*)0);
    clock_getres(CLOCK_MONOTONIC,&ts);
    nanosleep(&(struct timespec){0,1000},0);
    clock_nanosleep(CLOCK_MONOTONIC,0,&(struct timespec){0,1000},0);
    setitimer(ITIMER_REAL,&(struct itimerval){{0,0},{100,0}},0);
    alarm(0);
    prctl(PR_SET_NAME,"name");
    prctl(PR_GET_NAME,b);
    prctl(PR_SET_PDEATHSIG,SIGTERM);
    int fu=0;
    syscall(SYS_futex,&fu,FUTEX_WAKE_PRIVATE,1,0,0,0);
    syscall(SYS_futex,&fu,FUTEX_WAIT,1,0,0,0);
    ioctl(p[0],FIONREAD,&one);
    ioctl(0,TCGETS,b);
    ioctl(f,0x12345678,0);
    int in=inotify_init1(IN_NONBLOCK);
    inotify_add_watch(in,".",IN_CREATE|IN_DELETE|IN_ONLYDIR);
    sched_yield();
    getpriority(PRIO_PROCESS,0);
    dup2(f,30);
    dup3(f,31,O_CLOEXEC);
    close(999);
    syscall(SYS_openat,-100,"nothing",O_PATH|O_DIRECTORY);
    syscall(SYS_unlinkat,-100,"x",AT_REMOVEDIR);
    syscall(SYS_renameat2,-100,"a",-100,"b",1);
    syscall(SYS_memfd_create,"mem",3);
    syscall(SYS_mremap,0,0,0,1,0);
    syscall(SYS_socket,16,3,0);
    syscall(SYS_close_range,100,200,4);
    syscall(1000,1,2);
    syscall(SYS_splice,0,0,1,0,10,3);
    syscall(SYS_shmget,0,4096,01000|0600);
    syscall(SYS_rt_sigtimedwait,&ss,b,&(struct timespec){0,0},8);
    syscall(SYS_prlimit64,0,RLIMIT_STACK,0,&rl);
    syscall(SYS_mount,"none","/nowhere","tmpfs",MS_NOSUID|MS_NODEV,0);
    syscall(SYS_umount2,"/nowhere",MNT_DETACH);
    syscall(SYS_waitid,P_PID,99999,b,WEXITED|WNOHANG,0);
    syscall(SYS_sched_setscheduler,0,SCHED_BATCH,&(struct sched_param){0});
    syscall(SYS_sigaltstack,0,b);
    syscall(SYS_unshare,0);
    syscall(SYS_kill,99999,0);
    syscall(SYS_mknod,"fifo",S_IFIFO|0600,0);
    syscall(SYS_execve,"/nonexistent",(char*[]){"a","b",0},0);
    unlink("sock");
    unlink("other");
    unlink("fifo");
    chdir("..");
    rmdir("std");
    raise(SIGTERM);
}
