"""The first process's view of files: the root, what every sandbox has, and what was asked for."""

from __future__ import annotations

import errno
import fcntl
import os
from typing import TYPE_CHECKING, Final, Sequence

from sandbox.abi.linux.stat import S_IFCHR, S_IFIFO, S_IFMT, makedev
from sandbox.abi.linux.statfs import (
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_RDONLY,
    MS_REC,
    MS_SHARED,
    MS_SLAVE,
    ST_RDONLY,
    ST_RELATIME,
)
from sandbox.boot.copy_up import copy_up
from sandbox.boot.options import (
    MOUNT_BIND,
    MOUNT_CGROUP,
    MOUNT_DEV,
    MOUNT_DEVPTS,
    MOUNT_MQUEUE,
    MOUNT_OVERLAY,
    MOUNT_PROC,
    MOUNT_SYSFS,
    MOUNT_TMPFS,
    DeviceOptions,
    MountOptions,
    SandboxOptions,
)
from sandbox.boot.start_failure import StartFailure
from sandbox.errors import SyscallError
from sandbox.fs.hostfs.filesystem import HostFs
from sandbox.fs.hostfs.held import HOLD_NS
from sandbox.fs.overlay.filesystem import OverlayFs
from sandbox.fs.overlay.root import build_namespace, build_root, find_point, make_point
from sandbox.fs.tmpfs.directory import TmpfsDir
from sandbox.fs.tmpfs.filesystem import Tmpfs
from sandbox.fs.tmpfs.options import TmpfsOptions
from sandbox.fs.tty.pty_table import ANY_MINOR, PTS_MAJOR, TTYAUX_MAJOR, PtyTable
from sandbox.kernel.credentials import Credentials
from sandbox.kernel.ipc.namespace import IpcNamespace
from sandbox.kernel.namespaces import CgroupNamespace, Namespaces, UtsNamespace
from sandbox.kernel.net_namespace import new_net_namespace
from sandbox.kernel.time_namespace import TimeNamespace
from sandbox.kernel.user_namespace import INITIAL, NO_ID, UserNamespace
from sandbox.vfs.mount_flags import flags_of, shown_of
from sandbox.vfs.propagation import forget_volumes, propagate, share_volume

if TYPE_CHECKING:
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.task import Task
    from sandbox.kernel.view import View
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.filesystem import Filesystem
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.mount import Mount, MountNamespace
    from sandbox.vfs.path import Path

SHM_DATA: Final = b"size=512m"


def standard_mounts() -> list[MountOptions]:
    """What every sandbox has that does not list its mounts itself."""
    proc = MountOptions(MOUNT_PROC, b"/proc")
    sys = MountOptions(MOUNT_SYSFS, b"/sys", readonly=True)
    dev = MountOptions(MOUNT_DEV, b"/dev")
    pts = MountOptions(MOUNT_DEVPTS, b"/dev/pts")
    shm = MountOptions(MOUNT_TMPFS, b"/dev/shm")
    mqueue = MountOptions(MOUNT_MQUEUE, b"/dev/mqueue")
    groups = MountOptions(MOUNT_CGROUP, b"/sys/fs/cgroup")
    tmp = MountOptions(MOUNT_TMPFS, b"/tmp")
    run = MountOptions(MOUNT_TMPFS, b"/run")
    run.data, shm.data, pts.data = b"mode=755", SHM_DATA, b"gid=5,mode=620,ptmxmode=666"
    for mount in (proc, sys, groups, shm, mqueue, run, tmp):
        mount.flags |= MS_NOSUID | MS_NODEV
    pts.flags |= MS_NOSUID
    for mount in (proc, sys, groups, pts, mqueue):
        mount.flags |= MS_NOEXEC
    return [proc, sys, groups, dev, pts, shm, mqueue, tmp, run]


def mount_all(kernel: Kernel, options: SandboxOptions) -> None:
    """Build `kernel.mounts`. StartFailure names the mount that cannot be made."""
    root, container = options.root, options.container
    live = container is not None and container.live_root
    # A live root becomes read-only when the mount points are there.
    namespace = build_root(
        kernel,
        root.fd,
        root.masks,
        size=kernel.memory_bytes,
        readonly=root.readonly and not live,
        overlay=not live,
        hold_ns=HOLD_NS[root.access],
    )
    kernel.mounts = namespace
    namespace.vfs.on_ending = kernel.end_file_systems
    register_devices(kernel)
    shared = kernel.view.namespaces = kernel.namespaces
    if container is not None and container.time_offsets is not None:
        time = own_time(kernel, container.time_offsets)
        view = Namespaces(kernel, shared.uts, shared.ipc, shared.cgroup, None, shared.net, time)
        kernel.view.namespaces = view.acquire()
    if container is not None and container.id_maps:
        from sandbox.boot.user_map import hand_over, own_user

        kernel.view.user = own_user(kernel, container.id_maps)
        hand_over(kernel.view, namespace, None)
    fill_view(kernel, kernel.view, namespace, options)


