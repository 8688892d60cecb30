"""What a sandbox is to be: plain data, made by a front end (runsc, a Python API) and read by the boot code.

Descriptors in here were opened by the front end with the user's own rights and are donated: the sentry
never opens a host path by name.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Sequence

if TYPE_CHECKING:
    from sandbox.boot.scheduling import Scheduling
    from sandbox.fs.overlay.masks import Masks

MOUNT_BIND: Final = "bind"  # a host directory or file, as it is
MOUNT_OVERLAY: Final = "overlay"  # a host directory, read-only, with a private writable layer above
MOUNT_TMPFS: Final = "tmpfs"
MOUNT_PROC: Final = "proc"
MOUNT_SYSFS: Final = "sysfs"
MOUNT_DEV: Final = "dev"
MOUNT_DEVPTS: Final = "devpts"
MOUNT_MQUEUE: Final = "mqueue"
MOUNT_CGROUP: Final = "cgroup2"

# How long what the host says of names and attributes is believed (sandbox/fs/hostfs/held.py).
ACCESS_SHARED: Final = "shared"
ACCESS_TIMED: Final = "timed"
ACCESS_EXCLUSIVE: Final = "exclusive"
ACCESSES: Final = (ACCESS_SHARED, ACCESS_TIMED, ACCESS_EXCLUSIVE)
MAX_TASKS: Final = 32768  # of a sandbox without a bound


class Program:
    """The first process. `argv[0]` without a slash is looked up in the environment's PATH when `search` is set."""

    __slots__ = (
        "argv",
        "file",
        "env",
        "cwd",
        "uid",
        "gid",
        "groups",
        "umask",
        "search",
        "rlimits",
        "capability_sets",
        "no_new_privs",
        "oom_score_adj",
        "scheduling",
    )

    def __init__(self, argv: Sequence[bytes], env: Sequence[bytes], cwd: bytes = b"/") -> None:
        self.argv = tuple(argv)
        self.file = b""  # the program's file when it is not the one that `argv[0]` names
        self.env = tuple(env)
        self.cwd = cwd
        self.uid = 0
        self.gid = 0
        self.groups: tuple[int, ...] = ()
        self.umask = 0o022
        self.search = True
        self.rlimits: dict[int, tuple[int, int]] = {}  # RLIMIT_* → soft, hard
        # bounding, effective, inheritable, permitted, ambient as masks; None: what a container usually has
        self.capability_sets: tuple[int, int, int, int, int] | None = None
        self.no_new_privs = False
        self.oom_score_adj = 0
        self.scheduling: Scheduling | None = None


class MountOptions:
    """One mount. `fd`: the donated descriptor of a bind or overlay; `source`: where that is, or what stands as
    the source in /proc/mounts; `place`: its name, once `note_places` has looked;
    `tree`: the mount itself, where it is attached nowhere; `data`: the options of a tmpfs, as mount(2) takes them."""

    __slots__ = (
        "kind",
        "target",
        "fd",
        "source",
        "readonly",
        "flags",
        "propagation",
        "data",
        "copy_up",
        "masks",
        "place",
        "recursive",
        "access",
        "tree",
    )

    def __init__(self, kind: str, target: bytes, fd: int = -1, source: bytes = b"", readonly: bool = False) -> None:
        self.kind = kind
        self.target = target
        self.fd = fd
        self.source = source
        self.readonly = readonly
        self.flags = 0  # MS_NOSUID and its kin, but for MS_RDONLY
        self.propagation = 0  # MS_SHARED and its kin, perhaps with MS_REC
        self.data = b""
        self.copy_up = False  # a tmpfs begins with what is in the directory that it lies over
        self.masks: Masks | None = None  # what of an overlay's lower layer is not shown
        self.place = b""
        self.tree = -1
        self.recursive = True  # what the host has mounted below is seen
        self.access = ACCESS_SHARED  # of a directory of the host that is seen directly: how long it is believed


class DeviceOptions:
    """A node of a character device that the sandbox's kernel has, or a `fifo`, to be made at `path`."""

    __slots__ = ("path", "major", "minor", "fifo", "mode", "uid", "gid")

    def __init__(self, path: bytes, major: int, minor: int) -> None:
        self.path = path
        self.major = major
        self.minor = minor
        self.fifo = 0
        self.mode = 0o666
        self.uid = self.gid = 0


class NetworkOptions:
    """`kind`: none, internal, sandbox, tap, user. `allow` and `publish` as they stand on the command line, checked."""

    __slots__ = (
        "kind",
        "allow",
        "publish",
        "pcap_fd",
        "pcap_name",
        "namespace_fd",
        "tap",
        "fresh",
        "mirror",
        "entered",
    )

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.allow: tuple[str, ...] = ()
        self.publish: tuple[str, ...] = ()
        self.pcap_fd = -1
        self.pcap_name = ""
        self.namespace_fd = -1  # the network namespace to enter (sandbox, tap), -1: the present one
        self.fresh = False  # `sandbox` in a namespace that is made for it; what hooks put there is taken over
        self.mirror = False  # `sandbox`: what listens inside is reached at the namespace's own loopback, too
        self.entered = False  # the same at the addresses that were taken over, for who is in the namespace
        self.tap = ""  # the device to use, or to make; empty: the host names it


