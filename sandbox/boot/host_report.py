"""What this host offers to a sandbox, what of it is used, and what each missing rung needs.

The checks are those of the start (host_checks.py, cgroup.py), and a trial of it (trial.py).
"""

from __future__ import annotations

import os
import resource
import sys
from typing import Callable, Final

from sandbox.boot import cgroup, host_checks, libc
from sandbox.boot.host_checks import HostLacks, ReadText
from sandbox.boot.trial import Trial

OK: Final = "ok"
LESS: Final = "less"  # works without
MISSING: Final = "missing"  # nothing works without
UNKNOWN: Final = "unknown"  # cannot be told as long as something else is missing

PYTHON: Final = (3, 11)
CAP_NET_ADMIN: Final = 12
CAP_NET_RAW: Final = 13
_GROUP: Final = {"memory": 1 << 30, "pids": 1 << 10}


class Finding:
    """`found`: what there is and what it is used for; `needs`: how to get what is missing."""

    __slots__ = ("name", "state", "found", "needs")

    def __init__(self, name: str, state: str, found: str, needs: str = "") -> None:
        self.name = name
        self.state = state
        self.found = found
        self.needs = needs


class Host:
    """Where the facts come from. `groups` tries to make a control group and returns why bounds are not kept."""

    __slots__ = ("uid", "user", "uname", "limits", "read", "capabilities", "cpus", "groups", "readable", "python")

    def __init__(self) -> None:
        name = os.uname()
        self.uid = os.geteuid()
        self.user = _user(self.uid)
        self.uname = (name.sysname, name.release, name.machine)
        self.limits = (resource.getrlimit(resource.RLIMIT_NOFILE)[1], resource.getrlimit(resource.RLIMIT_FSIZE)[1])
        self.read: ReadText = lambda path: host_checks.read_text(path, 1 << 20)
        self.capabilities = libc.capget()
        self.cpus = len(os.sched_getaffinity(0))
        self.groups: Callable[[], list[str]] = try_group
        self.readable: Callable[[str], bool] = lambda path: os.access(path, os.R_OK | os.W_OK)
        self.python = (sys.version_info[0], sys.version_info[1], sys.version_info[2])


def examine(host: Host, trial: Trial, compiled: bool) -> list[Finding]:
    """All findings, the needed ones first."""
    sysname, release, machine = host.uname
    findings = [
        _checked(
            "kernel", f"{sysname} {release}, {machine}", lambda: host_checks.check_machine(sysname, release, machine)
        ),
        _notification(host),
        _checked("guest memory", "the sentry may read it", lambda: host_checks.check_yama(host.read)),
        _checked("limits", f"{host.limits[0]} open files", lambda: host_checks.check_limits(*host.limits)),
        _procfs(host),
        _python(host, compiled),
    ]
    return [*findings, *_tried(host, trial), _user_namespaces(host), *_groups(host), *_network(host), *_rest(host)]


def status(findings: list[Finding]) -> int:
    """0: all well; 1: works with less; 2: cannot run."""
    states = {finding.state for finding in findings}
    return 2 if MISSING in states else 1 if LESS in states else 0


def try_group() -> list[str]:
    """Make the control group that bounds a sandbox, and remove it. Lines that say which bounds the host does not keep."""
    read = host_checks.read_text
    places = cgroup.find(_GROUP, read("/proc/self/cgroup"), read("/proc/self/mountinfo", 1 << 20))
    group = cgroup.Cgroup(_GROUP, f"runsc-{os.getpid()}-{os.urandom(4).hex()}", places)
    missing = group.make()
    if group.directories:
        try:
            group.give_back()
        except OSError as error:
            missing.append(f"cannot remove {group.directories[0]}: {os.strerror(error.errno or 0)}")
    return missing


def _notification(host: Host) -> Finding:
    name = "seccomp notification"
    try:
        host_checks.check_notification(host.read)
    except HostLacks as lacks:
        return Finding(name, LESS, "calls are trapped by ptrace, at ten times the cost", str(lacks))
    return Finding(name, OK, "traps calls")


def _checked(name: str, found: str, check: Callable[[], None]) -> Finding:
    try:
        check()
    except HostLacks as lacks:
        return Finding(name, MISSING, "not enough", str(lacks))
    return Finding(name, OK, found)


def _procfs(host: Host) -> Finding:
    if host.read("/proc/self/status"):
        return Finding("procfs", OK, "/proc is there")
    return Finding("procfs", MISSING, "/proc is not there", "mount proc at /proc")


def _python(host: Host, compiled: bool) -> Finding:
    version = ".".join(map(str, host.python))
    if host.python[:2] < PYTHON:
        return Finding("Python", MISSING, version, f"Python {PYTHON[0]}.{PYTHON[1]} or later")
    if compiled:
        return Finding("Python", OK, f"{version}, our modules are compiled")
    return Finding("Python", OK, f"{version}, our modules are interpreted (make build COMPILED=1 compiles them)")


