"""ForkServer: a process that sandboxes start from in a third to half of the time."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Sequence

from stackbox.options import RUNTIME
from stackbox.sandbox import SandboxError, said_of


class ForkServer:
    """`with ForkServer() as server: Sandbox(fork_server=server.place, …)`. It ends with `close`, with the `with` block, or with this
    process, however that ends; sandboxes that run go on. `runtime`: as in `Options`. SandboxError.

    A sandbox that cannot start from it starts by itself: when a limit, a namespace or the control group of this process is another
    than at the server's start.
    """

    def __init__(self, runtime: Sequence[str] = RUNTIME) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="stackbox-"))
        self.place = self._directory / "fork-server"
        try:
            with (self._directory / "stderr").open("wb") as said:
                self._process = subprocess.Popen(
                    [*runtime, "fork-server", "--until-eof", str(self.place)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=said,
                )
        except BaseException:
            shutil.rmtree(self._directory, ignore_errors=True)
            raise
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            self._process.wait()
            reason = said_of(self._directory) or f"it ended with status {self._process.returncode}"
            self.close()
            raise SandboxError(reason)

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it. Harmless twice."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()
        shutil.rmtree(self._directory, ignore_errors=True)
