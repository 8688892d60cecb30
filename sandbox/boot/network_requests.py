"""NETWORK on a control socket: what the operator asks of the sandbox's network."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from sandbox.control.messages import BadMessage, Fields
from sandbox.gateway.operator import DIRECTIONS, OperatorError
from sandbox.gateway.resolver import read_nameservers

if TYPE_CHECKING:
    from sandbox.control.server import Connection
    from sandbox.control.wire import Frame
    from sandbox.kernel.kernel import Kernel

SPEC_MOST: Final = 1024  # characters


def serve(kernel: Kernel, connection: Connection, frame: Frame) -> None:
    """One request. BadMessage."""
    fields = Fields(frame.body)
    operator = kernel.net.operator(kernel)
    what = fields.text("do")
    try:
        if what == "list":
            connection.answer(operator.listing())
            return
        if what == "capture":
            name = fields.text("interface")
            if len(frame.fds) != 1 or not stat.S_ISSOCK(os.fstat(frame.fds[0]).st_mode):
                raise BadMessage("one socket is needed")
            operator.nics(name)
            operator.capture(kernel.reactor, frame.fds.pop(), name)
        elif what == "impair":
            direction = fields.text("direction")
            if direction not in DIRECTIONS:
                raise BadMessage("direction is none")
            operator.impair(fields.text("interface"), short(fields, "spec"), direction)
        elif what == "allow":
            operator.allow(short(fields, "rule"), read_nameservers(fields.text("resolv_conf")))
        elif what == "deny":
            operator.deny(short(fields, "rule"))
        else:
            raise BadMessage("do is nothing that is known")
    except OperatorError as error:
        connection.refuse("network", str(error))
        return
    connection.answer()


def short(fields: Fields, name: str) -> str:
    """A text of bounded length."""
    value = fields.text(name)
    if len(value) > SPEC_MOST:
        raise BadMessage(f"{name} is too long")
    return value
