"""HyStart++ (RFC 9406): into conservative slow start, back, and out."""

from tcpip.clock import NS_PER_MS
from tcpip.transport.tcp.congestion import ALGORITHMS
from tcpip.transport.tcp.congestion.base import CongestionControl

MSS = 1000


def flow() -> CongestionControl:
    return ALGORITHMS["cubic++"](MSS)


def round_trips(cc: CongestionControl, rtts: list[int]) -> list[int]:
    """A window for each round trip, ms; the windows in segments."""
    una, now, windows = 0, 0, []
    for rtt in rtts:
        nxt = una + cc.cwnd
        for _ in range(cc.cwnd // MSS):
            una += MSS
            now += NS_PER_MS // 10
            cc.on_rtt(rtt * NS_PER_MS, una, nxt, now)
            cc.on_ack(MSS, rtt * NS_PER_MS, una, nxt, now)
        windows.append(cc.cwnd // MSS)
    return windows


def test_doubles_while_round_trips_stay() -> None:
    assert round_trips(flow(), [100] * 4) == [20, 40, 80, 160]


def test_grows_by_a_quarter_after_round_trips_grew_and_ends_after_five_rounds() -> None:
    cc = flow()
    windows = round_trips(cc, [100, 100, 100, 120, 120, 120, 120, 120, 120])
    assert windows[:3] == [20, 40, 80]
    assert 80 < windows[3] < 160
    assert all(1.2 < after / before <= 1.26 for before, after in zip(windows[3:7], windows[4:8], strict=False))
    assert not cc.in_slow_start()


def test_doubles_again_when_round_trips_shrink() -> None:
    cc = flow()
    windows = round_trips(cc, [100, 100, 100, 120, 100, 100])
    assert cc.in_slow_start() and windows[5] / windows[4] > 1.9


def test_a_little_more_is_no_reason() -> None:
    assert round_trips(flow(), [100, 100, 103, 106]) == [20, 40, 80, 160]


def test_a_time_out_begins_anew() -> None:
    cc = flow()
    round_trips(cc, [100, 100, 100, 120])
    cc.on_timeout()
    cc.cwnd, cc.ssthresh = 10 * MSS, 1 << 60
    assert round_trips(cc, [120, 120]) == [20, 40]
