"""Whether guests run is asked of the host, not of what they have said."""

from __future__ import annotations

from sandbox.platform.base import GuestThread
from tests.integration.platform.machine import Args, Machine, call


def test_a_platform_is_quiet_while_every_thread_waits_in_the_host() -> None:
    """Not while one runs that is said to wait: it may be anybody's code."""
    seen: list[bool] = []

    def kernel(m: Machine, t: GuestThread, nr: int, args: Args) -> None:
        seen.append(m.platform.quiet())
        t.reply(0)
        seen.append(m.platform.quiet())
        t.stopped = True
        seen.append(m.platform.quiet())
        t.space.kill()

    Machine(call(39) + "1: jmp 1b\n", kernel, looking=False).run()
    assert seen == [True, False, False]
