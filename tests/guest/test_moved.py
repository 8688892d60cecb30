"""Programs of the corpus in a container that is checkpointed and restored at random moments do what they do natively."""

from __future__ import annotations

import pytest

from tcpip.native import is_compiled
from tests.guest import moved, runner

NAMES = (
    "c.pipes c.fork_basic c.pthread_basic c.epoll_basic c.timerfd c.restart_syscall c.sigsuspend_wait c.static_threads "
    "c.sig_return c.seccomp_filter c.sysv_shm_attach c.mm_maps py.threads_py"
).split()


@pytest.mark.slow
@pytest.mark.skipif(is_compiled(), reason="a compiled kernel is not checkpointed")
def test_moved_at_random() -> None:
    chosen = [program for program in runner.programs() if program.name in NAMES]
    assert len(chosen) == len(NAMES)
    native = runner.run(chosen, runner.start_native)
    inside = runner.run(chosen, lambda work: moved.start_moved(work, "3"))
    found = {name: runner.differences(native[name], inside[name]) for name in native}
    assert not any(found.values()), found
