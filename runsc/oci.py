"""From a checked config.json to a sandbox's description."""

from __future__ import annotations

import os
import resource
from typing import Final

from runsc import access
from runsc.config import Config
from runsc.donate import open_directory, open_path
from runsc.failure import UsageError
from runsc.runtime import apply_config, network_options
from runsc.spec.mount_options import COPY_UP, PROPAGATION, TMPFS_WORDS, data_of, flags_of, propagation_of
from runsc.spec.number_list import numbers_of
from runsc.spec.pod import is_pod
from runsc.spec.reader import UINT64
from runsc.spec.types import CAPABILITIES, NR_OPEN, RLIMITS, Device, Hook, Mount, Process, Spec
from sandbox.abi.linux.statfs import (
    MS_NOATIME,
    MS_NODEV,
    MS_NODIRATIME,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_RELATIME,
    MS_STRICTATIME,
)
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
    ContainerOptions,
    DeviceOptions,
    MountOptions,
    NetworkOptions,
    Program,
    SandboxOptions,
)

CAPABILITY_SETS: Final = ("bounding", "effective", "inheritable", "permitted", "ambient")
# Control groups are the sandbox's own, of the second version, whichever was asked for.
KINDS: Final = {
    "tmpfs": MOUNT_TMPFS,
    "proc": MOUNT_PROC,
    "sysfs": MOUNT_SYSFS,
    "devpts": MOUNT_DEVPTS,
    "mqueue": MOUNT_MQUEUE,
    "devtmpfs": MOUNT_DEV,
    "cgroup": MOUNT_CGROUP,
    "cgroup2": MOUNT_CGROUP,
}
# Bound from the host they are the host's kernel's; inside there is another one's.
OWN_KERNELS: Final = {
    "/proc": MOUNT_PROC,
    "/sys": MOUNT_SYSFS,
    "/sys/fs/cgroup": MOUNT_CGROUP,
    "/dev/mqueue": MOUNT_MQUEUE,
}


def mask_of(names: list[str]) -> int:
    """Capabilities as a mask."""
    return sum(1 << CAPABILITIES.index(name) for name in set(names))


def inherited_limits() -> dict[int, tuple[int, int]]:
    """What a process has that is given no limits: those of whoever runs the runtime, as far as they can be inside."""
    found = {}
    for kind in RLIMITS.values():
        soft, hard = resource.getrlimit(kind)
        most = NR_OPEN if kind == resource.RLIMIT_NOFILE else UINT64
        found[kind] = (min(soft % UINT64, most), min(hard % UINT64, most))
    return found


def program_of(process: Process) -> Program:
    """A process. Of a variable that is there twice the last value counts, as with runc."""
    environment = dict(item.partition("=")[::2] for item in process.env)
    program = Program(
        [os.fsencode(word) for word in process.args],
        [os.fsencode(f"{name}={value}") for name, value in environment.items()],
        os.fsencode(os.path.normpath(process.cwd)),
    )
    program.uid, program.gid = process.uid, process.gid
    program.groups = tuple(
        sorted(set(process.additional_gids))
    )  # each once, as runc has it, and sorted, as setgroups(2) does
    program.umask = process.umask
    program.no_new_privs = process.no_new_privileges
    program.oom_score_adj = process.oom_score_adj or 0
    program.scheduling = process.scheduling
    program.rlimits = inherited_limits() | {RLIMITS[limit.kind]: (limit.soft, limit.hard) for limit in process.rlimits}
    sets = process.capabilities or dict.fromkeys(CAPABILITY_SETS, [])
    bounding, effective, inheritable, permitted, ambient = (mask_of(sets[name]) for name in CAPABILITY_SETS)
    program.capability_sets = (bounding, effective, inheritable, permitted, ambient)
    return program


# What a bind mount has of the mount that its source is on, when it asks for nothing itself (mount(2), MS_BIND; as runc), and what
# it has when it does not ask for one of those.
ATIME: Final = MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME
INHERITED: Final = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME


