"""Directories and files that are given to a sandbox, as mounts that cannot be climbed out of.

`..` of a descriptor that was opened on the host leads to the host's tree. A copy of its mount that is attached in a tmpfs
of our own, which is the root of a mount namespace, ends there: its descriptor leads to that tmpfs and no further. Attached,
it is a slave (mount_namespaces(7)): what the host mounts below later is seen, and what is done here is not seen there.
"""

from __future__ import annotations

import _socket
import fcntl
import os
import stat
import struct
from typing import TYPE_CHECKING, Final

from sandbox.boot import libc
from sandbox.boot.options import MOUNT_TMPFS
from sandbox.boot.start_failure import StartFailure

if TYPE_CHECKING:
    from sandbox.boot.options import MountOptions, SandboxOptions

GIVEN: Final = "given"
PROC: Final = "/proc"
SAFE: Final = libc.MOUNT_ATTR_NOSUID | libc.MOUNT_ATTR_NODEV
_INT: Final = struct.Struct("i")
_DONE: Final = b"+"
_FAILED: Final = b"!"


def copies_of(options: SandboxOptions, complete: bool) -> list[tuple[MountOptions, int]]:
    """What is given, each with a copy of its mount that is attached nowhere. `complete`: mount points have been made, so
    that a root that is only read can be read-only. OSError, StartFailure."""
    trees = []
    for mount in options.given():
        tree = _copy_of(mount)
        flags = SAFE | (libc.MOUNT_ATTR_RDONLY if options.only_read(mount, complete) else 0)
        libc.mount_setattr(tree, flags, libc.MS_PRIVATE if mount.propagation & libc.MS_PRIVATE else 0)
        trees.append((mount, tree))
    return trees


def _copy_of(mount: MountOptions) -> int:
    """The mount that a given descriptor is on, from there on, is found in this namespace by its name, unless it came by
    itself."""
    if mount.tree >= 0:
        tree, mount.tree = mount.tree, -1
        return tree
    name = os.fsdecode(mount.place)
    try:
        fd = os.open(mount.place, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise StartFailure(f"{name} is not there any more: {error.strerror}") from None
    try:
        if not os.path.samestat(os.fstat(fd), os.fstat(mount.fd)):
            raise StartFailure(f"{name} is not there any more: it was replaced, or something was mounted over it")
        if not mount.recursive:
            try:
                return libc.open_tree(fd, False)
            except OSError:
                pass  # in a user namespace what is mounted below cannot be left out (mount_namespaces(7))
        return libc.open_tree(fd, True)
    finally:
        os.close(fd)


def attach_all(top: int, trees: list[tuple[MountOptions, int]]) -> None:
    """At given/0, given/1 … of the tmpfs `top`. OSError."""
    for number, (_, tree) in enumerate(trees):
        attach(top, tree, f"{GIVEN}/{number}")


def attach(top: int, tree: int, path: str) -> None:
    """Mount a tree at a place below `top` that is made for it. OSError."""
    *above, name = path.strip("/").split("/")
    at = os.dup(top)
    try:
        for directory in above:
            at = _enter_directory(at, directory, True)
        _make_place(at, name, stat.S_ISDIR(os.fstat(tree).st_mode))
        libc.move_mount(tree, at, name)
    finally:
        os.close(at)


def _enter_directory(at: int, name: str, make: bool) -> int:
    """`name` in the directory `at`, where it is no link; `make` it if it is not there. `at` is closed. OSError, with `at`
    still open."""
    if make:
        _make_place(at, name, True)
    fd = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
    os.close(at)
    return fd


def _make_place(at: int, name: str, directory: bool) -> None:
    """Something to mount on, if nothing is there. OSError."""
    try:
        os.stat(name, dir_fd=at, follow_symlinks=False)
    except FileNotFoundError:
        if directory:
            os.mkdir(name, 0o755, dir_fd=at)
        else:
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o755, dir_fd=at))


def become_root(top: int) -> None:
    """The tmpfs `top`, which lies over /proc, is all that is left of this mount namespace. OSError."""
    os.fchdir(top)
    libc.pivot_root(b".", b".")
    libc.umount(b".", libc.MNT_DETACH)
    os.chdir("/")
    libc.mount_setattr(top, SAFE | libc.MOUNT_ATTR_NOEXEC | libc.MOUNT_ATTR_RDONLY, recursive=False)


