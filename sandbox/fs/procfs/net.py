"""/proc/net: tables of the network stack. Their text comes from `vfs.proc_net`, which the socket layer sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Iterator

from sandbox.abi.linux.stat import S_IFREG
from sandbox.fs.pseudo.nodes import PseudoDir, PseudoFile

if TYPE_CHECKING:
    from sandbox.fs.procfs.filesystem import ProcFs
    from sandbox.kernel.task import Task
    from sandbox.vfs.inode import Inode

_SOCKET_HEAD: Final = (
    b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
)
_SOCKET6_HEAD: Final = (
    b"  sl  local_address                         remote_address                        st tx_queue rx_queue tr "
    b"tm->when retrnsmt   uid  timeout inode"
)

LEAST_MTU_6: Final = 1280

# What a stack without anything in it shows.
EMPTY: Final[dict[str, bytes]] = {
    "anycast6": b"",
    "arp": b"IP address       HW type     Flags       HW address            Mask     Device\n",
    "dev": (
        b"Inter-|   Receive                                                |  Transmit\n"
        b" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls "
        b"carrier compressed\n"
    ),
    "dev_mcast": b"",
    "fib_trie": b"",
    "icmp": (_SOCKET_HEAD + b" ref pointer drops").ljust(127) + b"\n",
    "if_inet6": b"",
    "igmp": b"Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n",
    "igmp6": b"",
    "icmp6": _SOCKET6_HEAD + b" ref pointer drops\n",
    "ip6_flowlabel": b"",
    "ip6_mr_cache": b"Group                            Origin                           Iif      Pkts  Bytes     Wrong  Oifs\n",
    "ip6_mr_vif": b"Interface      BytesIn  PktsIn  BytesOut PktsOut Flags\n",
    "ip_mr_cache": b"Group    Origin   Iif     Pkts    Bytes    Wrong Oifs\n",
    "ip_mr_vif": b"Interface      BytesIn  PktsIn  BytesOut PktsOut Flags Local    Remote\n",
    "ipv6_route": b"",
    "mcfilter": b"",
    "mcfilter6": b"",
    "netlink": b"sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n",
    "netstat": b"",
    "psched": b"",
    "ptype": b"",
    "nf_conntrack": b"",
    "stat/nf_conntrack": (
        b"entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  "
        b"expect_new expect_create expect_delete search_restart\n"
    ),
    "packet": b"sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n",
    "protocols": (
        b"protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re bi br ha uh gp em\n"
    ),
    "raw": _SOCKET_HEAD + b" ref pointer drops\n",
    "raw6": _SOCKET6_HEAD + b" ref pointer drops\n",
    "route": (
        b"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT" + b" " * 55 + b"\n"
    ),
    "rt6_stats": b"",
    "rt_cache": (  # there has been none since Linux 3.6
        b"Iface\tDestination\tGateway \tFlags\t\tRefCnt\tUse\tMetric\tSource\t\tMTU\tWindow\tIRTT\tTOS\tHHRef\tHHUptod\tSpecDst"
        + b" " * 26
        + b"\n"
    ),
    "snmp": b"",
    "snmp6": b"",
    "sockstat": b"sockets: used 0\n",
    "sockstat6": b"",
    "softnet_stat": b"",
    "tcp": _SOCKET_HEAD + b" " * 53 + b"\n",
    "tcp6": _SOCKET6_HEAD + b"\n",
    "udp": (b" " + _SOCKET_HEAD + b" ref pointer drops").ljust(127) + b"\n",
    "udp6": _SOCKET6_HEAD + b" ref pointer drops\n",
    "udplite": (b" " + _SOCKET_HEAD + b" ref pointer drops").ljust(127) + b"\n",
    "udplite6": _SOCKET6_HEAD + b" ref pointer drops\n",
    "unix": b"Num       RefCount Protocol Flags    Type St Inode Path\n",
    "wireless": b"",
}


class NetFile(PseudoFile):
    """One table."""

    __slots__ = ("task", "table")

    def __init__(self, fs: ProcFs, ino: int, task: Task, table: str) -> None:
        super().__init__(fs, ino)
        self.task = task
        self.table = table

    def content(self, t: Task) -> bytes | Iterator[bytes]:
        """The socket layer's text; the empty table without one."""
        provider = t.kernel.mounts.vfs.proc_net
        text = provider(self.task.ns.net, self.table) if provider is not None else None
        return EMPTY.get(self.table, b"") if text is None else text


class Device6Dir(PseudoDir):
    """dev_snmp6: a file for each interface that speaks IPv6."""

    __slots__ = ("procfs", "task")

    def __init__(self, fs: ProcFs, task: Task) -> None:
        super().__init__(fs, fs.new_ino())
        self.procfs = fs
        self.task = task
        self.live = True

    def _names(self) -> list[bytes]:
        stack = self.task.ns.net.stack
        nics = stack.nics.values() if stack is not None else ()
        return [nic.name.encode() for nic in nics if nic.mtu >= LEAST_MTU_6]

    def lookup(self, name: bytes) -> Inode | None:
        """Made when somebody looks."""
        return self.made_when_looked(name, self._names(), self._made)

    def _made(self, name: str) -> Inode:
        return NetFile(self.procfs, self.procfs.new_ino(), self.task, f"dev_snmp6/{name}")

    def entries(self) -> list[tuple[bytes, int, int]]:
        """The names that there are."""
        return [(name, self.ino + 1, S_IFREG) for name in self._names()]


def build(fs: ProcFs, task: Task) -> PseudoDir:
    """The directory of a task's network namespace."""
    root, below = PseudoDir(fs, fs.new_ino()), PseudoDir(fs, fs.new_ino())
    root.add("stat", below)
    root.add("dev_snmp6", Device6Dir(fs, task))
    for table in EMPTY:
        file = NetFile(fs, fs.new_ino(), task, table)
        directory, name = (below, table[5:]) if table.startswith("stat/") else (root, table)
        directory.add(name, file)
        if name == "nf_conntrack" and directory is root:
            file.mode = file.mode & ~0o777 | 0o440
    return root
