"""What the host must offer, each with one line that says what is missing and what to do."""

from __future__ import annotations

import os
import resource
from typing import Callable, Final

from sandbox.known_platforms import AUTO, LANE, choose

MINIMUM_FILES: Final = 128
MINIMUM_FILE_SIZE: Final = 1 << 20  # bytes: what processes share with the sandbox's kernel is files for the host
MINIMUM_KERNEL: Final = (5, 19)

ReadText = Callable[[str], str]


class HostLacks(Exception):
    """`str()` is the line for the user."""


def parse_release(release: str) -> tuple[int, int]:
    """Major and minor number of a kernel release such as `6.1.0-18-amd64`."""
    numbers = []
    for part in release.split(".")[:2]:
        digits = ""
        for c in part:
            if not c.isdigit():
                break
            digits += c
        numbers.append(int(digits or "0"))
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (numbers[0], 0)


def check_host(sysname: str, release: str, machine: str, read: ReadText, platform: str = AUTO) -> str:
    """All that a start asks of the system: the platform that it gets. Raises HostLacks. `read` returns a file's text,
    empty when there is none."""
    check_machine(sysname, release, machine)
    chosen = choose(platform, notifies(read))
    if chosen == LANE:
        check_notification(read)
    check_yama(read)
    return chosen


def check_machine(sysname: str, release: str, machine: str) -> None:
    """Raises HostLacks."""
    if sysname != "Linux":
        raise HostLacks(f"Linux is needed, this is {sysname}")
    if machine != "x86_64":
        raise HostLacks(f"an x86-64 machine is needed, this is {machine}")
    if parse_release(release) < MINIMUM_KERNEL:
        raise HostLacks(f"Linux {MINIMUM_KERNEL[0]}.{MINIMUM_KERNEL[1]} or later is needed, this is {release}")


def notifies(read: ReadText) -> bool:
    """seccomp_unotify(2), as far as the host tells."""
    actions = read("/proc/sys/kernel/seccomp/actions_avail")
    return not actions or "user_notif" in actions.split()


def check_notification(read: ReadText) -> None:
    """Raises HostLacks."""
    if not notifies(read):
        raise HostLacks("the host's kernel has no seccomp user notification (CONFIG_SECCOMP_FILTER)")


def check_yama(read: ReadText) -> None:
    """Documentation/admin-guide/LSM/Yama.rst. Raises HostLacks."""
    if read("/proc/sys/kernel/yama/ptrace_scope").strip() == "3":
        raise HostLacks("kernel.yama.ptrace_scope is 3: set it to 2 or less to let the sandbox read its guests' memory")


def read_text(path: str, limit: int = 4096) -> str:
    """The head of a file of the host, empty when it is not there or may not be read."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read(limit)
    except OSError:
        return ""


def check_limits(files: int, file_size: int) -> None:
    """What the shell's ulimit leaves: the hard limits of open files and of a file's size, -1 none. Raises HostLacks."""
    if 0 <= files < MINIMUM_FILES:
        raise HostLacks(f"at least {MINIMUM_FILES} open files are needed, the limit is {files}: ulimit -Hn")
    if 0 <= file_size < MINIMUM_FILE_SIZE:
        raise HostLacks(f"files of {MINIMUM_FILE_SIZE} bytes are needed, the limit is {file_size}: raise ulimit -Hf")


def why_no_process(error: str) -> str:
    """The line for a process that the host did not let us make; `error` as it said, or nothing."""
    limit = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    line = f"cannot make a process: {error}" if error else "cannot make a process"
    if limit == resource.RLIM_INFINITY:
        return line
    return f"{line}; this user may have {limit}, threads and what runs already included: raise ulimit -u"


def check_this_host(platform: str) -> str:
    """`check_host` with the real thing."""
    check_limits(resource.getrlimit(resource.RLIMIT_NOFILE)[1], resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    name = os.uname()
    return check_host(name.sysname, name.release, name.machine, read_text, platform)


def why_no_namespaces(uid: int, error: str) -> str:
    """The line for an unshare(2) that failed."""
    if uid == 0:
        return f"cannot make namespaces: {error}; root without CAP_SYS_ADMIN needs a container that allows it"
    off = why_user_namespaces_are_off(read_text)
    if off:
        return f"{off}, or run as root"
    if not is_mount_root(read_text("/proc/self/mountinfo", 1 << 20)):
        return "in a chroot ordinary users cannot make user namespaces: run as root"
    return f"cannot make a user namespace: {error}; run as root"


def why_user_namespaces_are_off(read: ReadText) -> str:
    """For ordinary users, and what to set; empty when no setting says so."""
    if read("/proc/sys/user/max_user_namespaces").strip() == "0":
        return "user namespaces are off: set user.max_user_namespaces above 0"
    if read("/proc/sys/kernel/unprivileged_userns_clone").strip() == "0":
        return "user namespaces are off for ordinary users: set kernel.unprivileged_userns_clone to 1"
    if read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").strip() == "1":
        return (
            "AppArmor keeps user namespaces from ordinary users: set kernel.apparmor_restrict_unprivileged_userns to 0"
        )
    return ""


def is_mount_root(mountinfo: str) -> bool:
    """`/` is the root of a mount, as it is everywhere but in a chroot."""
    lines = mountinfo.splitlines()
    return not lines or any(line.split()[4:5] == ["/"] for line in lines)
