"""From a checked config.json to a sandbox's description."""

from __future__ import annotations

import os
from typing import Final

from runsc.config import Config
from runsc.donate import open_directory, open_path
from runsc.flags import SIZE, Flag, parse_size
from runsc.runtime import apply_config, network_options
from runsc.spec.types import CAPABILITIES, RLIMITS, Mount, Process, Spec
from sandbox.boot.options import (
    MOUNT_BIND,
    MOUNT_DEV,
    MOUNT_DEVPTS,
    MOUNT_MQUEUE,
    MOUNT_OVERLAY,
    MOUNT_PROC,
    MOUNT_SYSFS,
    MOUNT_TMPFS,
    MountOptions,
    Program,
    SandboxOptions,
)
from sandbox.fs.overlay.masks import Masks

# An empty read-only tmpfs stands for cgroup file systems: a sandbox has no control groups to show.
KINDS: Final = {
    "tmpfs": MOUNT_TMPFS,
    "proc": MOUNT_PROC,
    "sysfs": MOUNT_SYSFS,
    "devpts": MOUNT_DEVPTS,
    "mqueue": MOUNT_MQUEUE,
    "devtmpfs": MOUNT_DEV,
    "cgroup": MOUNT_TMPFS,
    "cgroup2": MOUNT_TMPFS,
}


def program_of(process: Process) -> Program:
    """The first process."""
    program = Program(
        [os.fsencode(word) for word in process.args],
        [os.fsencode(item) for item in process.env],
        os.fsencode(os.path.normpath(process.cwd)),
    )
    program.uid, program.gid = process.uid, process.gid
    program.groups = tuple(process.additional_gids)
    program.umask = process.umask
    program.no_new_privs = process.no_new_privileges
    program.rlimits = {RLIMITS[limit.kind]: (limit.soft, limit.hard) for limit in process.rlimits}
    sets = process.capabilities
    program.capabilities = sum(1 << CAPABILITIES.index(name) for name in set(sets["bounding"])) if sets else 0
    return program


def mount_of(mount: Mount, bundle: str) -> MountOptions:
    """One of mounts[]."""
    target = os.fsencode(os.path.normpath(mount.destination))
    if mount.is_bind():
        source = os.path.join(bundle, mount.source)
        options = MountOptions(MOUNT_BIND, target, open_path(source, f"mount {mount.destination}"), os.fsencode(source))
    elif mount.destination == "/dev":
        options = MountOptions(MOUNT_DEV, target)  # a tmpfs with the usual nodes, as the specification wants it
    else:
        options = MountOptions(KINDS[mount.kind], target)
    for option in mount.options:
        if option.startswith("size="):
            options.size = parse_size(Flag("size", SIZE, "SIZE", ""), option[5:])
        elif option.startswith("mode="):
            options.mode = int(option[5:], 8) & 0o7777
    options.readonly = "ro" in mount.options or mount.kind.startswith("cgroup")
    options.nosuid = "nosuid" in mount.options
    options.noexec = "noexec" in mount.options
    options.nodev = "nodev" in mount.options
    return options


def masks_of(spec: Spec, rootfs: str) -> Masks:
    """maskedPaths: a directory looks empty, a file is not there."""
    masks = Masks()
    for path in spec.masked_paths:
        if os.path.isdir(rootfs + path):
            masks.empty(os.fsencode(path))
        else:
            masks.hide(os.fsencode(path))
    return masks


def options_of(spec: Spec, bundle: str, config: Config) -> SandboxOptions:
    """Everything. The bundle's directory and bind sources are opened here."""
    assert spec.process is not None  # load_bundle has seen to it
    rootfs = os.path.join(bundle, spec.root_path)
    root = MountOptions(
        MOUNT_OVERLAY, b"/", open_directory(rootfs, "root.path"), os.fsencode(rootfs), spec.root_readonly
    )
    root.masks = masks_of(spec, rootfs)
    namespace = next((n.path for n in spec.namespaces if n.kind == "network"), None)
    network = network_options(config, "sandbox" if namespace else "user")
    if namespace and network.kind in ("sandbox", "tap"):
        network.namespace_fd = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    options = SandboxOptions(program_of(spec.process), root, network)
    options.mounts = [mount_of(mount, bundle) for mount in spec.mounts]
    options.readonly_paths = tuple(os.fsencode(path) for path in spec.readonly_paths)
    options.limits.memory = spec.memory_limit
    options.limits.pids = spec.pids_limit
    options.hostname = os.fsencode(spec.hostname) or options.hostname
    options.terminal = spec.process.terminal
    options.oci = True
    apply_config(options, config)
    for path in spec.unsupported:
        config.log.write("warning", f"{path} is not applied: the sandbox's own kernel stands in its place")
    return options
