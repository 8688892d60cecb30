"""Libraries for asyncio on a `StackEventLoop`, just as they are, run in the namespace: `… WHAT PORT`. Prints what a test wants
to see. The server has a name that only the loop knows."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Awaitable, Callable

from tcpip.adapters.aio import StackEventLoop
from tcpip.addr import parse
from tcpip.clock import MonotonicClock
from tcpip.link.tap import TapLink
from tcpip.stack.stack import Stack

PEER = "10.9.0.1"
NAME = "server.test"


async def httpx(port: int) -> None:
    """httpx, httpcore and anyio: one connection kept alive, then eight at once."""
    import httpx as library

    url = f"http://{NAME}:{port}/big"
    async with library.AsyncClient(trust_env=False, timeout=20) as client:
        for _ in range(3):
            answer = await client.get(url)
            print(answer.status_code, hashlib.sha256(answer.content).hexdigest())
        print("from", answer.extensions["network_stream"].get_extra_info("client_addr")[0])
        answers = await asyncio.gather(*[client.get(url) for _ in range(8)])
        print("at once", {len(each.content) for each in answers}, len(answers))


async def redis(port: int) -> None:
    """redis-py's asyncio half: values, a pipeline, publish and subscribe, a blocking call that times out."""
    import redis.asyncio as library

    client = library.Redis(host=NAME, port=port, socket_timeout=20)
    value = bytes(range(256)) * 4000
    print(await client.set("k", value), await client.get("k") == value)
    async with client.pipeline() as pipe:
        for number in range(1000):
            pipe.incrby("n", number)
        print((await pipe.execute())[-1])
    async with client.pubsub() as channel:
        await channel.subscribe("c")
        await channel.get_message(timeout=5)
        await client.publish("c", b"said")
        print((await channel.get_message(timeout=5))["data"])
    print(await client.blpop(["nothing"], timeout=1))
    await client.aclose()


async def postgres(port: int) -> None:
    """asyncpg: a pool, rows there and back, an error, a large value."""
    import asyncpg as library

    arguments = {"host": NAME, "port": port, "user": "postgres", "database": "postgres", "ssl": False}
    async with library.create_pool(**arguments, min_size=4, max_size=4) as pool:
        await pool.execute("create table t (n int, b bytea)")
        await asyncio.gather(*[pool.execute("insert into t values ($1, $2)", n, bytes(n)) for n in range(50)])
        print(list(await pool.fetchrow("select count(*), sum(n), max(length(b)) from t")))
        try:
            await pool.execute("select 1 / 0")
        except library.DivisionByZeroError as error:
            print(error.sqlstate)
        print(len(await pool.fetchval("select repeat('x', 2000000)")))


PROGRAMS: dict[str, Callable[[int], Awaitable[None]]] = {"httpx": httpx, "redis": redis, "postgres": postgres}


def main(what: str, port: str) -> None:
    stack, link = Stack(MonotonicClock()), TapLink("tap0")
    stack.add_nic(link, "eth0").add_address(parse("10.9.0.2"), 24)

    async def program() -> None:
        await PROGRAMS[what](int(port))

    with asyncio.Runner(loop_factory=lambda: StackEventLoop(stack, {NAME: [PEER]})) as runner:
        runner.run(program())


if __name__ == "__main__":
    main(*sys.argv[1:])
