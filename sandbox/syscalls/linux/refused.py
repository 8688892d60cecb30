"""Calls without a handler: which errno they answer, and why. Rows of the families come before these."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.syscalls.row import REFUSED, Row, refuse

_PRIVILEGED: Final = "EPERM, as without the privilege"
_NOT_BUILT: Final = "ENOSYS, as a kernel built without it"

# name -> (errno, note)
_ANSWERS: Final[dict[str, tuple[int, str]]] = {
    "pkey_alloc": (errno.ENOSPC, "ENOSPC, as on a processor without protection keys"),
    "pkey_free": (errno.EINVAL, "EINVAL: no key was ever allocated"),
    "fanotify_init": (errno.EPERM, _PRIVILEGED),
    "map_shadow_stack": (errno.EOPNOTSUPP, "EOPNOTSUPP, as on a processor without shadow stacks"),
    "modify_ldt": (errno.ENOSYS, _NOT_BUILT),
    "lsm_list_modules": (errno.ENOSYS, _NOT_BUILT),
}

_PRIVILEGED_CALLS: Final = [
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "kexec_file_load",
    "swapoff",
    "pivot_root",
    "process_madvise",
    "process_mrelease",
    "mount",
    "umount2",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
]


def row_for(number: int, name: str) -> Row:
    """The row of a call that no family has."""
    if name in _PRIVILEGED_CALLS:
        return Row(number, name, refuse(errno.EPERM), REFUSED, (), _PRIVILEGED)
    answer, note = _ANSWERS.get(name, (errno.ENOSYS, _NOT_BUILT))
    return Row(number, name, refuse(answer), REFUSED, (), note)
