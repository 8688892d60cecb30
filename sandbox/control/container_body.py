"""A further container for CREATE: what is to be mounted, run and hidden, with the descriptors that it is made of.

Descriptors come in this order: three for the process, the control socket's, the status file's, one for the root and for
each bind mount, then those that the process gets from number 3 on.
"""

from __future__ import annotations

from typing import Final

from sandbox.abi.linux.sched import CPU_LEAST_US, CPU_PERIOD_MOST_US, CPU_QUOTA_MOST_US, CPU_SHARES_MOST, PROCESSOR_MOST
from sandbox.boot.options import (
    ACCESSES,
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
    SandboxOptions,
)
from sandbox.control.messages import ENCODING, ID_MAX, BadMessage, Fields, program_body, program_of
from sandbox.control.wire import Body, Frame

KINDS: Final = (
    MOUNT_BIND,
    MOUNT_OVERLAY,
    MOUNT_TMPFS,
    MOUNT_PROC,
    MOUNT_SYSFS,
    MOUNT_DEV,
    MOUNT_DEVPTS,
    MOUNT_CGROUP,
    MOUNT_MQUEUE,
)
FIRST_MOUNT: Final = 5
SANDBOX_PIDS: Final = "/"  # in the place of a container's name, which has none
BIAS: Final = 1 << 80  # numbers of a message are not negative
OWN_KINDS: Final = ("uts", "ipc", "network")
MOUNTS_MOST: Final = 1 << 12
SIZE_MAX: Final = 1 << 62
_SWITCHES: Final = ("readonly", "copy_up")
_NUMBERS: Final = ("flags", "propagation")
FLAGS_MAX: Final = (1 << 32) - 1
_DEVICE_NUMBERS: Final = (
    *(("major", 0xFFF), ("minor", 0xFFFFF), ("fifo", 1)),
    *(("mode", 0o7777), ("uid", ID_MAX), ("gid", ID_MAX)),
)


def container_body(
    options: SandboxOptions, name: str, whose_pids: str, own: tuple[str, ...] = ()
) -> tuple[Body, list[int]]:
    """The body, and the descriptors. `whose_pids`: the container whose process numbers it has,
    SANDBOX_PIDS for the sandbox's, empty for its own. `own`: those of OWN_KINDS of which it has a namespace of its own."""
    container = options.container
    assert container is not None
    mounts = [options.root, *options.mounts]
    rows = [number for row in container.seccomp for number in row]
    hooks: list[Body] = [
        {**program_body(program), "file": program.file.decode(ENCODING), "bound_ns": bound_ns}
        for program, bound_ns in container.start_hooks
    ]
    body: Body = {
        "program": program_body(options.program),
        "mounts": [mount_body(mount) for mount in mounts],
        "live_root": container.live_root,
        "masked": [path.decode(ENCODING) for path in container.masked_paths],
        "readonly": [path.decode(ENCODING) for path in container.readonly_paths],
        "devices": [device_body(device) for device in container.devices],
        "root_propagation": container.root_propagation,
        "personality": container.personality,
        "seccomp": rows,
        "hooks": hooks,
        "terminal": options.terminal,
        "window": list(options.window),
        "name": name,
        "whose_pids": whose_pids,
        "own": [kind for kind in OWN_KINDS if kind in own],
        "time": [BIAS + offset for offset in container.time_offsets or ()],
        "uids": [number for row in container.id_maps[:1] for extent in row for number in extent],
        "gids": [number for row in container.id_maps[1:] for extent in row for number in extent],
        "hostname": options.hostname.decode(ENCODING),
        "domainname": options.domainname.decode(ENCODING),
        "sysctl": [text for pair in container.sysctl.items() for text in pair],
        "memory": options.limits.memory,
        "pids": options.limits.pids,
        "cpu_quota": options.limits.cpu_quota_us,
        "cpu_period": options.limits.cpu_period_us,
        "cpu_shares": options.limits.cpu_shares,
        "processors": list(options.limits.processors),
    }
    fds = [*options.stdio, container.control_fd, container.status_fd]
    fds += [mount.fd for mount in mounts if mount.fd >= 0]
    return body, [*fds, *container.more_fds]


def device_body(device: DeviceOptions) -> Body:
    """One device."""
    return {"path": device.path.decode(ENCODING)} | {name: getattr(device, name) for name, _ in _DEVICE_NUMBERS}


def mount_body(mount: MountOptions) -> Body:
    """One mount; its descriptor goes beside."""
    texts = {"target": mount.target, "source": mount.source, "data": mount.data}
    body: Body = {"kind": mount.kind, "access": mount.access}
    body |= {name: text.decode(ENCODING) for name, text in texts.items()}
    body |= {name: getattr(mount, name) for name in _SWITCHES}
    return body | {name: getattr(mount, name) for name in _NUMBERS}


