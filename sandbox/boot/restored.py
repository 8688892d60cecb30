"""The processes of an image in the place of first programs.

An image of a pod has several containers. The sandbox's own is there first and waits; each of the others arrives as a
container does that is created. Once the last has arrived the image is read, and each goes on when it is started.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Callable, Final

from sandbox.boot.first_program import ProgramStart
from sandbox.boot.start_failure import StartFailure
from sandbox.checkpoint.contained import OWN, Contained
from sandbox.checkpoint.image import HEADER, BadImage, ImageReader
from sandbox.checkpoint.restore import Restore, check_host, header_of
from sandbox.checkpoint.save import header
from sandbox.fs.procfs.task_files import cmdline
from sandbox.kernel.cgroup.freezer import set_freeze
from tcpip.native import is_compiled

if TYPE_CHECKING:
    from sandbox.boot.options import SandboxOptions
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.view import View

_DAMAGED: Final = "the image is damaged: its containers"


class RestoredStart(ProgramStart):
    """As a ProgramStart with `hold`, of one container. The options are the bundle's: its limits count, its program does not.
    Until the image is read it has no `group`, and `go` is remembered."""

    def __init__(
        self,
        restoration: Restoration,
        label: str,
        view: View,
        options: SandboxOptions,
        failed: Callable[[StartFailure], None],
        running: Callable[[ProgramStart], None],
    ) -> None:
        super().__init__(restoration.kernel, options.program, failed, running)
        container = options.container
        assert container is not None
        self.view = view
        self.contained = Contained(label, view, stdio=(*options.stdio, *container.more_fds))
        self._restoration = restoration
        self._options = options
        self._to_go = False

    def begin(self) -> None:
        """`running` is called once the processes are there; with more containers to come, already when they may come."""
        self._restoration.arrive(self)

    def go(self) -> None:
        """They run."""
        if self.group is None:
            self._to_go = True
        else:
            self._restoration.restore.go(self.view)
            if self.view.cgroup.freeze:  # it was paused
                set_freeze(self.view.cgroup, False)

    def waits(self) -> None:
        """Others have to arrive first."""
        self._running(self)

    def ready(self, early: bool) -> None:
        """The processes are there. `early`: `running` was called before. StartFailure."""
        options, view = self._options, self.contained.view
        screen = self.contained.terminal
        if options.terminal != (screen is not None):
            had, have = ("a", "none") if screen is not None else ("no", "one")
            raise StartFailure(
                f"cannot restore: the container had {had} terminal, and is to have {have} now (process.terminal)"
            )
        self.view, self.group = view, view.first
        for group in view.groups():
            for task in group.tasks:
                task.space.entitle(cmdline(group.leader, task))
                break
        if options.limits.pids:
            view.limit_tasks(options.limits.pids)
        if screen is not None:
            from sandbox.boot.console import restore_console

            self.console = restore_console(self.kernel.reactor, *screen, options.stdio, options.window)
        self._running(self)
        if early and self._to_go:
            self.go()

    def fail(self, why: str) -> None:
        """It does not come to be."""
        self._failed(StartFailure(f"cannot restore: {why}"))


class Restoration:
    """Of one image, whose descriptor is closed when it has been read. `containers` are those that have arrived, `missing` the
    labels of the others."""

    def __init__(self, kernel: Kernel, image: int) -> None:
        self.kernel = kernel
        self.restore: Restore
        self.missing: list[str] = []
        self._image = image
        self._labels: list[str] = []
        self._arrived: dict[str, RestoredStart] = {}
        self._last: RestoredStart

    def why_not(self, label: str) -> str:
        """What is in the way of a container that would arrive; empty for nothing."""
        if label in self.missing:
            return ""
        if label in self._labels:
            return f"container {label} of the image has been restored already"
        others = ", ".join(one for one in self._labels if one != OWN)
        return f"the image has no container {label}" + (f": it has {others}" if others else "")

    def waiting_for(self) -> str:
        """Those that have not arrived, for the user; empty once all have."""
        return ", ".join(self.missing)

    def arrive(self, start: RestoredStart) -> None:
        """One of them. With the last one the processes are made."""
        if start.contained.label == OWN:
            self.kernel.reactor.call_soon(partial(self._open, start))
        else:
            self._add(start)

    def leave(self, label: str, view: View) -> None:
        """A container is removed: one that waited for others is missing again."""
        start = self._arrived.get(label)
        if start is not None and start.view is view and self.missing:
            del self._arrived[label]
            self.missing.append(label)

    def _open(self, start: RestoredStart) -> None:
        if is_compiled():
            start.fail("this sandbox's kernel is compiled")
            return
        try:
            text = header_of(ImageReader(self._image).expect(HEADER))
            check_host(text, header(self.kernel, ()))
            self._labels = labels_of(text)
        except BadImage as error:
            start.fail(str(error))
            return
        except OSError as error:
            start.fail(os.strerror(error.errno or 0))
            return
        self.missing = list(self._labels)
        self._add(start)

    def _add(self, start: RestoredStart) -> None:
        label = start.contained.label
        self.missing.remove(label)
        self._arrived[label] = start
        if self.missing:
            start.waits()
            return
        self._last = start
        containers = [self._arrived[one].contained for one in self._labels]
        self.restore = Restore(self.kernel, self._image, containers, self._made_all)
        self.kernel.reactor.call_soon(self.restore.begin)

    def _made_all(self, why_not: str) -> None:
        os.close(self._image)
        last = self._last
        starts = [*(one for one in self._arrived.values() if one is not last), last]
        try:
            if why_not:
                raise StartFailure(f"cannot restore: {why_not}")
            for start in starts:
                start.ready(start is not last)
        except StartFailure as failure:
            self.failed(last, failure)

    def failed(self, last: RestoredStart, failure: StartFailure) -> None:
        """Nothing of the sandbox is as it was: it ends. Who has come last is told."""
        last._failed(failure)
        own = self._arrived[OWN]
        if own is not last:
            own._failed(failure)


def labels_of(document: dict[str, object]) -> list[str]:
    """The containers of an image, the sandbox's own first. BadImage."""
    rows = document["containers"]
    found = (
        [row[0] for row in rows if isinstance(row, list) and row and isinstance(row[0], str)]
        if isinstance(rows, list)
        else []
    )
    if not found or found[0] != OWN or len(set(found)) != len(found):
        raise BadImage(_DAMAGED)
    return found
