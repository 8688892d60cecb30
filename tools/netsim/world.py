"""One simulation: a network, its faults and its applications, all drawn from one seed, run to the end and examined."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any, BinaryIO

from tcpip.adapters import aio, virtual_time
from tcpip.clock import NS_PER_S, ManualClock
from tools.netsim.endpoints import leftovers
from tools.netsim.faults import plan
from tools.netsim.flows import DatagramFlow, StreamFlow, tune
from tools.netsim.network import Network
from tools.netsim.witness import Violation

PATIENCE_S = 3000.0
"""All streams must be over by then: faults last for 90 s, a retransmission waits for 120 s at most."""
QUIET_S = 1500.0
"""Longer than any timeout of a stack without sockets: TIME_WAIT, orphans, path MTUs, fragments."""


class World:
    """What a seed makes. `run` raises Violation; `digest` tells two runs apart."""

    def __init__(self, seed: int, folder: Path | None = None) -> None:
        self.seed = seed
        random = Random(seed)
        self.clock = ManualClock(1000 * NS_PER_S)
        self.network = Network(random, self.clock, capture_into(folder))
        for node in self.network.hosts:
            tune(random, node)
        self.faults = plan(random, self.network)
        count = random.randint(1, 12)
        self.streams = [StreamFlow(random, self.network, i) for i in range(count)]
        datagrams = random.choice((0, 1, 2))
        self.datagrams = [DatagramFlow(random, self.network, 100 + i) for i in range(datagrams)]
        self._failure: BaseException | None = None

    def run(self) -> None:
        """To the end, in virtual time."""
        try:
            virtual_time.run(self.clock, self._main())
        except BaseException as error:
            raise (self._failure or error) from None
        if self._failure is not None:
            raise self._failure

    def digest(self) -> str:
        """Of every frame that was sent, and when."""
        total = hashlib.blake2b(digest_size=8)
        for node in self.network.nodes:
            for port in node.ports:
                total.update(port.witness.digest.digest())
        return total.hexdigest()

    def frames(self) -> int:
        """How many were sent."""
        return sum(port.witness.frames for node in self.network.nodes for port in node.ports)

    async def _main(self) -> None:
        loop = asyncio.get_running_loop()
        this = asyncio.current_task()

        def failed(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            if self._failure is None:
                self._failure = context.get("exception") or Violation(context["message"])
                if this is not None:
                    this.cancel()

        loop.set_exception_handler(failed)
        async with AsyncExitStack() as running:
            for node in self.network.nodes:
                await running.enter_async_context(aio.Runner(node.stack))
            faults = [asyncio.ensure_future(fault.run()) for fault in self.faults]
            flows = [asyncio.ensure_future(stream.run()) for stream in self.streams]
            flows += [asyncio.ensure_future(datagrams.run()) for datagrams in self.datagrams]
            try:
                await asyncio.wait_for(asyncio.gather(*flows), PATIENCE_S)
            except TimeoutError:
                raise Violation("; ".join(str(flow) for flow in self.streams if flow.stage != "done")) from None
            await asyncio.gather(*faults)
            await asyncio.sleep(QUIET_S)
            self._examine()

    def _examine(self) -> None:
        for node in self.network.nodes:
            found = leftovers(node.stack)
            if found:
                raise Violation(f"{node.name} still has {', '.join(found)}")

    def describe(self) -> str:
        """Everything that was drawn, and how far it came."""
        lines = [f"seed {self.seed}: {len(self.network.nodes)} stacks on {len(self.network.bridges)} LANs"]
        for node in self.network.nodes:
            config = node.stack.tcp.config
            lines.append(
                f"  {node.name} on {node.lans} sack={config.sack} ts={config.timestamps} ws={config.window_scaling} "
                f"{config.congestion} ecn={config.ecn} rmem={config.rmem} wmem={config.wmem}"
            )
        lines += [f"  {fault}" for fault in self.faults]
        lines += [f"  {flow}" for flow in (*self.streams, *self.datagrams)]
        return "\n".join(lines)


def capture_into(folder: Path | None) -> Callable[[str], BinaryIO] | None:
    """One pcapng file for each interface."""
    if folder is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    return lambda name: (folder / f"{name}.pcapng").open("wb")