def cpu_of(fields: Fields) -> tuple[int, int]:
    """The most processor time in each period, and the period, µs; 0: none, the usual one. BadMessage for what no control
    group takes."""
    quota, period = fields.number("cpu_quota", 0, CPU_QUOTA_MOST_US), fields.number("cpu_period", 0, CPU_PERIOD_MOST_US)
    if 0 < quota < CPU_LEAST_US or 0 < period < CPU_LEAST_US:
        raise BadMessage("less than a millisecond of processor time")
    return quota, period


def options_of(frame: Frame) -> SandboxOptions:
    """The opposite. BadMessage. The descriptors stay the frame's."""
    fields, fds = Fields(frame.body), frame.fds
    if len(fds) <= FIRST_MOUNT:
        raise BadMessage("descriptors are missing")
    left = list(fds[FIRST_MOUNT:])
    mounts = [_mount_of(item, left) for item in fields.objects("mounts", MOUNTS_MOST)]
    if not mounts or mounts[0].kind != MOUNT_OVERLAY:
        raise BadMessage("mounts has no root")
    options = SandboxOptions(program_of(fields.member("program")), mounts[0], NetworkOptions("none"))
    options.mounts = mounts[1:]
    options.stdio = (fds[0], fds[1], fds[2])
    options.terminal = fields.flag("terminal")
    window = fields.numbers("window", 0xFF)
    if len(window) != 8:
        raise BadMessage("window is not a struct winsize")
    options.window = bytes(window)
    limits = options.limits
    limits.memory, limits.pids = fields.number("memory", 0, SIZE_MAX), fields.number("pids", 0, 1 << 22)
    limits.cpu_quota_us, limits.cpu_period_us = cpu_of(fields)
    limits.cpu_shares = fields.number("cpu_shares", 0, CPU_SHARES_MOST)
    limits.processors = tuple(fields.numbers("processors", PROCESSOR_MOST))
    container = options.container = ContainerOptions()
    container.control_fd, container.status_fd = fds[3], fds[4]
    container.more_fds = tuple(left)
    container.live_root = fields.flag("live_root")
    container.masked_paths, container.readonly_paths = tuple(fields.raws("masked")), tuple(fields.raws("readonly"))
    container.devices = tuple(_device_of(item) for item in fields.objects("devices", MOUNTS_MOST))
    container.root_propagation = fields.number("root_propagation", 0, FLAGS_MAX)
    container.personality = fields.number("personality", 0, 0xFF)
    rows = fields.numbers("seccomp", 0xFFFFFFFF)
    if len(rows) % 4:
        raise BadMessage("seccomp is not a list of instructions")
    container.seccomp = tuple((rows[n], rows[n + 1], rows[n + 2], rows[n + 3]) for n in range(0, len(rows), 4))
    hooks = []
    for item in fields.objects("hooks", MOUNTS_MOST):
        program = program_of(item)
        program.file = item.raw("file")
        hooks.append((program, item.number("bound_ns", 0, SIZE_MAX)))
    container.start_hooks = tuple(hooks)
    container.own_namespaces = tuple(kind for kind in OWN_KINDS if kind.encode() in fields.raws("own"))
    time = fields.numbers("time", 2 * BIAS)
    container.time_offsets = (time[0] - BIAS, time[1] - BIAS) if len(time) == 2 else None
    if fields.numbers("uids", FLAGS_MAX):
        container.id_maps = _extents_of(fields, "uids"), _extents_of(fields, "gids")
    options.hostname, options.domainname = fields.raw("hostname"), fields.raw("domainname")
    settings = [text.decode("utf-8", "surrogateescape") for text in fields.raws("sysctl")]
    container.sysctl = dict(zip(settings[::2], settings[1::2], strict=False))
    return options


def _extents_of(fields: Fields, name: str) -> tuple[tuple[int, int, int], ...]:
    """A map of ids."""
    row = fields.numbers(name, FLAGS_MAX)
    if len(row) % 3:
        raise BadMessage(f"{name} is not a list of extents")
    return tuple((row[n], row[n + 1], row[n + 2]) for n in range(0, len(row), 3))


def _device_of(fields: Fields) -> DeviceOptions:
    """One; which numbers there are is the kernel's business."""
    device = DeviceOptions(fields.raw("path"), 0, 0)
    for name, most in _DEVICE_NUMBERS:
        setattr(device, name, fields.number(name, 0, most))
    return device


def _mount_of(fields: Fields, fds: list[int]) -> MountOptions:
    """One; takes its descriptor off `fds`."""
    kind = fields.text("kind")
    if kind not in KINDS:
        raise BadMessage(f"unknown kind of mount {kind!r}")
    mount = MountOptions(kind, fields.raw("target"), source=fields.raw("source"))
    if kind in (MOUNT_BIND, MOUNT_OVERLAY):
        if not fds:
            raise BadMessage("a mount has no descriptor")
        mount.fd = fds.pop(0)
    mount.access = fields.text("access")
    if mount.access not in ACCESSES:
        raise BadMessage(f"unknown access to files {mount.access!r}")
    for name in _SWITCHES:
        setattr(mount, name, fields.flag(name))
    for name in _NUMBERS:
        setattr(mount, name, fields.number(name, 0, FLAGS_MAX))
    mount.data = fields.raw("data")
    return mount
