"""The event loop: what goes first when everything is ready at once."""

from __future__ import annotations

import os

from sandbox.reactor import TIMERS_A_TURN, Reactor
from tcpip.clock import MonotonicClock


def test_many_timers_do_not_keep_the_platform_out() -> None:
    reactor = Reactor(MonotonicClock())
    ready, fill = os.pipe()
    os.write(fill, b"x")
    happened = []
    timers = 20 * TIMERS_A_TURN

    def platform() -> None:
        happened.append("platform")
        if happened.count("timer") == timers:
            reactor.stop()

    reactor.watch_first(ready, platform)
    for _ in range(timers):
        reactor.call_at(1, lambda: happened.append("timer"))
    try:
        reactor.run()
    finally:
        reactor.close()
        os.close(ready)
        os.close(fill)
    portions = "".join("t" if what == "timer" else " " for what in happened).split()
    assert max(map(len, portions)) == TIMERS_A_TURN
