"""Every socket option that Linux 6.6 has at the levels of the netstack, and what it does here where that is not plain.

`python -m tools.option_table` prints docs/socket-options.md. Whether an option is there is not written down but asked: a
fresh endpoint of each kind answers.
"""

from __future__ import annotations

from typing import Final

from tools.option_probe import LEVELS, answers
from tools.option_table_more import IPV6, TCP, UDP

IN_THE_SANDBOX: Final = "of the sandbox's sockets, not of the netstack's endpoints"
NO_DEVICE: Final = "kept; no device acts on it"
NO_QDISC: Final = "kept; only queueing disciplines that there are none of act on it"
SOURCES: Final = "the socket filters; routers are asked for every source"
NO_XFRM: Final = "there is no IPsec"

SOCKET: Final[dict[int, tuple[str, str]]] = {
    1: ("SO_DEBUG", IN_THE_SANDBOX),
    2: ("SO_REUSEADDR", ""),
    3: ("SO_TYPE", ""),
    4: ("SO_ERROR", "`socket_error` of an endpoint; an option in the sandbox"),
    5: ("SO_DONTROUTE", "kept"),
    6: ("SO_BROADCAST", ""),
    7: ("SO_SNDBUF", ""),
    8: ("SO_RCVBUF", ""),
    9: ("SO_KEEPALIVE", ""),
    10: ("SO_OOBINLINE", ""),
    11: ("SO_NO_CHECK", ""),
    12: ("SO_PRIORITY", "kept"),
    13: ("SO_LINGER", ""),
    14: ("SO_BSDCOMPAT", "nothing, as on Linux"),
    15: ("SO_REUSEPORT", ""),
    16: ("SO_PASSCRED", IN_THE_SANDBOX),
    17: ("SO_PEERCRED", IN_THE_SANDBOX),
    18: ("SO_RCVLOWAT", ""),
    19: ("SO_SNDLOWAT", "1"),
    20: ("SO_RCVTIMEO", IN_THE_SANDBOX),
    21: ("SO_SNDTIMEO", IN_THE_SANDBOX),
    25: ("SO_BINDTODEVICE", ""),
    26: ("SO_ATTACH_FILTER", "classic BPF; a packet for many sockets meets 16,384 instructions, is lost for the rest"),
    27: ("SO_DETACH_FILTER", ""),
    28: ("SO_PEERNAME", IN_THE_SANDBOX),
    29: ("SO_TIMESTAMP", "of datagrams"),
    30: ("SO_ACCEPTCONN", ""),
    31: ("SO_PEERSEC", "there is no security module"),
    32: ("SO_SNDBUFFORCE", ""),
    33: ("SO_RCVBUFFORCE", ""),
    34: ("SO_PASSSEC", IN_THE_SANDBOX),
    35: ("SO_TIMESTAMPNS", "of datagrams"),
    36: ("SO_MARK", "routing rules and packet filter see it"),
    37: ("SO_TIMESTAMPING", "in software, sent and received; of a stream what is sent, without the packets"),
    38: ("SO_PROTOCOL", ""),
    39: ("SO_DOMAIN", ""),
    40: ("SO_RXQ_OVFL", ""),
    41: ("SO_WIFI_STATUS", NO_DEVICE),
    42: ("SO_PEEK_OFF", "UDP and TCP"),
    43: ("SO_NOFCS", NO_DEVICE),
    44: ("SO_LOCK_FILTER", ""),
    45: ("SO_SELECT_ERR_QUEUE", ""),
    46: ("SO_BUSY_POLL", "kept; nothing has to be polled for"),
    47: ("SO_MAX_PACING_RATE", "TCP keeps to it; of other kinds " + NO_QDISC),
    48: ("SO_BPF_EXTENSIONS", ""),
    49: ("SO_INCOMING_CPU", "kept; all packets are handled on one processor"),
    50: ("SO_ATTACH_BPF", "in the sandbox EBADF or EINVAL: there is no bpf(2)"),
    51: ("SO_ATTACH_REUSEPORT_CBPF", "classic BPF"),
    52: ("SO_ATTACH_REUSEPORT_EBPF", "in the sandbox EBADF or EINVAL: there is no bpf(2)"),
    53: ("SO_CNX_ADVICE", "1: what was learnt about the path is forgotten"),
    55: ("SO_MEMINFO", IN_THE_SANDBOX),
    56: ("SO_INCOMING_NAPI_ID", "0, as of an interface without NAPI"),
    57: ("SO_COOKIE", IN_THE_SANDBOX),
    59: ("SO_PEERGROUPS", IN_THE_SANDBOX),
    60: ("SO_ZEROCOPY", "TCP; data are copied, and the notifications say so"),
    61: ("SO_TXTIME", NO_QDISC),
    62: ("SO_BINDTOIFINDEX", ""),
    63: ("SO_TIMESTAMP_NEW", "of datagrams"),
    64: ("SO_TIMESTAMPNS_NEW", "of datagrams"),
    65: ("SO_TIMESTAMPING_NEW", "as SO_TIMESTAMPING"),
    66: ("SO_RCVTIMEO_NEW", IN_THE_SANDBOX),
    67: ("SO_SNDTIMEO_NEW", IN_THE_SANDBOX),
    68: ("SO_DETACH_REUSEPORT_BPF", ""),
    69: ("SO_PREFER_BUSY_POLL", "kept; nothing has to be polled for"),
    70: ("SO_BUSY_POLL_BUDGET", "kept; nothing has to be polled for"),
    71: ("SO_NETNS_COOKIE", IN_THE_SANDBOX),
    72: ("SO_BUF_LOCK", ""),
    73: ("SO_RESERVE_MEM", "EOPNOTSUPP: no memory cgroup counts sockets"),
    74: ("SO_TXREHASH", "a time-out changes the flow label"),
    75: ("SO_RCVMARK", "of datagrams"),
    76: ("SO_PASSPIDFD", IN_THE_SANDBOX),
    77: ("SO_PEERPIDFD", IN_THE_SANDBOX),
}

