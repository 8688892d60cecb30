"""AsyncSandbox: the same for asyncio, in the shape of `asyncio.create_subprocess_exec`."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Mapping, Sequence

from stackbox.options import Options, PathLike, inside
from stackbox.sandbox import Sandbox, SandboxError, as_bytes, read_words, write_words


class AsyncSandbox:
    """`async with AsyncSandbox(network="internal") as box:`; the arguments are Sandbox's. It starts when it is entered."""

    def __init__(self, options: Options | None = None, *, image: str | Path | None = None, **fields: Any) -> None:
        self.options = options if options is not None else Options(**fields)
        self._image = image
        self._box: Sandbox | None = None

    async def __aenter__(self) -> AsyncSandbox:
        self._box = await asyncio.to_thread(Sandbox, self.options, image=self._image)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def box(self) -> Sandbox:
        """The sandbox itself. SandboxError before it has started and when it is closed."""
        if self._box is None:
            raise SandboxError("the sandbox is not running")
        return self._box

    async def popen(
        self,
        args: PathLike | bytes | Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        user: tuple[int, int] | None = None,
        **options: Any,
    ) -> asyncio.subprocess.Process:
        """Start a process inside; `options` are those of `create_subprocess_exec` (streams)."""
        words = self.options.exec_words(self.box.place(), inside(args, options), env, cwd, user)
        return await asyncio.create_subprocess_exec(*words, **{"stdin": subprocess.DEVNULL, **options})

    exec = popen

    async def run(
        self,
        args: PathLike | bytes | Sequence[str],
        *,
        input: bytes | None = None,
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        user: tuple[int, int] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a process to its end; what it prints is captured. TimeoutError, once it has been killed."""
        stdin = subprocess.DEVNULL if input is None else subprocess.PIPE
        process = await self.popen(
            args, env=env, cwd=cwd, user=user, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            async with asyncio.timeout(timeout):
                out, err = await process.communicate(input)
        except BaseException:
            if process.returncode is None:
                process.kill()
            await process.wait()
            raise
        return subprocess.CompletedProcess(args, process.returncode or 0, out, err)

    async def write_file(self, path: str, data: bytes | str, mode: int = 0o644) -> None:
        """As Sandbox.write_file."""
        done = await self.run(write_words(path, mode), input=as_bytes(data))
        if done.returncode:
            raise SandboxError(done.stderr.decode("utf-8", "replace").strip())

    async def read_file(self, path: str) -> bytes:
        """As Sandbox.read_file."""
        done = await self.run(read_words(path))
        if done.returncode:
            raise SandboxError(done.stderr.decode("utf-8", "replace").strip())
        return done.stdout

    async def checkpoint(self, directory: str | Path, *, leave_running: bool = False) -> None:
        """As Sandbox.checkpoint."""
        await asyncio.to_thread(self.box.checkpoint, directory, leave_running=leave_running)

    async def kill(self) -> None:
        """As Sandbox.kill."""
        await asyncio.to_thread(self.box.kill)

    async def close(self) -> None:
        """As Sandbox.close."""
        box, self._box = self._box, None
        if box is not None:
            await asyncio.to_thread(box.close)
