"""What must hold of a config.json beyond its types: a tuple of small checks, all of them run."""

from __future__ import annotations

import fcntl
import os
from typing import Callable, Final

from runsc.spec.mount_options import COPY_UP, MOUNT_OPTIONS, PROPAGATION, VOLUME_WORDS, data_of, takes_value
from runsc.spec.reader import Problems
from runsc.spec.types import NR_OPEN, RLIMITS, Spec
from sandbox.abi.linux.sched import CPU_LEAST_US, CPU_PERIOD_MOST_US, CPU_SHARES_LEAST, CPU_SHARES_MOST

MEMORY_LEAST: Final = 1 << 20  # of which a program can begin
MOUNT_KINDS: Final = ("bind", "tmpfs", "proc", "sysfs", "devpts", "mqueue", "devtmpfs", "cgroup", "cgroup2", "overlay")
NAMESPACE_KINDS: Final = ("pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time")
NS_GET_NSTYPE: Final = 0xB703
NAMESPACE_TYPES: Final = {
    "network": 0x40000000,
    "ipc": 0x08000000,
    "uts": 0x04000000,
    "pid": 0x20000000,
    "user": 0x10000000,
}
POD_NAMESPACES: Final = (
    "network",
    "ipc",
    "uts",
    "pid",
    "user",
)  # that a container may share with others in its sandbox


def check_version(spec: Spec, bundle: str, problems: Problems) -> None:
    """Major version 1."""
    if spec.oci_version and spec.oci_version.partition(".")[0] != "1":
        problems.add("ociVersion", f"{spec.oci_version!r} is not a 1.x version")


def check_root(spec: Spec, bundle: str, problems: Problems) -> None:
    """A directory, absolute or inside the bundle."""
    if not spec.root_path:
        return
    path = os.path.join(bundle, spec.root_path)
    if not os.path.isdir(path):
        problems.add("root.path", f"{path}: no such directory")


def check_args(spec: Spec, bundle: str, problems: Problems) -> None:
    """A command."""
    if spec.process is not None and not spec.process.args:
        problems.add("process.args", "there is no command")


def check_cwd(spec: Spec, bundle: str, problems: Problems) -> None:
    """Absolute."""
    if spec.process is not None and spec.process.cwd and not spec.process.cwd.startswith("/"):
        problems.add("process.cwd", f"{spec.process.cwd!r} is not absolute")


def check_env(spec: Spec, bundle: str, problems: Problems) -> None:
    """NAME=VALUE."""
    if spec.process is None:
        return
    for n, item in enumerate(spec.process.env):
        if not item.partition("=")[1] or item.startswith("="):
            problems.add(f"process.env[{n}]", f"{item!r} is not NAME=VALUE")


def check_rlimits(spec: Spec, bundle: str, problems: Problems) -> None:
    """Known, once each, soft not above hard."""
    seen: set[str] = set()
    for n, limit in enumerate(spec.process.rlimits if spec.process is not None else ()):
        path = f"process.rlimits[{n}]"
        if limit.kind and limit.kind not in RLIMITS:
            problems.add(f"{path}.type", f"unknown limit {limit.kind!r}")
        if limit.kind in seen:
            problems.add(f"{path}.type", f"{limit.kind} is there twice")
        if limit.kind == "RLIMIT_NOFILE" and limit.hard > NR_OPEN and limit.hard > _hosts_nr_open():
            problems.add(path, f"hard {limit.hard} is above fs.nr_open")
        if limit.soft > limit.hard:
            problems.add(path, f"soft {limit.soft} is above hard {limit.hard}")
        seen.add(limit.kind)


