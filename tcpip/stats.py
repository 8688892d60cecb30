"""Counters with Linux's MIB names (/proc/net/snmp, netstat, snmp6), and drops by reason."""

from __future__ import annotations

from collections.abc import Callable

from tcpip import mib
from tcpip.buffer import RxPacket, TxPacket


class Counters:
    """One MIB group. Counts only what is listed in `names`: a misspelt counter is a KeyError."""

    __slots__ = ("values",)

    def __init__(self, names: str) -> None:
        self.values: dict[str, int] = dict.fromkeys(names.split(), 0)

    def inc(self, name: str, by: int = 1) -> None:
        """Count `by` more."""
        self.values[name] += by

    def __getitem__(self, name: str) -> int:
        return self.values[name]


class IcmpCounters(Counters):
    """Of messages: those that have a name, and every type by its number (IcmpMsg, Icmp6InType)."""

    __slots__ = ("kinds", "received", "sent")

    def __init__(self, names: str, kinds: dict[int, str]) -> None:
        super().__init__(names)
        self.kinds = kinds
        self.received: dict[int, int] = {}
        self.sent: dict[int, int] = {}

    def count_received(self, kind: int) -> None:
        """A message whose checksum holds (InMsgs is counted before)."""
        self.received[kind] = self.received.get(kind, 0) + 1
        if kind in self.kinds:
            self.values["In" + self.kinds[kind]] += 1

    def count_sent(self, kind: int) -> None:
        """A message that leaves."""
        self.values["OutMsgs"] += 1
        self.sent[kind] = self.sent.get(kind, 0) + 1
        if kind in self.kinds:
            self.values["Out" + self.kinds[kind]] += 1


class DeviceStats:
    """What passed one interface, of IPv6 (/proc/net/dev_snmp6)."""

    __slots__ = ("ip6", "icmp6")

    def __init__(self) -> None:
        self.ip6 = Counters(mib.IP6)
        self.icmp6 = IcmpCounters(mib.ICMP6, mib.ICMP6_KINDS)

    def count_message(self, kind: int, size: int, multicast: bool) -> None:
        """A packet with one of ICMP's messages, which a NIC itself sends past the routes."""
        self.icmp6.count_sent(kind)
        self.count_out(size, multicast)

    def count_out(self, size: int, multicast: bool) -> None:
        """A packet leaves."""
        values = self.ip6.values
        values["OutRequests"] += 1
        values["OutOctets"] += size
        if multicast:
            values["OutMcastPkts"] += 1
            values["OutMcastOctets"] += size


Trace = Callable[[str, RxPacket | TxPacket | None], None]


class Stats:
    """Everything a stack counts. `drops` is keyed by `DropReason`. `trace`, if there is one, is told of each drop: the reason,
    and the packet where one is at hand. It must not call the stack."""

    __slots__ = (
        "ip",
        "ip_ext",
        "ip6",
        "icmp",
        "icmp6",
        "tcp",
        "tcp_ext",
        "udp",
        "udp6",
        "udplite",
        "udplite6",
        "drops",
        "trace",
    )

    def __init__(self) -> None:
        self.ip = Counters(mib.IP)
        self.ip_ext = Counters(mib.IP_EXT)
        self.ip6 = Counters(mib.IP6)
        self.icmp = IcmpCounters(mib.ICMP, mib.ICMP_KINDS)
        self.icmp6 = IcmpCounters(mib.ICMP6, mib.ICMP6_KINDS)
        self.tcp = Counters(mib.TCP)
        self.tcp_ext = Counters(mib.TCP_EXT)
        self.udp = Counters(mib.UDP)
        self.udp6 = Counters(mib.UDP)
        self.udplite = Counters(mib.UDP)
        self.udplite6 = Counters(mib.UDP)
        self.drops: dict[str, int] = {}
        self.trace: Trace | None = None

    def count_group(self, what: str, size: int) -> None:
        """A packet of IPv4 to many: `InMcast`, `OutMcast`, `InBcast`, `OutBcast`."""
        self.ip_ext.inc(f"{what}Pkts")
        self.ip_ext.inc(f"{what}Octets", size)

    def count_report_v4(self, size: int) -> None:
        """A packet of IGMP, which a NIC itself sends past the routes."""
        self.ip.inc("OutRequests")
        self.ip_ext.inc("OutOctets", size)
        self.count_group("OutMcast", size)

    def count_multicast_v6(self, size: int) -> None:
        """A packet of IPv6 leaves for a group."""
        self.ip6.inc("OutMcastPkts")
        self.ip6.inc("OutMcastOctets", size)

    def count_message_v6(self, kind: int, size: int, multicast: bool) -> None:
        """A packet of IPv6 with one of ICMP's messages, which a NIC itself sends past the routes."""
        self.icmp6.count_sent(kind)
        self.ip6.inc("OutRequests")
        self.ip6.inc("OutOctets", size)
        if multicast:
            self.count_multicast_v6(size)

    def drop(self, reason: str, pkt: RxPacket | TxPacket | None = None, count: int = 1) -> None:
        """A packet less (or `count`), and why."""
        self.drops[reason] = self.drops.get(reason, 0) + count
        if self.trace is not None:
            for _ in range(count):
                self.trace(reason, pkt)
