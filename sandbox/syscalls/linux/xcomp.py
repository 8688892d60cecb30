"""arch_prctl(2): which parts of the processor's extended state a process may use (arch/x86/kernel/fpu/xstate.c).

None that has to be asked for: the tiles of AMX are not shown, as on a processor without them.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.ptrace.registers import state_features

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

GET_SUPPORTED, GET_PERMITTED, REQUEST, GET_GUEST_PERMITTED, REQUEST_FOR_GUEST = range(0x1021, 0x1026)
_TILES: Final = 1 << 17 | 1 << 18
_FEATURES: Final = 19  # XFEATURE_MAX


def arch_prctl_xcomp(t: Task, code: int, value: int) -> int:
    """ARCH_GET_XCOMP_SUPP and its like."""
    if code in (GET_SUPPORTED, GET_PERMITTED, GET_GUEST_PERMITTED):
        t.copy_out(value, (state_features(t) & ~_TILES).to_bytes(8, "little"))
        return 0
    if code in (REQUEST, REQUEST_FOR_GUEST):
        return -errno.EINVAL if value >= _FEATURES else -errno.EOPNOTSUPP
    return -errno.EINVAL