class Limits:
    """Of the whole sandbox. 0: the kernel's default. `timeout_ns` is kept by the launcher."""

    __slots__ = ("memory", "pids", "cpu_quota_us", "cpu_period_us", "cpu_shares", "processors", "timeout_ns")

    def __init__(self) -> None:
        self.memory = 0
        self.pids = 0
        self.cpu_quota_us = 0
        self.cpu_period_us = 0
        self.cpu_shares = 0  # 1024: as much as any other container
        self.processors: tuple[
            int, ...
        ] = ()  # the host's that a pod's further container runs on; empty: all of the pod's
        self.timeout_ns = 0


class ContainerOptions:
    """What a container has that `do` has not: a life cycle that others drive, and the rest of config.json."""

    __slots__ = (
        "control_fd",
        "status_fd",
        "attached",
        "live_root",
        "masked_paths",
        "readonly_paths",
        "devices",
        "root_propagation",
        "personality",
        "seccomp",
        "sysctl",
        "more_fds",
        "cgroups",
        "start_hooks",
        "host_oom_score_adj",
        "host_oom_fds",
        "own_namespaces",
        "time_offsets",
        "restore_fd",
        "id_maps",
    )

    def __init__(self) -> None:
        self.control_fd = -1  # the listening socket of sandbox/control
        self.status_fd = -1  # a file of the host in which the sentry leaves how the first process ended
        self.attached = False  # the sandbox ends with its launcher
        self.live_root = True  # the root is the host's directory itself; otherwise a private layer lies above
        self.masked_paths: tuple[bytes, ...] = ()
        self.readonly_paths: tuple[bytes, ...] = ()
        self.devices: tuple[DeviceOptions, ...] = ()
        self.root_propagation = 0  # MS_SHARED and its kin, perhaps with MS_REC
        self.personality = 0  # PER_* of personality(2)
        self.seccomp: tuple[tuple[int, int, int, int], ...] = ()  # struct sock_filter[] for every process
        self.sysctl: dict[str, str] = {}
        self.more_fds: tuple[int, ...] = ()  # host descriptors for the first process, from number 3 on
        self.cgroups: tuple[str, ...] = ()  # directories of control groups to join
        # Run inside before the first process, one after the other: each with its bound in ns.
        self.start_hooks: tuple[tuple[Program, int], ...] = ()
        self.host_oom_score_adj: int | None = None  # of the sentry, proc_pid_oom_score_adj(5)
        self.host_oom_fds: tuple[int, ...] = ()  # of the memory group, opened by the sentry (host_oom.py)
        self.time_offsets: tuple[int, int] | None = (
            None  # of a time namespace of its own: CLOCK_MONOTONIC, CLOCK_BOOTTIME, ns
        )
        self.own_namespaces: tuple[
            str, ...
        ] = ()  # "uts", "ipc", "network": a further container's that are not the sandbox's
        self.restore_fd = -1  # an image of a checkpoint, in place of the first program
        # Of a user namespace of its own: of users and of groups, each the first id inside, the kernel's and how many; empty: none
        self.id_maps: tuple[tuple[tuple[int, int, int], ...], ...] = ()


class SandboxOptions:
    """Everything."""

    __slots__ = (
        "program",
        "root",
        "mounts",
        "network",
        "limits",
        "hostname",
        "domainname",
        "platform",
        "look",
        "copies",
        "patch",
        "terminal",
        "window",
        "stdio",
        "log_fd",
        "strace_fd",
        "debug",
        "json_log",
        "summary",
        "container",
        "begun_ns",
        "notes",
    )

    def __init__(self, program: Program, root: MountOptions, network: NetworkOptions) -> None:
        self.program = program
        self.root = root
        self.mounts: list[MountOptions] = []
        self.network = network
        self.limits = Limits()
        self.hostname = b"stackbox"
        self.domainname = b""  # empty: none
        self.platform = "auto"
        self.look = True
        self.copies = True
        self.patch = True
        self.terminal = False  # descriptors that are terminals become one terminal of the sandbox's own
        self.window = bytes(8)  # its size as struct winsize
        self.stdio: tuple[int, ...] = (0, 1, 2)  # host descriptors
        self.log_fd = -1
        self.strace_fd = -1
        self.debug = False
        self.json_log = False
        self.summary = False
        # A container has only the mounts that are listed; otherwise proc, sys, dev, tmp are there by themselves.
        self.container: ContainerOptions | None = None
        self.begun_ns = 0  # CLOCK_MONOTONIC when the front end began, for the summary
        self.notes: list[str] = []  # what the launcher has to say to the log, of level debug

    def given(self) -> list[MountOptions]:
        """Those that have directories or files of the host."""
        return [mount for mount in (self.root, *self.mounts) if mount.fd >= 0]

    def only_read(self, mount: MountOptions, complete: bool) -> bool:
        """Of one that is given: the sandbox never writes to what is the host's. `complete`: mount points have been made."""
        if mount is self.root and self.container is not None and self.container.live_root:
            return mount.readonly and complete
        return mount.readonly or mount.kind == MOUNT_OVERLAY

    def note_places(self) -> None:
        """What is given is found by these names again, where the root is the present one."""
        for mount in self.given():
            mount.place = os.readlink(b"/proc/self/fd/%d" % mount.fd)

    def donated(self) -> set[int]:
        """Every descriptor that the sentry may keep."""
        fds = {self.log_fd, self.strace_fd, self.network.pcap_fd, self.network.namespace_fd}
        fds.update(self.stdio)
        fds.update(mount.fd for mount in self.given())
        fds.update(mount.tree for mount in self.mounts)
        if self.container is not None:
            fds.update((self.container.control_fd, self.container.status_fd), self.container.more_fds)
            fds.add(self.container.restore_fd)
            fds.update(self.container.host_oom_fds)
        fds.discard(-1)
        return fds
