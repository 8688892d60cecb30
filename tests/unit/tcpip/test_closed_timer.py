"""A timer that is closed lets go of what it would have called, however far away it was."""

import weakref

from tcpip.timers import TimerQueue


class Owner:
    def fire(self) -> None:
        raise AssertionError


def test_a_closed_timer_holds_nothing() -> None:
    queue, owner = TimerQueue(), Owner()
    there = weakref.ref(owner)
    timer = queue.timer(owner.fire)
    timer.arm(1 << 60)
    timer.close()
    del owner
    assert there() is None and len(queue) == 1
    assert queue.run(1 << 61) == 0
