"""asyncio on a manual clock, and stacks that share a loop."""

from __future__ import annotations

import asyncio
import time
from random import Random

import pytest

from tcpip.adapters import aio, virtual_time
from tcpip.addr import parse
from tcpip.clock import NS_PER_S, ManualClock
from tcpip.link.impairment import ImpairmentLink, apply_spec
from tcpip.link.pipe import pipe
from tcpip.stack.stack import Stack
from tcpip.timers import TimerQueue


def test_a_day_passes_at_once() -> None:
    clock = ManualClock()

    async def main() -> str:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 3600)
        await asyncio.sleep(86400 - 3600)
        assert loop.time() - began == pytest.approx(86400)
        return "done"

    before = time.monotonic()
    assert virtual_time.run(clock, main()) == "done"
    assert clock.now_ns() == pytest.approx(86400 * NS_PER_S, abs=10) and time.monotonic() - before < 60


def test_order_is_that_of_time() -> None:
    seen: list[int] = []

    async def at(seconds: int) -> None:
        await asyncio.sleep(seconds)
        seen.append(seconds)

    async def main() -> None:
        await asyncio.gather(*(at(n) for n in (5, 1, 3, 2, 4)))

    virtual_time.run(ManualClock(), main())
    assert seen == [1, 2, 3, 4, 5]


def test_a_deadlock_is_an_error() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="deadlock"):
        virtual_time.run(ManualClock(), main())


def test_tasks_that_are_left_are_cancelled() -> None:
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.sleep(1e9)
        finally:
            ended.append("cancelled")

    async def main() -> asyncio.Task[None]:
        task = asyncio.ensure_future(forever())
        await asyncio.sleep(1)
        return task

    virtual_time.run(ManualClock(), main())
    assert ended == ["cancelled"]


def test_timers_that_another_stacks_packets_set_are_kept() -> None:
    """The delayed copy of each packet is released by a timer which the other stack's flush has armed."""
    clock = ManualClock()

    async def main() -> int:
        here, there = Stack(clock, Random(1), ipv6=False), Stack(clock, Random(2), ipv6=False)
        left, right = pipe()
        link = ImpairmentLink(left, clock, here.timers, seed=3)
        apply_spec("delay=50ms", link.outbound)
        here.add_nic(link).add_address(parse("10.0.0.1"), 24)
        there.add_nic(right).add_address(parse("10.0.0.2"), 24)

        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.read())
            writer.close()

        async with aio.Runner(here), aio.Runner(there):
            await aio.start_server(there, echo, "10.0.0.2", 7)
            reader, writer = await aio.open_connection(here, "10.0.0.2", 7)
            writer.write(bytes(100_000))
            writer.write_eof()
            size = len(await reader.read())
            writer.close()
            return size

    assert virtual_time.run(clock, main()) == 100_000
    assert clock.now_ns() < 2 * NS_PER_S


def test_who_waits_for_the_first_timer_hears_of_an_earlier_one() -> None:
    timers, heard = TimerQueue(), []
    timers.on_earlier = heard.append
    first = timers.after(100, lambda: None)
    timers.after(200, lambda: None)
    timers.after(50, lambda: None)
    first.arm(150)
    first.arm(10)
    assert heard == [100, 50, 10]