def mount_of(mount: Mount, bundle: str, root: str) -> MountOptions:
    """One of mounts[]."""
    target = os.fsencode(os.path.normpath("/" + mount.destination.lstrip("/")))  # relative ones begin there, too
    own = OWN_KERNELS.get(mount.source) if mount.is_bind() else None
    if mount.is_bind() and own is None:
        source = os.path.join(bundle, mount.source)
        fd = open_path(source, f"mount {mount.destination}")
        options = MountOptions(MOUNT_BIND, target, fd, os.fsencode(source))
        options.recursive = not propagation_of(mount.options) & MS_PRIVATE or "rbind" in mount.options
    elif mount.kind == "overlay":
        options = overlay_of(mount, target, root)
    else:  # /dev is a tmpfs with the usual nodes, as the specification wants it
        options = MountOptions(MOUNT_DEV if target == b"/dev" else own or KINDS[mount.kind], target)
        options.source = os.fsencode(mount.source if own is None else own)
        options.data = os.fsencode(
            ",".join(option for option in mount.options if "=" in option or option in TMPFS_WORDS)
        )
    flags = flags_of(mount.options)
    if options.kind == MOUNT_BIND and not flags & ATIME:
        flags |= os.fstatvfs(options.fd).f_flag & (
            INHERITED & ATIME if flags else INHERITED
        )  # statfs(2) has the same bits as mount(2)
    options.readonly = bool(flags & MS_RDONLY)
    options.flags = flags & ~MS_RDONLY
    options.propagation = propagation_of(mount.options)
    options.copy_up = COPY_UP in mount.options
    return options


def overlay_of(mount: Mount, target: bytes, root: str) -> MountOptions:
    """The host makes it; inside it is a volume."""
    from runsc import host_overlay

    words = [option for option in mount.options if option.startswith(data_of("overlay"))]
    tree = host_overlay.make(os.fsencode(",".join(words)), root, f"mount {mount.destination}")
    fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=tree)
    options = MountOptions(MOUNT_BIND, target, fd, b"overlay")
    options.tree = tree
    return options


def is_hierarchy(mount: Mount) -> bool:
    """Control groups of the host's, of version 1, that are bound for an init system (`podman run --systemd`)."""
    return (
        mount.is_bind()
        and mount.source.startswith("/sys/fs/cgroup/")
        and mount.destination.startswith("/sys/fs/cgroup/")
    )


def paths_of(paths: list[str]) -> tuple[bytes, ...]:
    """maskedPaths, readonlyPaths: relative ones begin at the root, and there is none of an empty name."""
    return tuple(os.fsencode(f"/{path}") for path in paths if path)


def device_of(device: Device) -> DeviceOptions:
    """One of linux.devices[]."""
    options = DeviceOptions(os.fsencode(device.path), device.major, device.minor)
    if device.kind == "p":
        options.major, options.minor, options.fifo = 0, 0, 1
    options.mode, options.uid, options.gid = device.mode, device.uid, device.gid
    return options


def default_dev() -> MountOptions:
    """What the specification wants in every container (config-linux.md, Default Devices), where no mount brings it."""
    dev = MountOptions(MOUNT_DEV, b"/dev", source=b"tmpfs")
    dev.flags, dev.data = MS_NOSUID | MS_NOEXEC, b"mode=755"
    return dev


def network_of(spec: Spec, config: Config) -> NetworkOptions:
    """A namespace by path is taken over; a new one has a loopback, and what hooks put there."""
    given = next((namespace for namespace in spec.namespaces if namespace.kind == "network"), None)
    hooks = bool(spec.hooks["prestart"] or spec.hooks["createRuntime"])
    fresh = given is not None and not given.path and not config.allow
    default = "user"
    if given is not None and (given.path or (fresh and hooks)):
        default = "sandbox"
    elif fresh:
        default = "none"
    network = network_options(config, default)
    if given is None and network.kind == "sandbox":
        raise UsageError("--network sandbox: config.json has no network namespace for it (linux.namespaces)")
    if given is not None and network.kind in ("sandbox", "tap"):
        if given.path:
            network.namespace_fd = os.open(given.path, os.O_RDONLY | os.O_CLOEXEC)
        else:
            network.fresh = True
    network.entered = network.kind == "sandbox" and config.is_rootless()  # the user's engine publishes ports from there
    network.mirror = network.entered or (network.kind == "sandbox" and is_pod(spec))
    return network


def hook_program(hook: Hook, process: Process) -> Program:
    """A startContainer hook: it runs as the container's process is about to, as with runc."""
    program = program_of(process)
    program.argv = tuple(os.fsencode(word) for word in hook.args or [hook.path])
    program.env = tuple(os.fsencode(item) for item in hook.env)
    program.file = os.fsencode(hook.path)
    return program


