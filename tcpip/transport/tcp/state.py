"""The states of a connection and the legal moves between them.

Two rules: `TcpEndpoint.set_state` is the only writer of a state, and a move that is not in `NEXT` is a bug that
raises. Numbers are Linux's (include/net/tcp_states.h), so that tcp_info shows them as they are.
Implements: RFC 9293 3.3.2 (figure 5). CLOSED stands for "no connection" and is reachable from everywhere.
"""

from __future__ import annotations

from typing import Final

ESTABLISHED: Final = 1
SYN_SENT: Final = 2
SYN_RECEIVED: Final = 3
FIN_WAIT_1: Final = 4
FIN_WAIT_2: Final = 5
TIME_WAIT: Final = 6
CLOSED: Final = 7
CLOSE_WAIT: Final = 8
LAST_ACK: Final = 9
LISTEN: Final = 10
CLOSING: Final = 11

ALL_STATES: Final = (
    CLOSED,
    LISTEN,
    SYN_SENT,
    SYN_RECEIVED,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    CLOSE_WAIT,
    CLOSING,
    LAST_ACK,
    TIME_WAIT,
)

NAMES: Final[dict[int, str]] = {
    ESTABLISHED: "ESTABLISHED",
    SYN_SENT: "SYN_SENT",
    SYN_RECEIVED: "SYN_RECEIVED",
    FIN_WAIT_1: "FIN_WAIT_1",
    FIN_WAIT_2: "FIN_WAIT_2",
    TIME_WAIT: "TIME_WAIT",
    CLOSED: "CLOSED",
    CLOSE_WAIT: "CLOSE_WAIT",
    LAST_ACK: "LAST_ACK",
    LISTEN: "LISTEN",
    CLOSING: "CLOSING",
}

NEXT: Final[dict[int, frozenset[int]]] = {
    CLOSED: frozenset({LISTEN, SYN_SENT, SYN_RECEIVED}),
    LISTEN: frozenset({CLOSED}),
    SYN_SENT: frozenset({SYN_RECEIVED, ESTABLISHED, CLOSED}),
    SYN_RECEIVED: frozenset({ESTABLISHED, FIN_WAIT_1, CLOSED}),
    ESTABLISHED: frozenset({FIN_WAIT_1, CLOSE_WAIT, CLOSED}),
    FIN_WAIT_1: frozenset({FIN_WAIT_2, CLOSING, TIME_WAIT, CLOSED}),
    FIN_WAIT_2: frozenset({TIME_WAIT, CLOSED}),
    CLOSE_WAIT: frozenset({LAST_ACK, CLOSED}),
    CLOSING: frozenset({TIME_WAIT, CLOSED}),
    LAST_ACK: frozenset({CLOSED}),
    TIME_WAIT: frozenset({CLOSED}),
}
"""A listener's connections are born SYN_RECEIVED, so LISTEN itself moves to CLOSED only."""


class IllegalTransition(Exception):
    """A state change that `NEXT` does not know: a bug of the stack, never the peer's doing."""

    def __init__(self, old: int, new: int) -> None:
        super().__init__(f"{NAMES[old]} -> {NAMES[new]}")


UNSYNCHRONIZED: Final = frozenset({CLOSED, LISTEN, SYN_SENT, SYN_RECEIVED, TIME_WAIT})
RECEIVING: Final = frozenset({FIN_WAIT_1, FIN_WAIT_2})  # closed by us alone


def check_transition(old: int, new: int) -> None:
    """Raise `IllegalTransition` unless `NEXT` allows old -> new."""
    if new not in NEXT[old]:
        raise IllegalTransition(old, new)


DATA_STATES: Final = frozenset({ESTABLISHED, CLOSE_WAIT})
"""Where the user may send."""
_CONNECTED: Final = frozenset({ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT, CLOSING, LAST_ACK, TIME_WAIT})
_CAN_RECEIVE: Final = frozenset({ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2})
_FIN_SENT: Final = frozenset({FIN_WAIT_1, FIN_WAIT_2, CLOSING, LAST_ACK, TIME_WAIT})


def synchronized(state: int) -> bool:
    """Both sides have agreed on sequence numbers (RFC 9293 3.5.1)."""
    return state in _CONNECTED


def can_send(state: int) -> bool:
    """The user may still hand over data."""
    return state in DATA_STATES


def can_receive(state: int) -> bool:
    """The peer may still send data."""
    return state in _CAN_RECEIVE


def fin_sent(state: int) -> bool:
    """We have sent, or queued, our FIN."""
    return state in _FIN_SENT
