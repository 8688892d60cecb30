"""What a process gives up before it becomes the first guest process, from which every other is forked.

It has been forked from the sentry. What it keeps of descriptors, and what it executes, is the platform's affair.
"""

from __future__ import annotations

import os
import resource
from typing import Final

from sandbox.platform import hostcalls

# Guests are killed for the host's memory before the sentry, and leave room for such as are to come before the others
# (sandbox/boot/host_oom_asker.py). More is more, but nobody gets less than the sentry has.
OOM_SCORE_ADJ: Final = 500
ADDR_NO_RANDOMIZE: Final = 0x0040000
_NAMESPACES: Final = (
    hostcalls.CLONE_NEWNET
    | hostcalls.CLONE_NEWIPC
    | hostcalls.CLONE_NEWUTS
    | hostcalls.CLONE_NEWNS
    | hostcalls.CLONE_NEWCGROUP
)


def leave_host() -> None:
    """Die with the sentry; a session, namespaces and a root of its own, which are empty."""
    hostcalls.prctl(hostcalls.PR_SET_PDEATHSIG, 9)
    os.setsid()
    try:
        with open("/proc/self/oom_score_adj", "r+") as file:
            score = max(OOM_SCORE_ADJ, int(file.read()))
            file.seek(0)
            file.write(str(score))
    except (OSError, ValueError):
        pass  # /proc may be masked; the guest is then judged by its size alone
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hostcalls.unshare(_NAMESPACES)
    _empty_root()


def give_up_rights() -> None:
    """No capability, none that could come back, and addresses that the platform can count on."""
    hostcalls.prctl(hostcalls.PR_SET_NO_NEW_PRIVS, 1)
    try:
        hostcalls.prctl(hostcalls.PR_SET_SECUREBITS, 0x2F)  # NOROOT, NO_SETUID_FIXUP, both locked
    except PermissionError:
        pass  # no CAP_SETPCAP: there is nothing that uid 0 could give back either
    hostcalls.drop_capabilities()
    hostcalls.personality(ADDR_NO_RANDOMIZE)


def _empty_root() -> None:
    """An empty read-only tmpfs becomes the root; the host's mounts are gone from this namespace. It is mounted over
    /proc, the one directory that is certainly there."""
    ms_rec_private, ms_nosuid_nodev_noexec = 0x4000 | 0x40000, 2 | 4 | 8
    hostcalls.mount(None, "/", None, ms_rec_private)
    hostcalls.mount("none", "/proc", "tmpfs", ms_nosuid_nodev_noexec, "size=4k,nr_inodes=2,mode=0555")
    os.chdir("/proc")
    hostcalls.pivot_root(".", ".")
    hostcalls.umount(".", 2)  # MNT_DETACH
    os.chdir("/")
    hostcalls.mount(None, "/", None, 32 | 1 | ms_nosuid_nodev_noexec)  # MS_REMOUNT | MS_RDONLY
