"""A command that a fork server starts in its place: it hands over what it has, and waits.

To whoever started it, it is the command: it takes the signals, ends with the exit status, and what was started ends with it,
however it ends.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from runsc.failure import RuntimeFailure
from runsc.fork_server import likeness, protocol
from runsc.log import Log
from sandbox import host_signal as signal

if TYPE_CHECKING:
    from _socket import socket

LOST: Final = "the process that the fork server made was killed"


def run_there(place: str, words: list[str], log: Log) -> int | None:
    """The exit status of the command, which a child of the server at `place` runs; None when it has to be run here. The log
    says why. RuntimeFailure: the child was killed."""
    reason = _reason_not_to(words)
    if not reason:
        connection = protocol.new_socket()
        try:
            _ask(connection, place, words)
            status, reason = _follow(connection)
            if not reason:
                return status
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        finally:
            connection.close()  # which ends what is at the other side
    log.write("debug", f"not by the fork server at {place}: {reason}")
    return None


def _reason_not_to(words: list[str]) -> str:
    """What the server could not hand on to a child of another session."""
    for fd in (0, 1, 2):
        if os.isatty(fd):
            return f"descriptor {fd} is a terminal"
    if any("/fd/" in word or "preserve-fds" in word for word in words):
        return "more descriptors are to be handed on"
    return ""


def _ask(connection: socket, place: str, words: list[str]) -> None:
    """OSError, ValueError."""
    connection.connect(place)
    if protocol.peer_of(connection)[1] != os.geteuid():
        raise ValueError("it is somebody else's")
    environment = [name + b"=" + value for name, value in os.environb.items()]
    here = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        arguments = [os.fsencode(word) for word in words]
        request = protocol.Request(likeness.program(), arguments, environment, [0, 1, 2, here])
        protocol.send_request(connection, request)
    finally:
        os.close(here)


def _follow(connection: socket) -> tuple[int, str]:
    """The exit status, or why the server does not do it. OSError: it says nothing. RuntimeFailure."""
    kind, descriptors = protocol.receive_with_descriptors(connection, 1, 1)
    if kind != protocol.TAKEN or not descriptors:
        reason = b""
        while piece := connection.recv(4096):
            reason += piece
        return 0, reason.decode("utf-8", "replace") or "it hangs up"
    connection.setblocking(True)
    for number in signal.FORWARDED:
        handed_on(number, descriptors[0])
    protocol.wait_without_end(connection)
    answer = b""
    while piece := connection.recv(16):  # up to its end, so that nothing of it is left when we end
        answer += piece
    if len(answer) == 2 and answer[:1] == protocol.ENDED:
        return answer[1], ""
    raise RuntimeFailure(LOST)


def handed_on(number: int, pidfd: int) -> None:
    """A signal that comes goes to the process; one that is ignored stays so."""

    def hand_on(number: int, frame: object) -> None:
        try:
            signal.pidfd_send_signal(pidfd, number)
        except ProcessLookupError:
            pass  # it has just ended

    if signal.signal(number, hand_on) == signal.SIG_IGN:
        signal.signal(number, signal.SIG_IGN)