def show_root(options: SandboxOptions) -> None:
    """Over the root of this mount namespace lies the container's, with its volumes: whoever enters the namespace has it (podman
    copies files so). What is in a tmpfs of the sandbox's kernel cannot be shown: there an empty one lies that cannot be written
    to. The root of the calling process stays what it is, as chroot(2) has it. OSError."""
    tree = libc.open_tree(options.root.fd, True)
    try:
        libc.move_mount(tree, libc.AT_FDCWD, "/")
        make = options.container is not None and not options.container.id_maps
        own: list[bytes] = []  # of the sandbox's kernel; what is below is seen inside only
        for mount in options.mounts:
            if mount.fd < 0:
                own.append(mount.target.rstrip(b"/") + b"/")
            if mount.target.startswith(tuple(own)):
                continue
            if mount.fd >= 0:
                _show(tree, mount, libc.open_tree(mount.fd, True), make)
            elif mount.kind == MOUNT_TMPFS:
                _show(tree, mount, libc.new_tmpfs(b"4k", SAFE | libc.MOUNT_ATTR_RDONLY), make)
    finally:
        os.close(tree)


def _show(top: int, mount: MountOptions, tree: int, make: bool) -> None:
    """`tree`, which is closed, where the target is no link of the guest's making. The sandbox's kernel, which makes places for
    mounts, may have yet to do so: `make` one here, which belongs to root."""
    *above, name = os.fsdecode(mount.target).strip("/").split("/")
    at = os.dup(top)
    try:
        for directory in above:
            at = _enter_directory(at, directory, make)
        if make:
            _make_place(at, name, stat.S_ISDIR(os.fstat(tree).st_mode))
        libc.move_mount(tree, at, name)
    except OSError:
        pass  # a link, or inside a file system of the sandbox's kernel
    finally:
        os.close(at)
        os.close(tree)


def exchange_all(trees: list[tuple[MountOptions, int]], proc: int) -> None:
    """The given descriptors lead to the copies from now on. `proc`: of a procfs. OSError."""
    for mount, tree in trees:
        exchange(mount.fd, tree, proc)


def exchange(fd: int, tree: int, proc: int) -> None:
    """`fd` becomes a descriptor of the root of `tree`, opened in the same way; `tree` is closed. OSError."""
    new = tree
    if not fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_PATH:
        if stat.S_ISDIR(os.fstat(tree).st_mode):
            new = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=tree)
        else:
            new = os.open(f"self/fd/{tree}", os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
    os.dup2(new, fd, inheritable=False)
    for one in {new, tree}:
        os.close(one)


def shut_in(options: SandboxOptions) -> int:
    """For a sandbox that runs already and can mount nothing: a process that ends at once makes the mounts in a namespace
    of their own, and the given descriptors lead there from now on. The namespace lasts, and what the host mounts is
    seen, as long as the descriptor that is returned is open. StartFailure, HostLacks."""
    options.note_places()
    given = options.given()
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        try:
            _make_and_send(options, theirs)
        finally:
            os._exit(0)
    theirs.close()
    fds: list[int] = []
    said, ancillary, _, _ = ours.recvmsg(4096, _socket.CMSG_SPACE((len(given) + 1) * _INT.size))
    ours.close()
    os.waitpid(pid, 0)
    for mount in given:
        if mount.tree >= 0:  # the process had it
            os.close(mount.tree)
            mount.tree = -1
    for _, _, data in ancillary:
        fds += (fd for (fd,) in _INT.iter_unpack(data))
    if said != _DONE or len(fds) != len(given) + 1:
        raise StartFailure(said[1:].decode("utf-8", "replace") or "the process that mounts what is given was killed")
    for mount, fd in zip(given, fds, strict=False):
        os.dup2(fd, mount.fd, inheritable=False)
        os.close(fd)
    return fds[-1]


def _make_and_send(options: SandboxOptions, channel: _socket.socket) -> None:
    from sandbox.boot.host_checks import HostLacks
    from sandbox.boot.namespaces import isolate_mounts

    try:
        os.umask(0)  # in places that are made here
        isolate_mounts(os.geteuid(), os.getegid())
        proc = os.open(PROC, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        namespace = os.open("self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
        trees = copies_of(options, complete=False)
        top = libc.new_tmpfs(b"64k", SAFE)
        libc.move_mount(top, libc.AT_FDCWD, PROC)
        attach_all(top, trees)
        become_root(top)
        exchange_all(trees, proc)
        if options.container is not None and options.container.live_root:
            show_root(options)
    except (OSError, StartFailure, HostLacks) as error:
        channel.send(_FAILED + str(error).encode("utf-8", "replace"))
        return
    fds = b"".join(_INT.pack(fd) for fd in (*(mount.fd for mount, _ in trees), namespace))
    channel.sendmsg([_DONE], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, fds)])
