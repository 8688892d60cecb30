"""Load averages follow how many threads run, and nobody samples while everybody waits."""

from __future__ import annotations

from sandbox.fs.procfs.system_files import loadavg
from sandbox.kernel.load_average import ONE, PERIOD_NS

from .box import Box

MINUTE = 60_000_000_000


def test_a_thread_that_runs_is_a_load_of_one(box: Box) -> None:
    box.kernel.load.start()
    for _ in range(12):
        box.advance(PERIOD_NS)
    one, five, fifteen = box.kernel.load.loads()
    assert 0.62 < one / ONE < 0.65  # 1 - 1/e
    assert 0.17 < five / ONE < 0.19  # 1 - e^(-1/5)
    assert 0.05 < fifteen / ONE < 0.08
    assert loadavg(box.init).startswith(b"0.63 0.1")


def test_a_load_falls_while_nobody_samples(box: Box) -> None:
    box.kernel.load.start()
    for _ in range(120):
        box.advance(PERIOD_NS)
    assert loadavg(box.init).startswith(b"1.00 ")
    box.platform.idle = True
    box.advance(PERIOD_NS)  # one more sample, and the last
    assert box.reactor.background.next_deadline() is None
    box.clock.advance(MINUTE + PERIOD_NS)  # the one that is due next is not made up for
    assert 0.35 < box.kernel.load.loads()[0] / ONE < 0.39  # 1/e
    box.clock.advance(1 << 62)
    assert box.kernel.load.loads() == [0, 0, 0]
    box.platform.idle = False
    box.reactor.something_happened()
    box.advance(PERIOD_NS)
    assert box.kernel.load.loads()[0] > 0