def own_time(kernel: Kernel, offsets: tuple[int, int]) -> TimeNamespace:
    """A time namespace that adds `offsets`. StartFailure."""
    time = TimeNamespace(kernel.new_namespace_number(), INITIAL, kernel.namespaces.time)
    kernel.namespace_count += 1
    words = zip((b"monotonic", b"boottime"), (divmod(ns, 1_000_000_000) for ns in offsets), strict=True)
    try:
        time.write(
            Credentials(), kernel.monotonic_ns(), b"".join(b"%s %d %d\n" % (name, *part) for name, part in words)
        )
    except SyscallError as error:
        raise StartFailure(f"linux.timeOffsets: {os.strerror(error.errno)}") from None
    return time


def mount_further(kernel: Kernel, view: View, options: SandboxOptions) -> None:
    """The mounts of one more container. StartFailure."""
    root, container = options.root, options.container
    live = container is not None and container.live_root
    vfs, hold_ns = kernel.mounts.vfs, HOLD_NS[root.access]
    namespace = build_namespace(kernel, vfs, root.fd, root.masks, root.readonly and not live, not live, hold_ns)
    namespace.number, namespace.users = kernel.new_namespace_number(), 0
    kernel.namespace_count += 1
    shared = kernel.namespaces
    cgroup = CgroupNamespace(kernel.new_namespace_number(), view.cgroup)
    kernel.namespace_count += 1
    uts, ipc, net, time = shared.uts, shared.ipc, shared.net, shared.time
    if container is not None and container.time_offsets is not None:
        time = own_time(kernel, container.time_offsets)
    own = container.own_namespaces if container is not None else ()
    kernel.namespace_count += len(own)
    if "uts" in own:
        names = options.hostname or uts.hostname, options.domainname or uts.domainname
        uts = UtsNamespace(kernel.new_namespace_number(), *names)
    if "ipc" in own:
        ipc = IpcNamespace(kernel.clock, kernel.new_namespace_number(), ipc)
    if "network" in own:
        net = new_net_namespace(kernel, INITIAL, True)
    view.namespaces = Namespaces(kernel, uts, ipc, cgroup, namespace, net, time).acquire()
    if container is not None and container.id_maps:
        from sandbox.boot.user_map import hand_over, own_user

        view.user = own_user(kernel, container.id_maps)
        hand_over(view, namespace, shared)
    elif view.user is not INITIAL:
        from sandbox.boot.user_map import hand_over

        view.user.users += 1
        hand_over(view, namespace, shared)
    fill_view(kernel, view, namespace, options)


