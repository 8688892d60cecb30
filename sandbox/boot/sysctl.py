"""Settings that a container begins with, by their names in sysctl(8): what /proc/sys inside has, set by the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.boot.start_failure import StartFailure
from sandbox.errors import SyscallError
from sandbox.fs.procfs.filesystem import ProcFs
from sandbox.fs.pseudo.nodes import FixedFile, PseudoFile
from sandbox.kernel.credentials import Credentials

if TYPE_CHECKING:
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.task import Task
    from sandbox.vfs.inode import Inode


def apply(kernel: Kernel, task: Task, settings: dict[str, str]) -> None:
    """Set them, whatever the container's own process may do; one that cannot be changed may be asked for as it is.
    StartFailure."""
    own = task.creds
    task.creds = Credentials()
    try:
        _apply(kernel, task, settings)
    finally:
        task.creds = own


def _apply(kernel: Kernel, task: Task, settings: dict[str, str]) -> None:
    root = ProcFs(kernel, kernel.mounts.vfs.new_dev(), task.pids).root
    for name, value in settings.items():
        inode = _find(root, name)
        if inode is None:
            path = name.replace(".", "/")  # in runc's words, too: Docker has a status for them
            raise StartFailure(
                f"linux.sysctl.{name}: there is no such setting inside: open /proc/sys/{path}: no such file or directory"
            )
        if not value:  # nothing is written
            continue
        if isinstance(inode, FixedFile):
            if inode.content(task).split() != value.encode().split():
                raise StartFailure(f"linux.sysctl.{name}: cannot be changed to {value!r}")
            continue
        try:
            inode.store(task, value.encode())
        except SyscallError:
            raise StartFailure(f"linux.sysctl.{name}: cannot be set to {value!r}") from None


def _find(root: Inode, name: str) -> PseudoFile | None:
    here: Inode | None = root.lookup(b"sys")
    for part in name.replace(".", "/").split("/"):
        here = here.lookup(part.encode("utf-8", "replace")) if here is not None and here.is_dir() else None
    return here if isinstance(here, PseudoFile) else None
