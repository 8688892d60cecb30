"""The counters of a stack have the names that the host's kernel has."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .conftest import HOST, LINK, Namespace
from .programs import tap_for_kernel

SHOW = "for name in ('snmp', 'netstat', 'snmp6'): print(open('/proc/self/net/' + name).read(), end='')"
Groups = dict[str, dict[str, int]]


def of_the_kernel(ns: Namespace) -> Groups:
    groups: Groups = {}
    names: dict[str, list[str]] = {}
    for line in ns.run(sys.executable, "-c", SHOW).splitlines():
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


def of_the_stack(ns: Namespace, control: str) -> Groups:
    groups: Groups = json.loads(ns.run(sys.executable, "-m", "tcpip", "ss", control, "--json", "-s"))
    return groups


def test_the_names_are_the_kernels(ns: Namespace, tmp_path: Path) -> None:
    """In its order, without what newer kernels have."""
    tap_for_kernel(ns)
    control = str(tmp_path / "control")
    ns.tcpip("tap", *LINK, *HOST, "--control", control)
    kernel, ours = of_the_kernel(ns), of_the_stack(ns, control)
    for group in ("Ip", "IpExt", "Ip6", "Icmp", "Icmp6", "Tcp", "TcpExt", "Udp", "Udp6"):
        names = [name for name in kernel[group] if name in ours[group]]
        mine = [name for name in ours[group] if name in kernel[group]]
        assert mine == names
        assert mine == list(ours[group]), set(ours[group]) - set(mine)