def id_maps_of(spec: Spec) -> tuple[tuple[tuple[int, int, int], ...], ...]:
    """linux.uidMappings and gidMappings, as the sandbox has the host's ids; empty for none. UsageError."""
    if spec.id_maps is None:
        return ()
    from runsc.spec.id_maps import NAMES, for_caller

    found = []
    for name, extents, own in zip(NAMES, spec.id_maps, (os.geteuid(), os.getegid()), strict=True):
        try:
            found.append(for_caller(extents, own if os.geteuid() else 0))
        except ValueError as number:
            raise UsageError(
                f"linux.{name}: {number} is not the caller's: an ordinary user has its own id only"
            ) from None
    return tuple(found)


def hostname_of(spec: Spec) -> bytes:
    """The host's, as it is now, where no namespace of its own is asked for; empty: it has none."""
    own = any(namespace.kind == "uts" for namespace in spec.namespaces)
    return os.fsencode(spec.hostname if own else os.uname().nodename)


def options_of(spec: Spec, bundle: str, config: Config) -> SandboxOptions:
    """Everything. The bundle's directory and bind sources are opened here."""
    assert spec.process is not None  # load_bundle has seen to it
    rootfs = os.path.join(bundle, spec.root_path)
    root = MountOptions(
        MOUNT_OVERLAY, b"/", open_directory(rootfs, "root.path"), os.fsencode(rootfs), spec.root_readonly
    )
    if config.overlay and os.path.realpath(rootfs) == "/":
        from runsc.host_root import host_masks

        root.masks = host_masks()  # the host's own root shows what it does in `runsc do`
    options = SandboxOptions(program_of(spec.process), root, network_of(spec, config))
    if options.program.scheduling is not None:
        options.program.scheduling.processors = ()  # they are for processes of `exec`
    given = [mount for mount in spec.mounts if not is_hierarchy(mount)]
    options.mounts = [mount_of(mount, bundle, rootfs) for mount in given]
    for mount in spec.mounts:
        if is_hierarchy(mount):
            config.log.write(
                "warning", f"mounts: {mount.destination} is left out: control groups inside are of version 2"
            )
            for other in options.mounts:  # who may write to a hierarchy has the one that there is
                if other.kind == MOUNT_CGROUP and not flags_of(mount.options) & MS_RDONLY:
                    other.readonly = False
    root.access = access.of_root(config, spec)
    access.settle(None if config.overlay else root, options.mounts, access.of_mounts(config, spec))
    if not any(mount.target == b"/dev" for mount in options.mounts):
        options.mounts.insert(0, default_dev())
    options.limits.memory = spec.memory_limit
    options.limits.pids = spec.pids_limit
    options.limits.cpu_quota_us, options.limits.cpu_period_us = max(0, spec.cpu.quota), spec.cpu.period
    options.limits.cpu_shares, options.limits.processors = spec.cpu.shares, tuple(numbers_of(spec.cpu.cpus))
    options.hostname = hostname_of(spec) or options.hostname
    options.domainname = os.fsencode(spec.domainname)
    options.terminal = spec.process.terminal
    container = options.container = ContainerOptions()
    container.live_root = not config.overlay
    container.masked_paths = paths_of(spec.masked_paths)
    container.readonly_paths = paths_of(spec.readonly_paths)
    container.devices = tuple(device_of(device) for device in spec.devices)
    container.root_propagation = PROPAGATION.get(spec.root_propagation, 0)
    container.personality = spec.personality
    container.seccomp = spec.seccomp
    container.sysctl = spec.sysctl
    container.time_offsets = spec.time_offsets
    container.id_maps = id_maps_of(spec)
    container.host_oom_score_adj = spec.process.oom_score_adj
    container.start_hooks = tuple(
        (hook_program(hook, spec.process), hook.timeout_s * 1_000_000_000) for hook in spec.hooks["startContainer"]
    )
    apply_config(options, config)
    sets = spec.process.capabilities or dict.fromkeys(CAPABILITY_SETS, [])
    for capability in sorted(set(sets["ambient"]) - (set(sets["permitted"]) & set(sets["inheritable"]))):
        path = f"process.capabilities.ambient: {capability}"
        config.log.write("warning", f"{path} is not ambient: it is not both permitted and inheritable")
    for capability in spec.process.unknown:
        config.log.write("warning", f"process.capabilities: {capability!r} is ignored: there is no such capability")
    for path in spec.unsupported:
        config.log.write("warning", f"{path} is not applied: the sandbox's own kernel stands in its place")
    return options