def fill_view(kernel: Kernel, view: View, namespace: MountNamespace, options: SandboxOptions) -> None:
    """Everything that is mounted below the root. StartFailure."""
    root, container = options.root, options.container
    root_fs = namespace.root.fs
    if isinstance(root_fs, HostFs):
        root_fs.expire_by(kernel.reactor.background)
        root_fs.hear_by(kernel.reactor)
    view.mounts = namespace
    view.given = [namespace.root.fs]
    view.terminals = PtyTable(kernel.clock)
    told: list[Mount] = []  # which say themselves how mounts propagate to and from them
    for mount in standard_mounts() + options.mounts if container is None else options.mounts:
        try:
            fs = make_filesystem(kernel, view, mount)
            if container is not None and mount.kind in (MOUNT_SYSFS, MOUNT_PROC):
                check_ordinary(namespace, mount)
                fs.readonly = mount.readonly  # made with MS_RDONLY, which holds for all of it
            if mount.kind == MOUNT_TMPFS:
                fs.shown = shown_of(mount.flags)
            view.given.append(fs)
            directory = fs.root.is_dir()
            if container is not None:
                take_mode(fs, find_point(namespace, mount.target), mount)
            point = make_point(namespace, mount.target, directory)
            if point.inode.is_dir() != directory:  # mount(2): ENOTDIR
                kinds = "a directory", "a file"
                over, under = kinds if directory else kinds[::-1]
                raise StartFailure(f"mount {os.fsdecode(mount.target)}: {over} cannot be mounted over {under}")
            if mount.copy_up:
                copy_up(point, fs)
            flags = flags_of(mount.flags | (MS_RDONLY if mount.readonly else 0))
            made = namespace.mount(fs, point, flags, fs.shown_to(view.namespaces))
            kind = mount.propagation & ~MS_REC
            if kind:
                told.append(made)
            if container is not None and mount.kind == MOUNT_BIND and kind in (MS_SHARED, MS_SLAVE):
                share_volume(namespace.vfs, made, kind)
            elif mount.propagation:
                propagate(namespace.vfs, [made], mount.propagation & ~MS_REC)
        except SyscallError as error:
            raise StartFailure(f"mount {os.fsdecode(mount.target)}: {os.strerror(error.errno)}") from None
    if container is not None:
        make_directory(namespace, options.program.cwd)
        if root.readonly:
            namespace.root.flags |= ST_RDONLY
        for device in container.devices:
            make_device(namespace, device, view.user)
        hide_paths(kernel, namespace, container.masked_paths, container.readonly_paths)
        kind = container.root_propagation
        if kind:
            those = [one for one in namespace.mounts() if one not in told] if kind & MS_REC else [namespace.root]
            propagate(namespace.vfs, those, kind & ~MS_REC)


def check_ordinary(namespace: MountNamespace, mount: MountOptions) -> None:
    """What masks and rules name as /proc or /sys is not to be elsewhere: no link there, as with runc. StartFailure."""
    directory, _, name = mount.target.rpartition(b"/")
    place = find_point(namespace, directory)
    if place is None or not name or not place.inode.is_dir():
        return
    found = place.inode.lookup(name)
    if found is not None and not found.is_dir():
        kind = "proc" if mount.kind == MOUNT_PROC else "sysfs"
        raise StartFailure(
            f'mount {os.fsdecode(mount.target)}: filesystem "{kind}" must be mounted on ordinary directory'
        )


def make_directory(namespace: MountNamespace, path: bytes) -> None:
    """A working directory that is missing, as root, as runc does; not in what is mounted read-only. Why it could not be
    made is told when it cannot be entered."""
    try:
        if find_point(namespace, path) is not None:
            return
        deepest, parts = namespace.root_path(), [name for name in path.split(b"/") if name]
        for n in range(1, len(parts)):
            found = find_point(namespace, b"/".join(parts[:n]))
            if found is None:
                break
            deepest = found
        if not deepest.mount.flags & ST_RDONLY:
            make_point(namespace, path, True)
    except SyscallError:
        pass


def make_device(namespace: MountNamespace, device: DeviceOptions, user: UserNamespace) -> None:
    """Its node, in place of the file that bears the name in the sandbox's /dev. StartFailure."""
    directory, _, name = device.path.rpartition(b"/")
    what = f"device {os.fsdecode(device.path)}"
    try:
        place = make_point(namespace, directory, True)
        inode = place.inode
        if not isinstance(inode, TmpfsDir):
            raise StartFailure(f"{what}: needs a tmpfs at /dev (mounts)")
        old, known = inode.lookup(name), place.dentry.children.get(name)
        if old is not None and (old.is_dir() or (known is not None and known.mounts)):
            raise StartFailure(f"{what}: there is a directory or a mount of that name")
        if old is not None:
            inode.unlink(name, old)
        kind, number = (S_IFIFO, 0) if device.fifo else (S_IFCHR, makedev(device.major, device.minor))
        uid, gid = user.uids.to_kernel(device.uid), user.gids.to_kernel(device.gid)
        if NO_ID in (uid, gid):
            raise StartFailure(f"{what}: its owner is not in linux.uidMappings and gidMappings")
        made = inode.mknod(name, kind | device.mode, number, uid, gid)
        namespace.vfs.dentries.add(place.dentry, name, made)
    except SyscallError as error:
        raise StartFailure(f"{what}: {os.strerror(error.errno)}") from None


def bind_console(view: View, number: int) -> None:
    """/dev/console is the terminal /dev/pts/`number` where there is one, as runc has it. StartFailure."""
    namespace = view.mounts
    try:
        slave, place = find_point(namespace, b"/dev/pts/%d" % number), make_point(namespace, b"/dev/console", False)
        if slave is not None:
            namespace.mount(slave.mount.fs, place, slave.mount.flags, slave.dentry)
    except SyscallError as error:
        raise StartFailure(f"/dev/console: {os.strerror(error.errno)}") from None


