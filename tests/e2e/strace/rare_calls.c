// Calls that few programs make, once each (test_strace_like.py).
#define _GNU_SOURCE
#include <stdio.h>
#include <unistd.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sched.h>
#include <mqueue.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/msg.h>
#include <sys/shm.h>
#include <sys/timex.h>
#include <sys/ptrace.h>
#include <sys/prctl.h>
#include <sys/personality.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <net/if.h>
#include <netinet/in.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <linux/filter.h>
#include <sys/mount.h>
#include <sys/mman.h>

int main(void) {
    int p[2];
    pipe(p);
    char c[100];
    struct iovec v={"data",4};
    union{char b[64];struct cmsghdr h;}u={.h={CMSG_LEN(8),SOL_SOCKET,SCM_RIGHTS}};
    ((int*)CMSG_DATA(&u.h))[0]=p[0];
    ((int*)CMSG_DATA(&u.h))[1]=p[1];
    int s[2];
    socketpair(AF_UNIX,SOCK_DGRAM,0,s);
    struct msghdr m={.msg_iov=&v,.msg_iovlen=1,.msg_control=u.b,.msg_controllen=CMSG_SPACE(8)};
    sendmsg(s[0],&m,0);
    struct iovec w={c,100};
    struct msghdr n={.msg_iov=&w,.msg_iovlen=1,.msg_control=u.b,.msg_controllen=64};
    recvmsg(s[1],&n,MSG_CMSG_CLOEXEC);
    struct mmsghdr mm[2]={{{.msg_iov=&v,.msg_iovlen=1}},{{.msg_iov=&v,.msg_iovlen=1}}};
    struct mmsghdr mr[2]={{{.msg_iov=&w,.msg_iovlen=1}},{{.msg_iov=&w,.msg_iovlen=1}}};
    syscall(SYS_recvmmsg,s[1],mr,2,MSG_DONTWAIT,0);
    struct __user_cap_header_struct ch={_LINUX_CAPABILITY_VERSION_3,0};
    struct __user_cap_data_struct cd[2];
    struct {unsigned size,policy;unsigned long flags;int nice;unsigned prio;unsigned long a,b,cc;} sa;
    sa.size=48;
    sa.policy=0;
    syscall(SYS_sched_getscheduler,0);
    syscall(SYS_sched_getparam,0,c);
    syscall(SYS_sched_get_priority_max,1);
    syscall(SYS_personality,0xffffffff);
    mqd_t q=syscall(SYS_mq_open,"q",O_RDWR|O_CREAT,0600,&(struct mq_attr){.mq_maxmsg=3,.mq_msgsize=10});
    syscall(SYS_mq_timedsend,q,"m",1,5,0);
    unsigned pr;
    syscall(SYS_mq_timedreceive,q,c,10,&pr,0);
    struct mq_attr ma;
    syscall(SYS_mq_getsetattr,q,0,&ma);
    syscall(SYS_mq_unlink,"q");
    int sm=syscall(SYS_semget,IPC_PRIVATE,2,IPC_CREAT|0600);
    syscall(SYS_semop,sm,&(struct sembuf){0,1,IPC_NOWAIT},1);
    syscall(SYS_semctl,sm,0,SETVAL,3);
    syscall(SYS_semctl,sm,0,GETVAL,0);
    syscall(SYS_semctl,sm,0,IPC_RMID,0);
    int mq=syscall(SYS_msgget,IPC_PRIVATE,IPC_CREAT|0600);
    struct{long t;char b[4];}mb={7,"abc"};
    syscall(SYS_msgsnd,mq,&mb,4,0);
    syscall(SYS_msgrcv,mq,&mb,4,0,MSG_NOERROR|IPC_NOWAIT);
    syscall(SYS_msgctl,mq,IPC_RMID,0);
    int sh=syscall(SYS_shmget,IPC_PRIVATE,4096,IPC_CREAT|0600);
    syscall(SYS_shmctl,sh,IPC_RMID,0);
    syscall(SYS_keyctl,KEYCTL_GET_KEYRING_ID,KEY_SPEC_PROCESS_KEYRING,0);
    syscall(SYS_prctl,PR_GET_DUMPABLE);
    syscall(SYS_prctl,PR_SET_DUMPABLE,1);
    syscall(SYS_prctl,PR_CAPBSET_READ,CAP_KILL);
    syscall(SYS_prctl,PR_GET_NO_NEW_PRIVS,0,0,0,0);
    syscall(SYS_prctl,PR_SET_TIMERSLACK,5000);
    syscall(SYS_prctl,PR_SET_CHILD_SUBREAPER,1);
    syscall(SYS_waitid,P_PIDFD,-1,0,WEXITED|WNOHANG,0);
    syscall(SYS_pidfd_open,getpid(),0);
    syscall(SYS_ioprio_get,1,0);
    struct ifreq ir={"lo"};
    int so=socket(AF_INET,SOCK_DGRAM,0);
    ioctl(so,SIOCGIFINDEX,&ir);
    ioctl(so,SIOCGIFFLAGS,&ir);
    ioctl(so,SIOCGIFMTU,&ir);
    setsockopt(so,SOL_SOCKET,SO_BINDTODEVICE,"lo",3);
    setsockopt(so,IPPROTO_IP,IP_TTL,&(int){7},4);
    struct timeval tv={1,2};
    struct ip_mreq im={{htonl(0xe0000001)},{0}};
    setsockopt(so,IPPROTO_IP,IP_ADD_MEMBERSHIP,&im,8);
    lseek(open("/dev/zero",0),0x200000000L,SEEK_SET);
    int f=open("/tmp",O_TMPFILE|O_RDWR,0600);
    lseek(f,0x200000001L,SEEK_SET);
    syscall(SYS_process_vm_readv,getpid(),&w,1,&v,1,0);
    syscall(SYS_seccomp,SECCOMP_GET_ACTION_AVAIL,0,&(unsigned){SECCOMP_RET_KILL_PROCESS});
    syscall(SYS_mlockall,MCL_CURRENT|MCL_FUTURE);
    syscall(SYS_munlockall);
    syscall(SYS_futex_waitv,0,0,0,0,0);
    syscall(SYS_io_uring_setup,0,0);
    syscall(SYS_setns,-1,CLONE_NEWNET);
    syscall(SYS_getitimer,0,c);
    struct timespec tt;
    syscall(SYS_copy_file_range,f,0,f,0,0,0);
    syscall(SYS_name_to_handle_at,-100,"/nowhere",c,&pr,0);
    syscall(SYS_set_mempolicy,0,0,0);
    raise(SIGKILL);
}
