"""What a parsed script consists of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

ABSOLUTE: Final = "absolute"
RELATIVE: Final = "relative"
ANY: Final = "any"

ECN_UNCHECKED: Final = ""
ECN_BITS: Final = "ecn"
ECN_ECT01: Final = "ect01"
ECN_TOS: Final = "tos"

NO_CHECK: Final = -1


class Ellipsis_:
    """`...`: a value that the runner fills in, or does not look at."""

    def __repr__(self) -> str:
        return "..."


ELLIPSIS: Final = Ellipsis_()


@dataclass(frozen=True, slots=True)
class Word:
    """A name: a constant, or a flag."""

    name: str


@dataclass(frozen=True, slots=True)
class Or:
    """Values joined with `|`."""

    parts: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Struct:
    """`{name=value, …}`; the names tell which structure of C it is. Values without a name are in `items`."""

    fields: dict[str, Any]
    items: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Address:
    """inet_addr("…"), inet6_addr("…"), inet_pton(…, "…")."""

    text: str


@dataclass(frozen=True, slots=True)
class When:
    """The time of an event, µs. `end` is the other end of a range, NO_CHECK for none."""

    kind: str
    at: int = 0
    end: int = NO_CHECK


@dataclass(slots=True)
class IpInfo:
    """What stands in brackets after the direction; `ttl` 0 and `flow_label` 0 are not looked at."""

    check: str = ECN_UNCHECKED
    tos: int = 0
    ttl: int = 0
    flow_label: int = 0


@dataclass(slots=True)
class TcpSpec:
    """A TCP packet of the script. `options` None: not looked at; `window` NO_CHECK likewise. `ace` as AccECN has it."""

    flags: str
    seq: int
    length: int
    ack: int = 0
    window: int = NO_CHECK
    urgent: int = 0
    options: bytes | None = b""
    ace: int = NO_CHECK


@dataclass(slots=True)
class UdpSpec:
    """A datagram of `length` bytes."""

    length: int


@dataclass(slots=True)
class IcmpSpec:
    """An ICMP message. `quoted` is "tcp", "udp" or "raw": what of ours it quotes, with `seq` and `length`."""

    type: int
    code: int
    mtu: int = NO_CHECK
    ident: int = 0
    quoted: str = "tcp"
    seq: int = 0
    length: int = 0


@dataclass(slots=True)
class Packet:
    """One packet line. `ports` (source, destination) when the script names them, else (0, 0)."""

    inbound: bool
    ip: IpInfo
    body: TcpSpec | UdpSpec | IcmpSpec
    ports: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class Call:
    """One system call. `end` is when a blocking one returns (µs, NO_CHECK: it does not block)."""

    name: str
    arguments: list[Any]
    result: Any
    errno: str = ""
    note: str = ""
    end: int = NO_CHECK


@dataclass(slots=True)
class Command:
    """Back-quoted shell."""

    text: str


@dataclass(slots=True)
class Code:
    """Python between %{ and }%."""

    text: str


@dataclass(slots=True)
class Event:
    """One line of the script."""

    line: int
    when: When
    action: Packet | Call | Command | Code


@dataclass(slots=True)
class Script:
    """A whole script. `options` as (name, value or None, line)."""

    options: list[tuple[str, str | None, int]] = field(default_factory=list)
    init: tuple[Command, int] | None = None
    events: list[Event] = field(default_factory=list)
    cleanup: tuple[Command, int] | None = None
