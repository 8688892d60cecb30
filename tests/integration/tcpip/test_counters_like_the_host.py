"""The counters of a stack have the names that the host's kernel has."""

from __future__ import annotations

from pathlib import Path

from tcpip.cli.control import ask

from .conftest import HOST, LINK, Namespace
from .programs import tap_for_kernel

Groups = dict[str, dict[str, int]]


def of_the_kernel(pid: int) -> Groups:
    """Of the network namespace that the process is in."""
    groups: Groups = {}
    names: dict[str, list[str]] = {}
    folder = Path(f"/proc/{pid}/net")
    for line in "".join((folder / name).read_text() for name in ("snmp", "netstat", "snmp6")).splitlines():
        group, _, rest = line.partition(": ")
        if not rest:
            name, value = line.split()
            prefix = next(p for p in ("Icmp6", "Ip6", "UdpLite6", "Udp6") if name.startswith(p))
            groups.setdefault(prefix, {})[name[len(prefix) :]] = int(value)
        elif group not in names:
            names[group] = rest.split()
        else:
            groups[group] = dict(zip(names[group], map(int, rest.split()), strict=True))
    return groups


def of_the_stack(control: str) -> Groups:
    groups: Groups = ask(control)["counters"]
    return groups


def test_the_names_are_the_kernels(ns: Namespace, tmp_path: Path) -> None:
    """In its order, without what newer kernels have."""
    tap_for_kernel(ns)
    control = str(tmp_path / "control")
    stack = ns.tcpip("tap", *LINK, *HOST, "--control", control)
    kernel, ours = of_the_kernel(stack.pid), of_the_stack(control)
    for group in ("Ip", "IpExt", "Ip6", "Icmp", "Icmp6", "Tcp", "TcpExt", "Udp", "Udp6"):
        names = [name for name in kernel[group] if name in ours[group]]
        mine = [name for name in ours[group] if name in kernel[group]]
        assert mine == names
        assert mine == list(ours[group]), set(ours[group]) - set(mine)
