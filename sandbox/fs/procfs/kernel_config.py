"""/proc/config.gz: what of Linux this kernel has, in the names of its build options (kernel/configs.c, CONFIG_IKCONFIG_PROC).

Programs that check a machine before they use it read it (container engines, kubeadm, test suites). An option is `y` when what it
stands for is here, in docs/syscalls.md or in /proc/filesystems; `_ABSENT` says of those that are asked for most that they are not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.kernel.kernel import RELEASE

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

_PRESENT: Final = (
    ("General", "64BIT X86 X86_64 MMU SMP MULTIUSER PRINTK IKCONFIG IKCONFIG_PROC HIGH_RES_TIMERS POSIX_TIMERS"),
    ("Processes", "FUTEX FUTEX_PI EPOLL SIGNALFD TIMERFD EVENTFD AIO IO_URING ADVISE_SYSCALLS MEMBARRIER KCMP"),
    ("Processes", "CROSS_MEMORY_ATTACH CHECKPOINT_RESTORE SYSFS_SYSCALL TASKSTATS"),
    ("Programs", "BINFMT_ELF BINFMT_SCRIPT COREDUMP ELF_CORE CORE_DUMP_DEFAULT_ELF_HEADERS"),
    ("IPC", "SYSVIPC SYSVIPC_SYSCTL POSIX_MQUEUE POSIX_MQUEUE_SYSCTL"),
    ("Control groups", "CGROUPS MEMCG CGROUP_PIDS CGROUP_SCHED CFS_BANDWIDTH"),
    ("Namespaces", "NAMESPACES UTS_NS TIME_NS IPC_NS USER_NS PID_NS NET_NS"),
    ("Memory", "SHMEM MEMFD_CREATE SECRETMEM PROC_PAGE_MONITOR NUMA"),
    ("File systems", "PROC_FS PROC_SYSCTL PROC_CHILDREN SYSFS TMPFS TMPFS_POSIX_ACL TMPFS_XATTR DEVTMPFS OVERLAY_FS"),
    ("File systems", "FILE_LOCKING FS_POSIX_ACL FHANDLE DNOTIFY INOTIFY_USER"),
    ("Terminals", "TTY UNIX98_PTYS"),
    ("Security", "KEYS SECURITY SECURITY_LANDLOCK SECCOMP SECCOMP_FILTER"),
    ("Network", "NET PACKET UNIX UNIX_SCM UNIX_DIAG INET IPV6 IP_MULTICAST IP_ADVANCED_ROUTER IP_MULTIPLE_TABLES"),
    (
        "Network",
        "IP_ROUTE_MULTIPATH IPV6_MULTIPLE_TABLES SYN_COOKIES TCP_MD5SIG TCP_CONG_ADVANCED TCP_CONG_CUBIC TCP_CONG_BBR",
    ),
    (
        "Network",
        "INET_DIAG INET_TCP_DIAG INET_UDP_DIAG NETFILTER NETFILTER_ADVANCED NF_CONNTRACK NF_NAT NF_TABLES NF_TABLES_INET",
    ),
    ("Network", "NF_TABLES_IPV4 NF_TABLES_IPV6 NFT_CT NFT_NAT NFT_MASQ NFT_REDIR NFT_LIMIT NFT_LOG NFT_REJECT"),
    (
        "Interfaces",
        "NETDEVICES NET_CORE DUMMY VETH BRIDGE TUN MACVLAN VLAN_8021Q NET_SCHED NET_SCH_TBF NET_SCH_NETEM ETHTOOL_NETLINK",
    ),
)
_ABSENT: Final = (
    ("General", "MODULES SWAP AUDIT BPF BPF_SYSCALL PERF_EVENTS BSD_PROCESS_ACCT KALLSYMS KEXEC PSI"),
    ("Programs", "BINFMT_MISC IA32_EMULATION X86_X32_ABI MODIFY_LDT_SYSCALL USELIB RSEQ"),
    (
        "Control groups",
        "CPUSETS BLK_CGROUP CGROUP_DEVICE CGROUP_FREEZER CGROUP_HUGETLB CGROUP_PERF CGROUP_BPF RT_GROUP_SCHED",
    ),
    ("Control groups", "FAIR_GROUP_SCHED SCHED_AUTOGROUP UCLAMP_TASK NUMA_BALANCING"),
    ("Memory", "USERFAULTFD KSM TRANSPARENT_HUGEPAGE HUGETLBFS HUGETLB_PAGE ZSWAP ANON_VMA_NAME"),
    ("File systems", "BLOCK EXT4_FS XFS_FS BTRFS_FS FUSE_FS 9P_FS NFS_FS AUTOFS_FS QUOTA FANOTIFY DEBUG_FS SECURITYFS"),
    ("Security", "PERSISTENT_KEYRINGS KEY_DH_OPERATIONS ASYMMETRIC_KEY_TYPE WATCH_QUEUE BIG_KEYS TRUSTED_KEYS"),
    ("Security", "SECURITY_SELINUX SECURITY_APPARMOR SECURITY_YAMA CRYPTO_USER_API"),
    (
        "Network",
        "IP_SCTP MPTCP TLS XFRM VSOCKETS BRIDGE_NETFILTER IP_VS IPVLAN VXLAN NET_IPIP WIREGUARD",
    ),
    ("Tracing", "KPROBES FTRACE"),
)


def config(t: Task) -> bytes:
    """The text, compressed as Linux has it."""
    import zlib

    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packer.compress(text(t.kernel.platform.proc.marks_written()).encode()) + packer.flush()


def text(soft_dirty: bool = False) -> str:
    """A line for each option. `soft_dirty`: the host knows of pages whether they were written since it was last asked to forget."""
    lines = ["#", f"# Linux/x86 {RELEASE} Kernel Configuration", "#", 'CONFIG_LOCALVERSION=""']
    for listed, line in ((_PRESENT, "CONFIG_{}=y"), (_ABSENT, "# CONFIG_{} is not set")):
        title = ""
        for heading, names in listed:
            if heading != title:
                lines += ["", "#", f"# {heading}", "#"]
                title = heading
            lines += [line.format(name) for name in names.split()]
    lines.append("CONFIG_MEM_SOFT_DIRTY=y" if soft_dirty else "# CONFIG_MEM_SOFT_DIRTY is not set")
    return "\n".join(lines) + "\n"
