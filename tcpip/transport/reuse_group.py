"""SO_ATTACH_REUSEPORT_CBPF: a classic BPF program that says which of the endpoints that share a port gets a packet.

Source: socket(7), net/core/sock_reuseport.c, net/core/filter.c: sk_reuseport_attach_filter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.buffer import RxPacket
from tcpip.errors import NetworkError
from tcpip.transport.option_values import int_value

if TYPE_CHECKING:
    from tcpip.transport.demux import Bound
    from tcpip.transport.socket_options import SocketOptions

UDP_HEADER: Final = 8


class ReusePortGroup:
    """Those at one port, in the order in which a program counts them: who leaves is replaced by the last."""

    __slots__ = ("members", "program")

    def __init__(self) -> None:
        self.members: list[Bound] = []
        self.program = b""

    def leave(self, entry: Bound) -> None:
        """Harmless when it is not there."""
        if entry in self.members:
            last = self.members.pop()
            if last is not entry:
                self.members[self.members.index(entry)] = last

    def choose(self, pkt: RxPacket) -> Bound | None:
        """Whom the program chooses, which sees what is behind the transport's header; None: nobody that there is."""
        if pkt.nic is None:
            return None
        tcp = pkt.protocol == so.IPPROTO_TCP
        header = (pkt.data[pkt.transport + 12] >> 4) * 4 if tcp else UDP_HEADER
        from tcpip.transport.socket_filter import run_program

        index = run_program(self.program, pkt, pkt.transport + header, pkt.nic.stack.random)
        return self.members[index] if index < len(self.members) else None


def set_group_program(options: SocketOptions, name: int, value: int | bytes) -> None:
    """SO_ATTACH_REUSEPORT_CBPF, SO_DETACH_REUSEPORT_BPF. NOT_PERMITTED, INVALID_ARGUMENT, NO_SUCH_FILE."""
    group = options.group
    if name == so.SO_DETACH_REUSEPORT_BPF:
        int_value(value)
        if group is None and not options.reuse_port:
            raise NetworkError(errors.INVALID_ARGUMENT)
        if group is None or not group.program:
            raise NetworkError(errors.NO_SUCH_FILE)
        group.program = b""
        return
    if options.filter_locked:
        raise NetworkError(errors.NOT_PERMITTED)
    from tcpip.transport.socket_filter import checked_program

    program = checked_program(value)
    if group is None:
        if not options.reuse_port or options.hashed:
            raise NetworkError(errors.INVALID_ARGUMENT)
        group = options.group = ReusePortGroup()
    group.program = program
