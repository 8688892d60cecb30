"""System calls of a script: a table of them, and the checking of what they answer.

A call's function gives an `Operation`: one attempt that answers a number, fails with CallError, or says None when it
would block. Who runs it (runner.py) decides whether to wait.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tcpip.errors import NetworkError
from tools.packetdrill.errors import CallError, Difference, ScriptError
from tools.packetdrill.file_space import FileSpace
from tools.packetdrill.files import Descriptor, Socket, translated
from tools.packetdrill.flows import Flows
from tools.packetdrill.host import Host
from tools.packetdrill.report import errno_text
from tools.packetdrill.settings import Settings
from tools.packetdrill.syntax import ELLIPSIS, NO_CHECK, Call
from tools.packetdrill.values import Arguments, errno_number, number

FIRST_FD: Final = 3


def _nothing(_: int) -> None:
    """Most calls answer a number and nothing else."""


@dataclass(slots=True)
class Operation:
    """`timeout` µs until `late` is the answer (NO_CHECK: never); `finish` checks what else the call gave back."""

    attempt: Callable[[], int | None]
    blocking: bool = False
    timeout: int = NO_CHECK
    late: int = -1
    finish: Callable[[int], None] = _nothing


@dataclass(slots=True)
class Context:
    """What calls work on. `expected` is the result that the script has: a new descriptor's number."""

    settings: Settings
    host: Host
    flows: Flows
    descriptors: dict[int, Descriptor]
    files: FileSpace
    not_zeros: Callable[[], None]
    expected: int = 0
    nameless: list[Descriptor] = field(default_factory=list)

    def descriptor(self, fd: int) -> Descriptor:
        if fd not in self.descriptors:
            raise CallError(errno.EBADF)
        return self.descriptors[fd]

    def socket(self, fd: int) -> Socket:
        found = self.descriptor(fd)
        if not isinstance(found, Socket):
            raise CallError(errno.ENOTSOCK)
        return found

    def adopt(self, descriptor: Descriptor) -> int:
        """A new descriptor: the number that the script expects, else the lowest free one. The script's numbers are names:
        one that it uses again stands for the newest, and the file that it stood for stays open."""
        fd = self.expected
        if fd < 0:
            fd = FIRST_FD
            while fd in self.descriptors:
                fd += 1
        if fd in self.descriptors:
            self.nameless.append(self.descriptors[fd])
        self.descriptors[fd] = descriptor
        return fd


Handler = Callable[[Context, Arguments], Operation]


def handlers() -> dict[str, Handler]:
    """All calls by name."""
    from tools.packetdrill import calls_data, calls_files, calls_options, calls_socket, calls_wait

    return {
        **calls_socket.CALLS,
        **calls_data.CALLS,
        **calls_options.CALLS,
        **calls_wait.CALLS,
        **calls_files.CALLS,
    }


def operation(context: Context, call: Call) -> Operation:
    """What a call is about to do. ScriptError for an unknown one, or arguments that it does not take."""
    handler = handlers().get(call.name)
    if handler is None:
        raise ScriptError(f"Unknown system call: '{call.name}'")
    context.expected = call.result if isinstance(call.result, int) else NO_CHECK
    try:
        return handler(context, Arguments(call.arguments))
    except CallError as error:
        number = error.errno
        return Operation(lambda: _refused(number))


def _refused(number: int) -> int:
    raise CallError(number)


def attempt(run: Callable[[], int | None]) -> tuple[int | None, int]:
    """(result, errno) of one attempt."""
    try:
        return run(), 0
    except CallError as error:
        return -1, error.errno
    except NetworkError as error:
        return -1, translated(error).errno


def verify(call: Call, result: int, failure: int, finish: Callable[[int], None]) -> None:
    """The answer, then the errno, then what was handed back. Difference in packetdrill's words."""
    got = f"but got {result}" + (f" with {errno_text(failure)}" if result < 0 else "")
    if call.result is not ELLIPSIS:
        expected = number(call.result)
        if expected != result:
            raise Difference(f"Expected result {expected} {got}", "syscall")
        if expected < 0 and call.errno:
            wanted = errno_number(call.errno)
            if wanted != failure:
                raise Difference(f"Expected {errno_text(wanted)} but got {errno_text(failure)}", "syscall")
    if result >= 0:
        finish(result)
