"""What NETLINK_KOBJECT_UEVENT says of an interface that comes, goes or is renamed (lib/kobject_uevent.c, net/core/net-sysfs.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.sockets.inet.own_links import BRIDGE, kind_of

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from tcpip.stack.nic import Nic

QUEUES: Final = ("rx-0", "tx-0")


def of_link(network: Network, action: str, nic: Nic, old_name: str = "") -> list[bytes]:
    """The datagrams, in order: `add` and `remove` are told of the queues too. They are numbered through the sandbox."""
    path = f"/devices/virtual/net/{nic.name}"
    own = ["SUBSYSTEM=net"]
    if old_name:
        own.append(f"DEVPATH_OLD=/devices/virtual/net/{old_name}")
    if kind_of(nic) == BRIDGE:
        own.append("DEVTYPE=bridge")
    own += [f"INTERFACE={nic.name}", f"IFINDEX={nic.number}"]
    events = [(path, own)]
    queues = [(f"{path}/queues/{queue}", ["SUBSYSTEM=queues"]) for queue in QUEUES]
    if action == "add":
        events += queues
    elif action == "remove":
        events = queues + events
    return [_datagram(network, action, where, what) for where, what in events]


def _datagram(network: Network, action: str, path: str, rest: list[str]) -> bytes:
    totals = network.totals
    totals.uevents += 1
    words = [f"{action}@{path}", f"ACTION={action}", f"DEVPATH={path}", *rest, f"SEQNUM={totals.uevents}"]
    return "".join([word + "\0" for word in words]).encode("latin-1", "replace")
