"""Connections as the script sees them, and as the stack does: ports, sequence numbers and timestamps of both.

A script says 0:0(0) for whatever initial number the stack has chosen, counts from the SYNs of both sides in all packets
that are no SYNs themselves, and gives port numbers only where it cares. A `Flow` maps between the two. As in packetdrill one flow at a time is the one under test: the newest socket, or the newest connection
of a listener. Packets that name their ports are of the flow with these ports, so that several can be in one script.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from tcpip.transport.endpoint import Endpoint
from tools.packetdrill.errors import Difference
from tools.packetdrill.settings import Settings
from tools.packetdrill.wire import U32

NEW: Final = "new"
LISTENING: Final = "listening"
CONNECTING: Final = "connecting"
SYN_SENT: Final = "syn sent"
PASSIVE: Final = "passive"
CONNECTED: Final = "connected"
FIRST_EPHEMERAL: Final = 40000


@dataclass(slots=True, eq=False)
class Flow:
    """`local_port` and `remote_port` are the stack's; `ports` (local, remote) the script's, 0 where it names none."""

    protocol: int
    state: str = NEW
    local: bytes = b""
    remote: bytes = b""
    local_port: int = 0
    remote_port: int = 0
    ports: tuple[int, int] = (0, 0)
    script_isn: int = 0
    live_isn: int = 0
    remote_isn: int = 0
    offered_isn: int = 0
    fd: int = -1
    ts_live: dict[int, int] = field(default_factory=dict)
    ts_first: tuple[int, int] | None = None
    label: tuple[int, int] | None = None
    last_endpoint: Endpoint | None = None

    def ours(self, syn: bool) -> int:
        """What to add to one of our sequence numbers of the script to have the stack's."""
        return self.live_isn - self.script_isn if syn else self.live_isn

    def theirs(self, syn: bool) -> int:
        """The same for the peer's: on a SYN they are as the script has them."""
        return 0 if syn else self.remote_isn

    def note_timestamp(self, script: int, live: int) -> None:
        """The stack's timestamp in a packet for which the script has one."""
        self.ts_live[script] = live
        if self.ts_first is None:
            self.ts_first = (script, live)

    def script_timestamp(self, live: int) -> int:
        """The stack's timestamp, counted from the script's first."""
        if self.ts_first is None:
            return live
        return (self.ts_first[0] + live - self.ts_first[1]) & U32

    def live_echo(self, script: int, scaled: bool) -> int:
        """What to echo where the script echoes `script`."""
        if script in self.ts_live:
            return self.ts_live[script]
        if scaled and self.ts_first is not None:
            return (script - self.ts_first[0] + self.ts_first[1]) & U32
        raise Difference(
            f"unable to infer live TS ecr for script TS ecr {script};  no matching or preceding outbound TS val"
        )


class Flows:
    """All flows of a script, and the one under test."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.all: list[Flow] = []
        self.current: Flow | None = None
        self._next_port = FIRST_EPHEMERAL

    def new(self, protocol: int) -> Flow:
        """A socket, or a listener's connection: from now on the one under test."""
        flow = Flow(protocol)
        self.all.append(flow)
        self.current = flow
        return flow

    def passive(self, protocol: int, source_port: int, ports: tuple[int, int]) -> Flow:
        """A connection that comes in; `ports` (source, destination) when the script names them."""
        flow = self.new(protocol)
        flow.state = PASSIVE
        flow.local, flow.remote = self.settings.local, self.settings.remote
        flow.local_port = ports[1] or source_port
        flow.remote_port = ports[0] or self._ephemeral()
        flow.ports = (ports[1], ports[0])
        return flow

    def _ephemeral(self) -> int:
        self._next_port += 1
        return self._next_port

    def of_ports(self, local: int, remote: int) -> Flow | None:
        """The newest flow for which the script has named these ports, or whose ports they are."""
        for flow in reversed(self.all):
            if flow.ports == (local, remote) or (flow.local_port, flow.remote_port) == (local, remote):
                return flow
        return None

    def of_fd(self, fd: int) -> Flow | None:
        """The newest flow of a descriptor."""
        for flow in reversed(self.all):
            if flow.fd == fd:
                return flow
        return None