def hide_paths(kernel: Kernel, namespace: MountNamespace, masked: Sequence[bytes], readonly: Sequence[bytes]) -> None:
    """maskedPaths and readonlyPaths: an empty directory or a null device lies over the former, the latter over
    themselves. What is not there needs neither. StartFailure."""
    for path in readonly:
        try:
            place = find_point(namespace, path)
            if place is not None:
                flags = place.mount.flags | ST_RDONLY
                namespace.mount(place.mount.fs, place, flags, place.dentry)
        except SyscallError as error:
            raise StartFailure(f"read-only path {os.fsdecode(path)}: {os.strerror(error.errno)}") from None
    top = namespace.root_path().dentry
    for path in masked:
        try:
            place = find_point(namespace, path)
            if place is not None and place.dentry is not top:  # over which a mount is seen by nobody
                cover_up(kernel, namespace, place)
        except SyscallError as error:
            raise StartFailure(f"masked path {os.fsdecode(path)}: {os.strerror(error.errno)}") from None


def cover_up(kernel: Kernel, namespace: MountNamespace, place: Path) -> None:
    """Nothing of what is at `place` can be seen any more."""
    vfs = kernel.mounts.vfs
    if not place.inode.is_dir():
        known = find_point(namespace, b"/dev/null")
        if known is not None and known.inode.mode & S_IFMT == S_IFCHR and known.inode.rdev == makedev(1, 3):
            namespace.mount(known.mount.fs, place, known.mount.flags, known.dentry)
            return
    cover = Tmpfs(kernel.clock, vfs.new_dev(), "tmpfs", account=vfs.space)
    cover.asked = TmpfsOptions({})
    if namespace.user is not INITIAL:
        from sandbox.boot.user_map import give_to_root

        give_to_root(cover, namespace.user)
        cover.asked.uid, cover.asked.gid = cover.root.uid, cover.root.gid
    flags = ST_RDONLY | ST_RELATIME
    if place.inode.is_dir():
        cover.readonly = True
        namespace.mount(cover, place, flags)
        return
    cover.root.mknod(b"null", S_IFCHR | 0o666, makedev(1, 3), 0, 0)
    null = cover.root.lookup(b"null")
    assert null is not None
    namespace.mount(cover, place, flags, vfs.dentries.add(vfs.root_of(cover), b"null", null))


def register_devices(kernel: Kernel) -> None:
    """What device nodes and FIFOs open."""
    devices = kernel.mounts.vfs.devices
    devices.register(TTYAUX_MAJOR, 2, _open_ptmx)
    devices.register(TTYAUX_MAJOR, 0, _open_current)
    devices.register(PTS_MAJOR, ANY_MINOR, _open_number)


def _open_ptmx(t: Task, path: Path, inode: Inode, flags: int) -> FileDescription:
    return t.group.view.terminals.open_ptmx(t, path, inode, flags)


def _open_current(t: Task, path: Path, inode: Inode, flags: int) -> FileDescription:
    return t.group.view.terminals.open_current(t, path, inode, flags)


def _open_number(t: Task, path: Path, inode: Inode, flags: int) -> FileDescription:
    return t.group.view.terminals.open_number(t, path, inode, flags)


def make_filesystem(kernel: Kernel, view: View, mount: MountOptions) -> Filesystem:
    """A file system for one mount."""
    vfs = kernel.mounts.vfs
    clock, dev = kernel.clock, vfs.new_dev()
    if mount.kind == MOUNT_OVERLAY:
        lower = HostFs(clock, vfs.new_dev(), mount.fd, live=False, readonly=True)
        return OverlayFs(clock, dev, lower, mount.masks, vfs.space)
    if mount.kind == MOUNT_BIND:
        return host_directory(kernel, mount, dev)
    if mount.kind == MOUNT_TMPFS:
        return in_memory(kernel, view.user, mount, dev)
    fs = special_filesystem(kernel, view, mount, dev)
    if view.user is not INITIAL:
        from sandbox.boot.user_map import give_to_root

        give_to_root(fs, view.user)
    if mount.source and mount.kind not in (MOUNT_MQUEUE, MOUNT_CGROUP):  # of which there is one for all
        fs.source = os.fsdecode(mount.source)
    return fs


