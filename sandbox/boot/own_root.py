"""A root of its own for the sentry: code to read and what it was given, nothing else of the host.

Until then its root is the host's, in a mount namespace of its own: it needs the host's files to come up. Then a tmpfs
becomes the root (pivot_root(2)), in which are what was given (given_mounts.py), a procfs of this PID namespace alone
(where the host's is masked: that one), /dev/null, and, read-only and at their usual places, the standard library and our
packages, of which modules are imported late. Shared libraries are not among it: what our extension modules need is loaded.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final, Sequence

from sandbox.boot import libc
from sandbox.boot.given_mounts import (
    GIVEN,
    PROC,
    SAFE,
    attach,
    attach_all,
    become_root,
    copies_of,
    exchange,
    exchange_all,
    show_root,
)
from sandbox.boot.start_failure import StartFailure
from sandbox.fs.hostfs.filesystem import HIDDEN_TYPES, HostFs
from sandbox.fs.overlay.filesystem import OverlayFs
from sandbox.text import without_octal

if TYPE_CHECKING:
    from sandbox.boot.options import MountOptions, SandboxOptions
    from sandbox.platform.host_proc import HostProc
    from sandbox.vfs.mount import MountNamespace

PACKAGES: Final = ("sandbox", "tcpip")
EMPTY: Final = "empty"  # lies over what of a given directory is the host's kernel's


def enter(options: SandboxOptions, proc: HostProc) -> None:
    """The calling process's root becomes one of its own, in a mount namespace that it is alone in, and the descriptors of
    what is given are what they were, but below that root. `proc` goes with it. StartFailure."""
    try:
        if options.container is None:  # the launcher made the present one, and needs it as it is
            libc.unshare(libc.CLONE_NEWNS)
        trees = copies_of(options, complete=True)
        code = [(path, libc.open_tree(libc.AT_FDCWD, True, path)) for path in code_places()]
        null = libc.open_tree(libc.AT_FDCWD, False, os.devnull) if os.path.exists(os.devnull) else -1
        others = libc.open_tree(libc.AT_FDCWD, True, PROC) if proc.is_outer() else -1
        top = libc.new_tmpfs(b"64k", SAFE)
        os.mkdir(EMPTY, 0o555, dir_fd=top)
        libc.move_mount(top, libc.AT_FDCWD, PROC)
        for path, tree in code:
            libc.mount_setattr(tree, SAFE | libc.MOUNT_ATTR_RDONLY, libc.MS_PRIVATE)
            attach(top, tree, path)
            os.close(tree)
        if null >= 0:  # hooks inside that need it, where there is none, cannot run
            attach(top, null, os.devnull)
            os.close(null)
        attach_all(top, trees)
        attach(top, proc.fileno() if others < 0 else others, PROC)
        become_root(top)
        exchange_all(trees, proc.fileno())
        if others >= 0:
            exchange(proc.fileno(), others, proc.fileno())
        _cover_kernel_files(top)
        os.close(top)
        if options.container is not None and options.container.live_root:
            show_root(options)
    except OSError as error:
        raise StartFailure(f"cannot make a root for the sandbox's kernel: {error}") from None


def follow(namespace: MountNamespace, given: Sequence[MountOptions]) -> None:
    """After `enter`: file systems that were made of `given` before go on from the new descriptors, with nothing open of
    the old ones."""
    for mounted in namespace.mounts():
        fs = mounted.fs.lower if isinstance(mounted.fs, OverlayFs) else mounted.fs
        if isinstance(fs, HostFs):
            fs.reach_by(next(mount.fd for mount in given if _is_of(fs, mount)))


def _is_of(fs: HostFs, mount: MountOptions) -> bool:
    if not fs.owns_root:
        return fs.root_fd == mount.fd
    same = os.path.samestat(os.fstat(fs.root_fd), os.fstat(mount.fd))
    return same and fs.readonly == mount.readonly


def code_places() -> list[str]:
    """The standard library and our packages, as far as they are files and directories of the host."""
    found = {os.path.dirname(os.__file__)}
    found.update(entry for entry in sys.path if os.path.basename(entry) == "lib-dynload")
    for name in PACKAGES:
        archive = getattr(sys.modules[name].__loader__, "archive", "")  # of a zipimporter
        found.update([archive] if archive else sys.modules[name].__path__)
    places: list[str] = []
    for path in sorted(map(os.path.abspath, found)):
        if not any(path.startswith(place + "/") for place in places) and os.path.exists(path):
            places.append(path)
    return places


def _cover_kernel_files(top: int) -> None:
    """File systems of the host's kernel in what was given are never shown to guests, and a procfs of the host's has ways
    to everywhere (proc_pid_root(5)): an empty directory lies over each. OSError."""
    with open(f"{PROC}/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        lines = table.read().splitlines()
    for line in lines:
        fields = line.split(" ")
        point = without_octal(fields[4])
        if point.startswith(f"/{GIVEN}/") and fields[fields.index("-") + 1] in HIDDEN_TYPES and os.path.isdir(point):
            cover = libc.open_tree(top, False, EMPTY)
            libc.move_mount(cover, libc.AT_FDCWD, point)
            os.close(cover)