def _hosts_nr_open() -> int:
    """What setrlimit(2) allows at most here."""
    try:
        with open("/proc/sys/fs/nr_open", encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return NR_OPEN


def check_capabilities(spec: Spec, bundle: str, problems: Problems) -> None:
    """Effective within permitted, inheritable within bounding (capset(2)). Ambient ones that cannot be are left out, as
    by runc."""
    if spec.process is None or spec.process.capabilities is None:
        return
    sets = spec.process.capabilities
    for capability in sorted(set(sets["effective"]) - set(sets["permitted"])):
        problems.add("process.capabilities.effective", f"{capability} is not permitted")
    for capability in sorted(set(sets["inheritable"]) - set(sets["bounding"])):
        problems.add("process.capabilities.inheritable", f"{capability} is not in the bounding set")


def check_hostname(spec: Spec, bundle: str, problems: Problems) -> None:
    """At most 64 bytes, in a UTS namespace of its own."""
    if len(spec.hostname.encode()) > 64:
        problems.add("hostname", "is longer than 64 bytes")
    if spec.hostname and not any(namespace.kind == "uts" for namespace in spec.namespaces):
        problems.add("hostname", "needs a uts namespace in linux.namespaces")


def check_mounts(spec: Spec, bundle: str, problems: Problems) -> None:
    """Kinds, destinations, sources of binds, options."""
    for n, mount in enumerate(spec.mounts):
        path = f"mounts[{n}]"
        if mount.is_bind():
            source = os.path.join(bundle, mount.source)
            if not mount.source:
                problems.add(f"{path}.source", "is missing")
            elif not os.path.lexists(source):
                problems.add(f"{path}.source", f"{source}: no such file or directory")
        elif mount.kind not in MOUNT_KINDS:
            problems.add(f"{path}.type", f"unknown kind {mount.kind!r}; known: {', '.join(MOUNT_KINDS)}")
        data = VOLUME_WORDS if mount.is_bind() else data_of(mount.kind)
        for m, option in enumerate(mount.options):
            if option and option not in MOUNT_OPTIONS and not (data and option.startswith(data)):
                problems.add(f"{path}.options[{m}]", f"unknown option {option!r} for {mount.kind or 'bind'}")
            elif "=" in option and not takes_value(option):
                problems.add(f"{path}.options[{m}]", f"{option!r}: not a value that this option takes")
            elif option == COPY_UP and mount.kind != "tmpfs":
                problems.add(f"{path}.options[{m}]", f"{option!r} is for a tmpfs")


def check_namespaces(spec: Spec, bundle: str, problems: Problems) -> None:
    """Known, once each; a path names a file."""
    seen: set[str] = set()
    for n, namespace in enumerate(spec.namespaces):
        path = f"linux.namespaces[{n}]"
        if namespace.kind not in NAMESPACE_KINDS:
            problems.add(f"{path}.type", f"unknown kind {namespace.kind!r}; known: {', '.join(NAMESPACE_KINDS)}")
        if namespace.kind in seen:
            problems.add(f"{path}.type", f"{namespace.kind} is there twice")
        if namespace.path and not os.path.exists(namespace.path):
            problems.add(f"{path}.path", f"{namespace.path}: no such file")
        if namespace.path and namespace.kind not in POD_NAMESPACES:
            problems.add(f"{path}.path", f"a {namespace.kind} namespace cannot be joined: every sandbox has its own")
        elif namespace.path and os.path.exists(namespace.path) and not _is_namespace(namespace.path, namespace.kind):
            problems.add(f"{path}.path", f"{namespace.path}: not a {namespace.kind} namespace")
        seen.add(namespace.kind)


def _is_namespace(path: str, kind: str) -> bool:
    """What an nsfs file says of itself (ioctl_ns(2))."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return fcntl.ioctl(fd, NS_GET_NSTYPE) == NAMESPACE_TYPES.get(kind)
    except OSError:
        return False
    finally:
        os.close(fd)


def check_propagation(spec: Spec, bundle: str, problems: Problems) -> None:
    """One of the kinds that mount(2) knows, perhaps with r for recursive in front."""
    if spec.root_propagation and spec.root_propagation not in PROPAGATION:
        problems.add("linux.rootfsPropagation", f"unknown propagation {spec.root_propagation!r}")


def check_hooks(spec: Spec, bundle: str, problems: Problems) -> None:
    """Absolute paths."""
    for kind, hooks in spec.hooks.items():
        for n, hook in enumerate(hooks):
            if hook.path and not hook.path.startswith("/"):
                problems.add(f"hooks.{kind}[{n}].path", f"{hook.path!r} is not absolute")


def check_domainname(spec: Spec, bundle: str, problems: Problems) -> None:
    """As the host's name."""
    if len(spec.domainname.encode()) > 64:
        problems.add("domainname", "is longer than 64 bytes")


def check_cgroups_path(spec: Spec, bundle: str, problems: Problems) -> None:
    """Below the mounted hierarchies, not they themselves."""
    path = spec.cgroups_path
    if path and os.path.normpath(f"/{path}").strip("/") == "":
        problems.add("linux.cgroupsPath", f"{path!r} is no group of the container's own")


def check_resources(spec: Spec, bundle: str, problems: Problems) -> None:
    """What no control group takes."""
    cpu, path = spec.cpu, "linux.resources.cpu"
    if 0 < cpu.shares < CPU_SHARES_LEAST or cpu.shares > CPU_SHARES_MOST:
        problems.add(f"{path}.shares", f"{cpu.shares} is not between {CPU_SHARES_LEAST} and {CPU_SHARES_MOST}")
    if cpu.period and not CPU_LEAST_US <= cpu.period <= CPU_PERIOD_MOST_US:
        problems.add(f"{path}.period", f"{cpu.period} is not between {CPU_LEAST_US} and {CPU_PERIOD_MOST_US}")
    if 0 < cpu.quota < CPU_LEAST_US:
        problems.add(f"{path}.quota", f"{cpu.quota} is less than {CPU_LEAST_US}")
    for name, text in (("cpus", cpu.cpus), ("mems", cpu.mems)):
        if text and not _is_list(text, os.sysconf("SC_NPROCESSORS_CONF") if name == "cpus" else None):
            problems.add(f"{path}.{name}", f"{text!r} is no list of what this machine has")
    if 0 < spec.memory_limit < MEMORY_LEAST:
        problems.add("linux.resources.memory.limit", f"{spec.memory_limit} is less than {MEMORY_LEAST}")
    check_swap(-1 if "memory" in spec.lifted else spec.memory_limit, spec.memory_swap, problems)


def check_swap(limit: int, swap: int, problems: Problems) -> None:
    """Of memory and swap together no less can be had than of memory (cgroup-v1/memory.rst: EINVAL). 0: not given, -1: no bound."""
    path = "linux.resources.memory.swap"
    if swap > 0 and limit <= 0:
        problems.add(path, "is memory and swap together, and there is no limit of memory")
    elif 0 < swap < limit:
        problems.add(path, "is memory and swap together, and less than limit")


def _is_list(text: str, count: int | None) -> bool:
    """`0-2,7,8-15:1/2` of numbers below `count` (cpuset(7), List format; lib/bitmap.c: bitmap_parselist)."""
    for item in text.strip().split(","):
        span, colon, stride = item.strip().partition(":")
        first, dash, last = span.partition("-")
        words = [first, *([last] if dash else []), *(stride.split("/") if colon else [])]
        if not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
            return False
        if int(first) > int(last or first) or (count is not None and int(last or first) >= count):
            return False
    return True


def check_sysctl(spec: Spec, bundle: str, problems: Problems) -> None:
    """The host's name has a member of its own."""
    if "kernel.hostname" in {name.replace("/", ".") for name in spec.sysctl}:
        problems.add("linux.sysctl.kernel.hostname", "is set by hostname")


def check_supported(spec: Spec, bundle: str, problems: Problems) -> None:
    """What a container could not do without must not be passed over in silence."""
    for path in spec.refused:
        problems.add(path, "is not supported")


PROCESS_CHECKS: Final[tuple[Callable[[Spec, str, Problems], None], ...]] = (
    check_args,
    check_cwd,
    check_env,
    check_rlimits,
    check_capabilities,
)
CHECKS: Final[tuple[Callable[[Spec, str, Problems], None], ...]] = (
    check_version,
    check_root,
    *PROCESS_CHECKS,
    check_hostname,
    check_mounts,
    check_namespaces,
    check_propagation,
    check_hooks,
    check_domainname,
    check_cgroups_path,
    check_resources,
    check_sysctl,
    check_supported,
)


def validate(spec: Spec, bundle: str, problems: Problems) -> None:
    """Run every check."""
    for check in CHECKS:
        check(spec, bundle, problems)
