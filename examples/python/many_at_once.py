"""Several sandboxes at once, with asyncio."""

import asyncio

from stackbox import AsyncSandbox


async def square(n: int) -> int:
    async with AsyncSandbox(network="none") as box:
        done = await box.run(["sh", "-c", f"echo $(({n} * {n}))"], timeout=60)
        return int(done.stdout)


async def main() -> None:
    print(await asyncio.gather(*map(square, range(1, 4))))


asyncio.run(main())
