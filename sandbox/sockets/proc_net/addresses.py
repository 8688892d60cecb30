"""/proc/net/if_inet6, igmp and igmp6: addresses and groups of interfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET6
from sandbox.sockets.inet.link_state import address_flags
from sandbox.sockets.proc_net.inet_sockets import words
from tcpip.addr import is_link_local, is_loopback

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from tcpip.network.group_filter import GroupFilter
    from tcpip.stack.nic import Nic

_LO_SCOPE, _LINK_SCOPE, _GLOBAL_SCOPE = 0x10, 0x20, 0x00
NS_PER_TICK: Final = 10_000_000
MAF_TIMER_RUNNING: Final = 1
MAF_LAST_REPORTER: Final = 2
MAF_LOADED: Final = 4
MAF_NOREPORT: Final = 8
MAF_GSQUERY: Final = 16
_ALL_NODES: Final = bytes.fromhex("ff020000000000000000000000000001")
_ALL_NODES_HERE: Final = bytes.fromhex("ff010000000000000000000000000001")


def addresses6(network: Network) -> list[str]:
    """Of IPv6 (net/ipv6/addrconf.c: if6_seq_show)."""
    rows = []
    for nic in network.stack.nics.values():
        for address in nic.addresses_of(AF_INET6):
            addr = address.addr
            scope = _LO_SCOPE if is_loopback(addr) else _LINK_SCOPE if is_link_local(addr) else _GLOBAL_SCOPE
            rows.append(
                f"{addr.hex()} {nic.number:02x} {address.prefix_len:02x} {scope:02x} {address_flags(nic, address) & 0xFF:02x} {nic.name:>8}\n"
            )
    return rows


def _ticks(kept: GroupFilter | None, now: int) -> int:
    """Until the answer for a group is due, in clock ticks; -1 when none is."""
    if kept is None or kept.timer.deadline is None:
        return -1
    return max(kept.timer.deadline - now, 0) // NS_PER_TICK


def _state(nic: Nic, group: bytes) -> int:
    """mca_flags: what does not leave the host is asked of no device."""
    if group[1] & 15 < 2:
        return MAF_NOREPORT
    if group == _ALL_NODES:
        return MAF_LOADED | MAF_NOREPORT
    kept = nic.mld.groups.get(group)
    if kept is None:
        return MAF_LOADED
    waits = MAF_TIMER_RUNNING if kept.timer.deadline is not None else 0
    return MAF_LOADED | waits | (MAF_LAST_REPORTER if kept.reporter else 0) | (MAF_GSQUERY if kept.only_asked else 0)


def groups(network: Network) -> list[str]:
    """Of IPv4, with how many have joined each (net/ipv4/igmp.c: igmp_mc_seq_show)."""
    rows = []
    now = network.stack.clock.now_ns()
    for nic in network.stack.nics.values():
        listener = nic.igmp
        joined = [(group, users) for group, users in nic.groups.items() if len(group) == 4]
        querier = "V1" if listener.is_oldest() else "V2" if listener.is_old() else "V3"
        rows.append(f"{nic.number}\t{nic.name:<10}: {len(joined):5d} {querier:>7}\n")
        for group, users in reversed(joined):
            kept = listener.groups.get(group)
            left = _ticks(kept, now)
            reporter = int(kept is not None and kept.reporter)
            rows.append(f"\t\t\t\t{words(group)} {users:5d} {int(left >= 0)}:{max(left, 0):08X}\t\t{reporter}\n")
    return rows


def groups6(network: Network) -> list[str]:
    """Of IPv6 (net/ipv6/mcast.c: igmp6_mc_seq_show)."""
    rows = []
    now = network.stack.clock.now_ns()
    for nic in network.stack.nics.values():
        joined = [(group, users, _state(nic, group)) for group, users in nic.groups.items() if len(group) == 16]
        if not joined:
            continue
        ordered = [row for row in reversed(joined) if row[0] != _ALL_NODES]
        ordered += [row for row in joined if row[0] == _ALL_NODES]
        ordered.append((_ALL_NODES_HERE, 1, MAF_NOREPORT))
        rows += [
            f"{nic.number:<4d} {nic.name:<15} {group.hex()} {users:5d} {flags:08X} {max(_ticks(nic.mld.groups.get(group), now), 0)}\n"
            for group, users, flags in ordered
        ]
    return rows