def words_of(data: bytes) -> dict[bytes, bytes]:
    """NAME=VALUE,… of mount(2)."""
    pairs = [item.partition(b"=") for item in data.split(b",") if item]
    return {name: value for name, _, value in pairs}


def in_memory(kernel: Kernel, user: UserNamespace, mount: MountOptions, dev: int) -> Tmpfs:
    """A tmpfs, and a /dev that is one. SyscallError: EINVAL."""
    vfs = kernel.mounts.vfs
    asked = TmpfsOptions(words_of(mount.data))
    uid, gid = user.uids.to_kernel(asked.uid or 0), user.gids.to_kernel(asked.gid or 0)
    if NO_ID in (uid, gid):
        raise SyscallError(errno.EINVAL)
    if user is not INITIAL:
        asked.uid, asked.gid = uid, gid
    fs: Tmpfs
    if mount.kind == MOUNT_DEV:
        from sandbox.fs.devfs.filesystem import DevFs

        fs = DevFs(vfs, dev, asked.account(vfs.space), machine=not mount.source)
        if mount.source:
            fs.name = "tmpfs"
        if mount.data:
            fs.root.mode = fs.root.mode & ~0o7777 | asked.mode
    else:
        fs = Tmpfs(kernel.clock, dev, "tmpfs", asked.mode, uid, gid, asked.account(vfs.space))
    if mount.source:
        fs.source = os.fsdecode(mount.source)
    fs.asked = asked
    return fs


def take_mode(fs: Filesystem, point: Path | None, mount: MountOptions) -> None:
    """A container's tmpfs that is given no mode has that of the directory that it lies over, as runc has it."""
    if mount.kind == MOUNT_TMPFS and point is not None and b"mode=" not in mount.data:
        fs.root.mode = fs.root.mode & ~0o7777 | point.inode.mode & 0o7777


def host_directory(kernel: Kernel, mount: MountOptions, dev: int) -> Filesystem:
    """One for all containers that have it, so that they meet at its pipes, sockets and locks."""
    vfs = kernel.mounts.vfs
    status = os.fstat(mount.fd)
    key = (status.st_dev, status.st_ino, mount.readonly)
    known = vfs.given.get(key)
    if known is not None and vfs.is_mounted(known):
        return known
    fd = fcntl.fcntl(mount.fd, fcntl.F_DUPFD_CLOEXEC, 3)
    source = os.fsdecode(mount.source)
    made = HostFs(kernel.clock, dev, fd, True, mount.readonly, source, HOLD_NS[mount.access])
    made.expire_by(kernel.reactor.background)
    made.hear_by(kernel.reactor)
    made.owns_root = True
    made.look_like_the_host()
    for old in [one for one, fs in vfs.given.items() if not vfs.is_mounted(fs)]:
        del vfs.given[old]
    forget_volumes(vfs)
    vfs.given[key] = made
    return made


def special_filesystem(kernel: Kernel, view: View, mount: MountOptions, dev: int) -> Filesystem:
    """File systems that show the kernel itself; each is imported only where it is mounted."""
    if mount.kind == MOUNT_DEV:
        return in_memory(kernel, view.user, mount, dev)
    if mount.kind == MOUNT_DEVPTS:
        from sandbox.fs.devpts.options import DevPtsOptions

        asked = DevPtsOptions(words_of(mount.data), view.user)
        return asked.make(kernel.clock, dev, mount.source or b"devpts", view.terminals)
    if mount.kind == MOUNT_MQUEUE:
        from sandbox.fs.mqueue.filesystem import mqueues

        return mqueues(kernel, kernel.ipc)
    if mount.kind == MOUNT_PROC:
        from sandbox.fs.procfs.filesystem import ProcFs

        proc = ProcFs(kernel, dev, view.pids)
        if mount.data:
            from sandbox.fs.procfs.options import ProcOptions

            proc.apply(ProcOptions(words_of(mount.data), view.user))
        return proc
    if mount.kind == MOUNT_CGROUP:
        from sandbox.fs.cgroupfs.filesystem import cgroups

        return cgroups(kernel)
    if mount.kind == MOUNT_SYSFS:
        from sandbox.fs.sysfs.filesystem import SysFs

        return SysFs(kernel, dev, kernel.net_ns)
    raise StartFailure(f"mount {os.fsdecode(mount.target)}: unknown kind {mount.kind}")
