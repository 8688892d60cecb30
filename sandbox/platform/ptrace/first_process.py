"""The first process: empty, traced, and never run. Every other is forked from it."""

from __future__ import annotations

import os
import socket
from typing import NoReturn

from sandbox.platform import hostcalls
from sandbox.platform.base import PlatformError
from sandbox.platform.empty_process import give_up_rights, leave_host
from sandbox.platform.ptrace import tracing
from sandbox.platform.ptrace.stub_image import stub_image

SOCKET_FD = 0  # all that it has open: where descriptors are lent to it
LENT_FD = 1  # what it gets there


def start(lend: socket.socket) -> int:
    """Its pid, stopped before its first instruction. Raises PlatformError with what the host refused."""
    image = os.memfd_create("stub", os.MFD_CLOEXEC)
    os.write(image, stub_image())
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become_stub(image, lend.fileno(), told)
    os.close(told)
    os.close(image)
    with open(ready, "rb") as said:
        complaint = said.read()
    status = tracing.wait_for(pid)
    if complaint or not os.WIFSTOPPED(status):
        raise PlatformError(complaint.decode(errors="replace") or f"the first guest process ended with {status:#x}")
    return pid


def _become_stub(image: int, lend: int, told: int) -> NoReturn:
    """In the child: give everything up, then execute the stub. Never returns."""
    try:
        leave_host()
        os.set_inheritable(told, False)
        os.dup2(lend, SOCKET_FD, inheritable=True)
        os.dup2(image, 3, inheritable=False)
        told = os.dup2(told, 4, inheritable=False)
        hostcalls.close_range(1, 2)
        hostcalls.close_range(5)
        give_up_rights()
        tracing.ask_to_be_traced()
        os.execve(3, ["stub"], {})
    except BaseException as error:
        os.write(told, f"cannot set up the first guest process: {error}".encode())
    finally:
        os._exit(99)