IP: Final[dict[int, tuple[str, str]]] = {
    1: ("IP_TOS", ""),
    2: ("IP_TTL", ""),
    3: ("IP_HDRINCL", ""),
    4: ("IP_OPTIONS", "no source routes; accepted connections answer with what their SYN had"),
    5: ("IP_ROUTER_ALERT", "raw"),
    6: ("IP_RECVOPTS", ""),
    7: ("IP_RETOPTS", ""),
    8: ("IP_PKTINFO", "of datagrams"),
    9: ("IP_PKTOPTIONS", "of TCP"),
    10: ("IP_MTU_DISCOVER", ""),
    11: ("IP_RECVERR", ""),
    12: ("IP_RECVTTL", "of datagrams"),
    13: ("IP_RECVTOS", "of datagrams"),
    14: ("IP_MTU", ""),
    15: ("IP_FREEBIND", ""),
    16: ("IP_IPSEC_POLICY", NO_XFRM),
    17: ("IP_XFRM_POLICY", NO_XFRM),
    18: ("IP_PASSSEC", "kept; there is no security module"),
    19: ("IP_TRANSPARENT", ""),
    20: ("IP_RECVORIGDSTADDR", "of datagrams"),
    21: ("IP_MINTTL", "TCP, as on Linux"),
    22: ("IP_NODEFRAG", "kept; what is sent is never put together"),
    23: ("IP_CHECKSUM", "kept; no device sums whole packets"),
    24: ("IP_BIND_ADDRESS_NO_PORT", "kept"),
    25: ("IP_RECVFRAGSIZE", "of datagrams"),
    26: ("IP_RECVERR_RFC4884", "of datagrams"),
    32: ("IP_MULTICAST_IF", ""),
    33: ("IP_MULTICAST_TTL", ""),
    34: ("IP_MULTICAST_LOOP", ""),
    35: ("IP_ADD_MEMBERSHIP", ""),
    36: ("IP_DROP_MEMBERSHIP", ""),
    37: ("IP_UNBLOCK_SOURCE", SOURCES),
    38: ("IP_BLOCK_SOURCE", SOURCES),
    39: ("IP_ADD_SOURCE_MEMBERSHIP", SOURCES),
    40: ("IP_DROP_SOURCE_MEMBERSHIP", SOURCES),
    41: ("IP_MSFILTER", SOURCES + "; read with an argument"),
    42: ("MCAST_JOIN_GROUP", ""),
    43: ("MCAST_BLOCK_SOURCE", SOURCES),
    44: ("MCAST_UNBLOCK_SOURCE", SOURCES),
    45: ("MCAST_LEAVE_GROUP", ""),
    46: ("MCAST_JOIN_SOURCE_GROUP", SOURCES),
    47: ("MCAST_LEAVE_SOURCE_GROUP", SOURCES),
    48: ("MCAST_MSFILTER", SOURCES + "; read with an argument"),
    49: ("IP_MULTICAST_ALL", ""),
    50: ("IP_UNICAST_IF", ""),
    51: ("IP_LOCAL_PORT_RANGE", ""),
    52: ("IP_PROTOCOL", ""),
}

TABLES: Final = dict(zip(LEVELS, (SOCKET, IP, IPV6, TCP, UDP), strict=True))
_TITLES: Final = dict(
    zip(LEVELS, ("SOL_SOCKET", "IPPROTO_IP", "IPPROTO_IPV6", "IPPROTO_TCP", "IPPROTO_UDP"), strict=True)
)
HEAD: Final = """\
# Socket options

Printed by `python -m tools.option_table`. What is read and set, and by which kinds of endpoints, was asked of fresh ones;
the names are Linux 6.6's. An empty cell: the option is refused with ENOPROTOOPT (or, where Linux has it so, another errno).
"kept": the value is checked and given back as Linux does, and nothing else comes of it.
"""


def page() -> str:
    """docs/socket-options.md."""
    out = [HEAD]
    for level, rows in TABLES.items():
        out.append(f"\n## {_TITLES[level]}\n\n| number | option | read | set | note |\n|---|---|---|---|---|\n")
        for number, (name, note) in rows.items():
            getting, setting = answers(level, number)
            out.append(f"| {number} | `{name}` | {', '.join(getting)} | {', '.join(setting)} | {note} |\n")
    return "".join(out)


if __name__ == "__main__":
    print(page(), end="")
