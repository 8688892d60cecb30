"""The links: what the wire does to frames of both directions, and the sizes of packets."""

from __future__ import annotations

from typing import Final

RATE: Final = "rate=100mbit,queue_limit=1000"


class Case:
    """`plan` is (seconds from the start, impairment); `narrow` (seconds, MTU) of the router's link to the far end."""

    __slots__ = ("name", "plan", "mtu", "narrow", "at_least_s")

    def __init__(
        self,
        name: str,
        *spoilt: str,
        mtu: int = 1500,
        plan: tuple[tuple[float, str], ...] = (),
        narrow: tuple[float, int] | None = None,
        at_least_s: float = 0,
    ) -> None:
        self.name = name
        self.plan = plan or ((0.0, ",".join((RATE, *spoilt))),)
        self.mtu = mtu
        self.narrow = narrow
        self.at_least_s = at_least_s
        """How long text must flow for all of the plan to happen: beyond the 20 seconds."""


HOPELESS_S: Final = 60
"""At a loss of 20 % two kernels may not come to an end within ten minutes, for each time-out is twice the last: after this, what
is still on its way meets no more loss."""


def _until_done(loss: str, delay: str) -> tuple[tuple[float, str], ...]:
    lossy = f"{RATE},loss={loss},delay={delay}"
    return ((0.0, lossy), (HOPELESS_S, f"{RATE},delay={delay}")) if loss == "20%" else ((0.0, lossy),)


def _losses() -> list[Case]:
    return [
        Case(f"loss {loss}, delay {delay}", plan=_until_done(loss, delay))
        for delay in ("1ms", "15ms", "50ms", "150ms")
        for loss in ("0%", "0.1%", "1%", "5%", "20%")
        if (delay, loss) != ("150ms", "20%")  # hardly a segment a second: a figure of chance
    ]


def _paths() -> list[Case]:
    down = f"{RATE},delay=10ms"
    return [
        Case("delay 300ms", "delay=300ms"),
        Case("jitter 5ms, reordering 10%", "delay=10ms,jitter=5ms,reorder=10%"),
        Case("reordering 1%", "delay=10ms,reorder=1%"),
        Case("duplication 5%", "delay=5ms,duplicate=5%"),
        Case("corruption 1%", "delay=5ms,corrupt=1%"),
        Case("bursts of loss", "delay=5ms,burst_enter=0.1%,burst_leave=20%"),
        Case("everything", "delay=5ms,jitter=2ms,loss=1%,reorder=2%,duplicate=1%,corrupt=0.5%"),
        Case("queue of 20 packets", "delay=10ms,queue_limit=20"),
        *(Case(f"MTU {mtu}", "delay=2ms", mtu=mtu) for mtu in (576, 1280, 9000, 65520)),
        *(Case(f"MTU {mtu}, loss 1%", "delay=2ms,loss=1%", mtu=mtu) for mtu in (576, 9000)),
        Case("MTU 1500, then 900 after 2s", "delay=5ms", narrow=(2.0, 900), at_least_s=4),
        Case("down for 30s after 2s", plan=((0.0, down), (2.0, f"{down},partition"), (32.0, down)), at_least_s=34),
    ]


CASES: Final = (*_losses(), *_paths())


def chosen(names: list[str]) -> list[Case]:
    """Those whose names contain one of `names`; all for none. ValueError for one that is in no name."""
    for name in names:
        if not any(name in case.name for case in CASES):
            raise ValueError(f"no case {name!r}; there are: " + "; ".join(case.name for case in CASES))
    return [case for case in CASES if not names or any(name in case.name for name in names)]