def _tried(host: Host, trial: Trial) -> list[Finding]:
    """What a trial of the start has shown."""
    made = "made by root" if host.uid == 0 else "made in a user namespace"
    if not trial.namespaces:
        findings = [Finding("namespaces", MISSING, "cannot be made", trial.failure)]
        return findings + [Finding(n, UNKNOWN, "not tried") for n in ("guest process", "wake-up", "patching")]
    findings = [Finding("namespaces", OK, f"PID, mount, IPC, UTS, network, {made}")]
    if trial.failure:
        findings.append(Finding("guest process", MISSING, "does not start", trial.failure))
        return findings + [Finding(n, UNKNOWN, "not tried") for n in ("wake-up", "patching")]
    findings.append(Finding("guest process", OK, "starts and ends"))
    findings.append(
        Finding("wake-up", OK, "a parked call wakes the sentry on its own CPU")
        if trial.synchronous
        else Finding("wake-up", LESS, "parked calls wake the sentry anywhere, which is slower", "Linux 6.6 or later")
    )
    findings.append(
        Finding("patching", OK, "calls that are made often are patched, through /proc/PID/mem")
        if trial.patches
        else Finding(
            "patching",
            LESS,
            "/proc/PID/mem cannot write to code: every call is trapped, breakpoints do not work",
            "a writable procfs, and proc_mem.force_override=always",
        )
    )
    return findings


def _user_namespaces(host: Host) -> Finding:
    off = host_checks.why_user_namespaces_are_off(host.read)
    if not off:
        return Finding("user namespaces", OK, "ordinary users need nothing else")
    # For an ordinary user the trial has failed and said so; root does not need them.
    return Finding("user namespaces", LESS, "only root can start sandboxes", off.partition(": ")[2] or off)


def _groups(host: Host) -> list[Finding]:
    versions = sorted({kind for _, _, kind, _ in cgroup.mounts(host.read("/proc/self/mountinfo"))})
    names = " and ".join({"cgroup": "version 1", "cgroup2": "version 2"}[kind] for kind in versions)
    if not names:
        found = "not mounted: only the sandbox's kernel bounds memory and tasks"
        return [Finding("control groups", LESS, found, "a mounted cgroup2")]
    missing = host.groups()
    if not missing:
        return [Finding("control groups", OK, f"{names}: the host bounds memory and tasks too")]
    found = f"{names}, not for us: only the sandbox's kernel bounds memory and tasks"
    needs = "root, or a delegated group with memory and pids in cgroup.subtree_control"
    return [Finding("control groups", LESS, f"{found} ({'; '.join(missing)})", needs)]


def _network(host: Host) -> list[Finding]:
    findings = []
    admin, raw = (bool(host.capabilities >> n & 1) for n in (CAP_NET_ADMIN, CAP_NET_RAW))
    if not host.readable("/dev/net/tun"):
        findings.append(Finding("tun", LESS, "no --network tap", "/dev/net/tun, readable and writable"))
    elif not admin:
        findings.append(
            Finding("tun", LESS, "--network tap with devices that are there only", "CAP_NET_ADMIN to make devices")
        )
    else:
        findings.append(Finding("tun", OK, "--network tap"))
    if admin and raw:
        findings.append(Finding("interfaces", OK, "--network sandbox"))
    else:
        findings.append(Finding("interfaces", LESS, "no --network sandbox", "CAP_NET_ADMIN and CAP_NET_RAW"))
    return findings


def _rest(host: Host) -> list[Finding]:
    ids = f"{sub_ids(host.read('/etc/subuid'), host.user, host.uid)} for {host.user}"
    findings = [Finding("sub-ids", OK, f"{ids}, not used: a sandbox's users are all one user of the host")]
    if host.cpus > 1:
        findings.append(Finding("CPUs", OK, f"{host.cpus}: the sentry looks for calls while guests run"))
    else:
        findings.append(Finding("CPUs", LESS, "1: every call parks, which is slower", "two or more"))
    return findings


def sub_ids(subuid: str, user: str, uid: int) -> int:
    """How many a user has (subuid(5))."""
    total = 0
    for line in subuid.splitlines():
        name, _, rest = line.partition(":")
        _, _, count = rest.partition(":")
        if name in (user, str(uid)) and count.isascii() and count.isdigit() and len(count) <= 10:
            total += int(count)
    return total


def _user(uid: int) -> str:
    """The name, or the number where there is none."""
    for line in host_checks.read_text("/etc/passwd", 1 << 20).splitlines():
        fields = line.split(":")
        if len(fields) == 7 and fields[2] == str(uid):
            return fields[0]
    return str(uid)
