"""`runsc port-forward`: ports of this host's loopback lead to ports of a container's, while the command runs."""

from __future__ import annotations

import _socket
import errno
import os
import select
import sys
from typing import TYPE_CHECKING, Final

from runsc.config import Config
from runsc.failure import EXIT_FAILURE, RuntimeFailure, UsageError
from runsc.flags import Values
from runsc.log import Log
from runsc.verb import Verb

if TYPE_CHECKING:
    from runsc.container.container import Container

DEFAULT_ADDRESS: Final = "127.0.0.1"
BACKLOG: Final = 128
DETAILS: Final = (
    "REMOTE is a port that something in the container listens on, at its loopback or at every address. LOCAL is the same one\n"
    "unless it is given; 0 or nothing before the colon: a free one, which is printed. Until the container or the command ends."
)


class Rule:
    """[ADDR:][LOCAL:]REMOTE, and what listens for it."""

    def __init__(self, text: str) -> None:
        """UsageError."""
        head, colon, remote = text.rpartition(":")
        address, _, local = head.rpartition(":")
        self.text = text
        self.address = address.removeprefix("[").removesuffix("]") or DEFAULT_ADDRESS
        self.remote = number(text, remote)
        self.local = self.remote if not colon else number(text, local or "0", 0)
        self.sock: _socket.socket

    def listen(self) -> None:
        """RuntimeFailure."""
        family = _socket.AF_INET6 if ":" in self.address else _socket.AF_INET
        self.sock = _socket.socket(family, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK)
        try:
            self.sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
            self.sock.bind((self.address, self.local))
            self.sock.listen(BACKLOG)
        except OSError as error:  # without a number: the address is none
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else "not an address of this host"
            if error.errno == errno.EADDRINUSE:
                reason = "address in use"
            raise RuntimeFailure(f"{self.text}: {self.address} port {self.local}: {reason}") from None
        self.local = self.sock.getsockname()[1]


def number(text: str, word: str, least: int = 1) -> int:
    """A port."""
    if not (word.isascii() and word.isdigit() and len(word) <= 5 and least <= int(word) <= 65535):
        raise UsageError(f"port-forward {text!r}: the form is [ADDR:][LOCAL:]REMOTE")
    return int(word)


def run(config: Config, values: Values, words: list[str]) -> int:
    """Until the container ends (0) or a signal comes."""
    if len(words) < 2:
        raise UsageError("port-forward needs a container id and [ADDR:][LOCAL:]REMOTE")
    rules = [Rule(text) for text in words[1:]]
    from runsc.container import status
    from runsc.container.container import load
    from sandbox.control import wire
    from sandbox.control.client import SandboxGone

    container = load(config.root, words[0])
    container.check(status.ASK)
    try:
        waiting = container.connect()
        waiting.send(wire.WAIT, {})
    except SandboxGone:
        raise RuntimeFailure("container not running") from None
    poll = select.poll()
    poll.register(waiting.fileno(), select.POLLIN)
    listeners = {}
    for rule in rules:
        rule.listen()
        poll.register(rule.sock.fileno(), select.POLLIN)
        listeners[rule.sock.fileno()] = rule
        sys.stdout.write(f"{rule.address}:{rule.local} -> {rule.remote}\n")
    sys.stdout.flush()
    while True:
        for fd, _ in poll.poll():
            if fd == waiting.fileno():
                return 0
            hand_over(container, listeners[fd], config.log)


def hand_over(container: Container, rule: Rule, log: Log) -> None:
    """One connection goes to the sandbox; a sandbox that does not take it closes it."""
    from runsc.cli import report
    from sandbox.control import wire

    try:
        fd, _ = rule.sock._accept()  # type: ignore[attr-defined]  # what socket.accept wraps
    except OSError:
        return
    try:
        container.call(wire.FORWARD, {"port": rule.remote}, fds=(fd,))
    except RuntimeFailure as failure:
        report(log, failure)
    finally:
        os.close(fd)


VERB: Final = Verb(
    "port-forward",
    "lead ports of this host to a container's",
    "ID [ADDR:][LOCAL:]REMOTE…",
    (),
    EXIT_FAILURE,
    run,
    DETAILS,
)
