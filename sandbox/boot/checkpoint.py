"""A checkpoint that somebody has asked for over the control socket."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable, Sequence

from sandbox.checkpoint.save import CannotSave, Save, Saved

if TYPE_CHECKING:
    from sandbox.checkpoint.contained import Contained
    from sandbox.control.server import Connection
    from sandbox.kernel.kernel import Kernel


def save(
    kernel: Kernel, fd: int, containers: Sequence[Contained], connection: Connection, then: Callable[[bool], None]
) -> None:
    """Write an image to `fd`, which is closed; `then(done?)` when the answer is given, with the processes running again."""

    def saved(what: Saved) -> None:
        os.close(fd)
        connection.answer({"bytes": what.size, "processes": what.processes})
        work.freezer.thaw()
        then(True)

    def failed(why: str) -> None:
        os.close(fd)
        work.freezer.thaw()
        connection.refuse("checkpoint", f"cannot checkpoint: {why}")
        then(False)

    work = Save(kernel, fd, containers, saved, failed)
    try:
        work.begin()
    except CannotSave as error:
        failed(str(error))
