"""How each call's arguments are written: a line for each, the words of decode.py in their order.

`<` before a word: the call fills it in, and it is written when the call has ended; what a call both takes and fills in is
written as it is taken. Calls whose arguments depend on each other are in by_operation.py.
"""

from __future__ import annotations

from typing import Final

TEXT: Final = """
read fd <buf size
write fd buf size
open path openflags created
close fd
stat path <stat
fstat fd <stat
lstat path <stat
poll pollfds uint int
lseek fd long whence
mmap addr size prot mapflags fd off
mprotect addr size prot
munmap addr size
brk addr
rt_sigaction sig sigaction <sigaction size
rt_sigprocmask sighow sigset <sigset size
rt_sigreturn
pread64 fd <buf size long
pwrite64 fd buf size long
readv fd <iovec int
writev fd iovec int
access path access
pipe <pair
select int fdset fdset fdset timeval
sched_yield
mremap addr size size mremap new_address
msync addr size msync
mincore addr size addr
madvise addr size madvice
shmget ipckey size ipcflags
shmat int addr shmat
shmctl int ipccmd addr
dup fd
dup2 fd fd
pause
nanosleep timespec <timespec
getitimer itimer <itimerval
alarm uint
setitimer itimer itimerval <itimerval
getpid
sendfile fd fd longp size
socket af socktype protocol
connect fd sockaddr int
accept fd <filled <intp
sendto fd buf size msg sockaddr int
recvfrom fd <buf size msg <filled <intp
sendmsg fd message msg
recvmsg fd <received msg
shutdown fd shut
bind fd sockaddr int
listen fd int
getsockname fd <filled <intp
getpeername fd <filled <intp
socketpair af socktype protocol <pair
fork
vfork
execve path strings environment
exit int
wait4 pid <status waitflags <rusagep
kill pid sig
uname <utsname
semget ipckey int ipcflags
semop int sembufs size
shmdt addr
msgget ipckey ipcflags
msgsnd int msgbuf size msgrcv
msgrcv int <msgbuf size long msgrcv
msgctl int ipccmd addr
flock fd flockop
fsync fd
fdatasync fd
truncate path long
ftruncate fd long
getdents fd <dirents uint
getcwd <buf size
chdir path
fchdir fd
rename path path
mkdir path mode
rmdir path
creat path mode
link path path
unlink path
symlink path path
readlink path <buf size
chmod path mode
fchmod fd mode
chown path int int
fchown fd int int
lchown path int int
umask mode
gettimeofday <timeval <timezone
getrlimit rlimit_of <rlimit
getrusage rusage_of <rusagep
sysinfo <sysinfo
times <tms
getuid
syslog int <buf int
getgid
setuid int
setgid int
geteuid
getegid
setpgid pid pid
getppid
getpgrp
setsid
setreuid int int
setregid int int
getgroups int <groups
setgroups size groups
setresuid int int int
getresuid <uintp <uintp <uintp
setresgid int int int
getresgid <uintp <uintp <uintp
getpgid pid
setfsuid int
setfsgid int
getsid pid
capget cap_header <cap_data
capset cap_header cap_data
rt_sigpending <sigset size
rt_sigtimedwait sigset <siginfo timespec size
rt_sigqueueinfo pid sig siginfo
rt_sigsuspend sigset size
sigaltstack stack_t <stack_t
utime path utimbuf
mknod path filemode dev
personality persona_or_ask
ustat hex addr
statfs path <statfs
fstatfs fd <statfs
sysfs int long long
getpriority prio int
setpriority prio int int
sched_setparam pid sched_param
sched_getparam pid <sched_param
sched_setscheduler pid sched sched_param
sched_getscheduler pid
sched_get_priority_max sched
sched_get_priority_min sched
sched_rr_get_interval pid <timespec
mlock addr size
munlock addr size
mlockall mcl
munlockall
vhangup
modify_ldt int addr size
pivot_root path path
_sysctl addr
adjtimex timex
setrlimit rlimit_of rlimit
chroot path
sync
acct path
settimeofday timeval timezone
mount path path str mountflags addr
umount2 path umount
swapon path hex
swapoff path
reboot hex hex reboot addr
sethostname buf int
setdomainname buf int
iopl int
ioperm hex hex int
init_module addr size str
delete_module str cloexec
quotactl hex path int addr
gettid
readahead fd long size
setxattr path str buf size xattrflags
lsetxattr path str buf size xattrflags
fsetxattr fd str buf size xattrflags
getxattr path str <buf size
lgetxattr path str <buf size
fgetxattr fd str <buf size
listxattr path <buf size
llistxattr path <buf size
flistxattr fd <buf size
removexattr path str
lremovexattr path str
fremovexattr fd str
tkill pid sig
time <longp
sched_setaffinity pid size cpus
sched_getaffinity pid size <cpus
io_setup uint longp
io_destroy hex
io_getevents hex long long addr timespec
io_submit hex long addr
io_cancel hex addr addr
epoll_create int
remap_file_pages addr size prot size mapflags
getdents64 fd <dirents uint
set_tid_address addr
restart_syscall
semtimedop int sembufs size timespec
fadvise64 fd long long fadvice
timer_create clock sigevent <intp
timer_settime int timerflags itimerspec <itimerspec
timer_gettime int <itimerspec
timer_getoverrun int
timer_delete int
clock_settime clock timespec
clock_gettime clock <timespec
clock_getres clock <timespec
clock_nanosleep clock timerflags timespec <timespec
exit_group int
epoll_wait fd <epolled int int
epoll_ctl fd epoll_op fd epoll_event
tgkill pid pid sig
utimes path utimes
mbind addr size mempolicy addr size hex
set_mempolicy mempolicy addr size
get_mempolicy <intp addr size addr hex
mq_open str openflags created mq_attr
mq_unlink str
mq_timedsend fd buf size uint timespec
mq_timedreceive fd <buf size <uintp timespec
mq_notify fd sigevent
mq_getsetattr fd mq_attr <mq_attr
kexec_load hex size addr hex
waitid waitid_of pid <siginfo waitflags <rusagep
add_key str str buf size keyring
request_key str str str keyring
ioprio_set ioprio_who int ioprio
ioprio_get ioprio_who int
inotify_init
inotify_add_watch fd path inotify
inotify_rm_watch fd int
migrate_pages pid size addr addr
openat dirfd path openflags created
mkdirat dirfd path mode
mknodat dirfd path filemode dev
fchownat dirfd path int int at
futimesat dirfd path utimes
newfstatat dirfd path <stat at
unlinkat dirfd path at
renameat dirfd path dirfd path
linkat dirfd path dirfd path at
symlinkat path dirfd path
readlinkat dirfd path <buf size
fchmodat dirfd path mode
faccessat dirfd path access
pselect6 int fdset fdset fdset timespec addr
ppoll pollfds uint timespec sigset size
unshare cloneflags
set_robust_list addr size
get_robust_list pid <longp <longp
splice fd longp fd longp size splice
tee fd fd size splice
sync_file_range fd long long hex
vmsplice fd iovec size splice
move_pages pid size addr addr addr hex
utimensat dirfd path times at
epoll_pwait fd <epolled int int sigset size
signalfd fd sigset size
timerfd_create clock tfd
eventfd uint
fallocate fd fallocate long long
timerfd_settime fd tfd_set itimerspec <itimerspec
timerfd_gettime fd <itimerspec
accept4 fd <filled <intp sockflags
signalfd4 fd sigset size sfd
eventfd2 uint efd
epoll_create1 epoll_create
dup3 fd fd cloexec
pipe2 <pair pipeflags
inotify_init1 inotify_init
preadv fd <iovec int long
pwritev fd iovec int long
rt_tgsigqueueinfo pid pid sig siginfo
perf_event_open addr pid int fd hex
recvmmsg fd <messages uint msg timespec
fanotify_init hex openflags
fanotify_mark fd hex hex dirfd path
prlimit64 pid rlimit_of rlimit <rlimit
name_to_handle_at dirfd path file_handle <intp at
open_by_handle_at dirfd file_handle openflags
clock_adjtime clock timex
syncfs fd
sendmmsg fd messages uint msg
setns fd cloneflags
getcpu <uintp <uintp addr
process_vm_readv pid <iovec size remote size hex
process_vm_writev pid iovec size remote size hex
kcmp pid pid kcmp uint uint
finit_module fd str hex
sched_setattr pid sched_attr uint
sched_getattr pid <sched_attr uint uint
renameat2 dirfd path dirfd path rename
getrandom <buf size grnd
memfd_create str memfd
kexec_file_load fd fd size str hex
bpf int addr uint
execveat dirfd path strings environment at
userfaultfd cloexec
mlock2 addr size mlock2
copy_file_range fd longp fd longp size hex
preadv2 fd <iovec int long long rwf
pwritev2 fd iovec int long long rwf
pkey_mprotect addr size prot int
pkey_alloc hex hex
pkey_free int
statx dirfd path statx_at statx_mask <statx
io_pgetevents hex long long addr timespec addr
rseq addr hex hex hex
pidfd_send_signal fd sig siginfo hex
io_uring_setup uint addr
io_uring_enter fd uint uint uring_enter sigset size
io_uring_register fd uring_register addr uint
open_tree dirfd path open_tree
move_mount dirfd path dirfd path move_mount
fsopen str fsopen
fsconfig fd fsconfig str addr int
fsmount fd fsmount hex
fspick dirfd path fspick
pidfd_open pid pidfdflags
clone3 clone_args size
close_range uint uint close_range
openat2 dirfd path open_how size
pidfd_getfd fd fd hex
faccessat2 dirfd path access at_access
process_madvise fd iovec size madvice hex
epoll_pwait2 fd <epolled int timespec sigset size
mount_setattr dirfd path hex addr size
quotactl_fd fd hex int addr
landlock_create_ruleset addr size landlock_create
landlock_add_rule fd landlock_rule addr hex
landlock_restrict_self fd hex
memfd_secret hex
process_mrelease fd hex
futex_waitv addr uint hex timespec clock
set_mempolicy_home_node addr size hex hex
cachestat fd addr addr hex
fchmodat2 dirfd path mode at
map_shadow_stack addr size hex
futex_wake addr hex int hex
futex_wait addr hex hex hex timespec clock
futex_requeue addr hex int int
statmount addr addr size hex
listmount addr addr size hex
lsm_get_self_attr uint addr addr hex
lsm_set_self_attr uint addr uint hex
lsm_list_modules addr addr hex
mseal addr size hex
create_module
get_kernel_syms
query_module
nfsservctl
getpmsg
putpmsg
afs_syscall
tuxcall
security
set_thread_area
get_thread_area
lookup_dcookie
epoll_ctl_old
epoll_wait_old
vserver
uselib path
"""

CALLS: Final[dict[str, tuple[str, ...]]] = {
    words[0]: tuple(words[1:]) for line in TEXT.splitlines() if (words := line.split())
}
