"""The event loop: what goes first when everything is ready at once."""

from __future__ import annotations

import os

from sandbox.reactor import TIMERS_A_TURN, Reactor
from tcpip.clock import NS_PER_S, ManualClock


def test_many_timers_do_not_keep_the_platform_out() -> None:
    reactor = Reactor(clock := ManualClock(1))
    ready, fill = os.pipe()
    os.write(fill, b"x")
    happened = []
    timers = 20 * TIMERS_A_TURN

    def platform() -> None:
        clock.advance(1000)
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


def test_timers_that_are_armed_faster_than_portions_fire_them_do_not_keep_out_others() -> None:
    """One guest's thousands, each armed again while the platform has something: another's comes within a bound."""
    reactor = Reactor(clock := ManualClock(1))
    ready, fill = os.pipe()
    os.write(fill, b"x")
    ours: list[int] = []
    theirs = 0

    def again() -> None:
        nonlocal theirs
        theirs += 1
        clock.advance(20_000)
        reactor.call_at(clock.now_ns() + 2_000_000, again)

    def platform() -> None:
        clock.advance(200_000)
        if ours or clock.now_ns() > 60 * NS_PER_S:
            reactor.stop()

    reactor.watch_first(ready, platform)
    for _ in range(5000):
        reactor.call_at(1, again)
    reactor.call_at(NS_PER_S, lambda: ours.append(clock.now_ns() - NS_PER_S))
    try:
        reactor.run()
    finally:
        reactor.close()
        os.close(ready)
        os.close(fill)
    assert ours[0] < NS_PER_S // 2, (ours, theirs)
