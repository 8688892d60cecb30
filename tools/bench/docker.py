"""Rows of Docker: a dockerd of the bench's own that knows runc and the executable, in a mount and a network namespace where nothing
is touched that the machine's own may have. They need root, docker.io and runc; without them there are no such rows.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Callable, Final

from tools.bench.containers import executables
from tools.bench.report import Result, median

RUN: Final = "docker_run"
OUTPUT: Final = "docker_output"
NAMES: Final = frozenset((RUN, OUTPUT))
PROGRAMS: Final = ("dockerd", "docker", "runc", "unshare", "gcc")
REPEATS: Final = 5  # a round
START_S: Final = 60
WITHIN_MS: Final = 150  # of runc
MEGABYTES: Final = 100
IMAGE: Final = "bench"
# Lines of 128 bytes in writes of 64 KiB; `true` writes none.
PROGRAM: Final = f"""
#include <string.h>
#include <unistd.h>
static char text[65536];
int main(int argc, char **argv) {{
    long left = argc > 1 ? {MEGABYTES}000000 : 0;
    memset(text, 'x', sizeof text);
    for (int i = 127; i < sizeof text; i += 128) text[i] = '\\n';
    while (left > 0) {{
        long n = write(1, text, left < sizeof text ? left : sizeof text);
        if (n < 0) return 1;
        left -= n;
    }}
    return 0;
}}
"""
Make = Callable[..., Result]


def available() -> bool:
    """Whether this machine can have the rows."""
    return os.geteuid() == 0 and all(shutil.which(name) for name in PROGRAMS)


class Engine:
    """dockerd with everything it keeps below `directory`, and an image of one static program."""

    def __init__(self, directory: Path, runtimes: dict[str, str]) -> None:
        self.host = f"unix://{directory}/docker.sock"
        settings = directory / "daemon.json"
        settings.write_text(json.dumps({"runtimes": {name: {"path": path} for name, path in runtimes.items()}}))
        daemon = f"dockerd --config-file {settings} --data-root {directory}/data --exec-root {directory}/exec"
        daemon += f" --pidfile {directory}/pid -H {self.host} --iptables=false --bridge=none --storage-driver=vfs"
        script = f"mount --make-rprivate / && ip link set lo up && exec {daemon}"
        with open(directory / "dockerd.log", "wb") as log:
            self.process = subprocess.Popen(
                ["unshare", "-m", "-n", "sh", "-c", script], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_S
        while subprocess.run(self._words("version"), capture_output=True, check=False).returncode:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise RuntimeError(f"dockerd: {(directory / 'dockerd.log').read_text()[-300:]}")
        self._make_image(directory / "image")

    def _words(self, *words: str) -> list[str]:
        return ["docker", "-H", self.host, *words]

    def _make_image(self, root: Path) -> None:
        root.mkdir()
        source = root.with_suffix(".c")
        source.write_text(PROGRAM)
        subprocess.run(["gcc", "-O2", "-w", "-static", "-o", str(root / "true"), str(source)], check=True)
        packed = subprocess.run(["tar", "-C", str(root), "-c", "."], check=True, capture_output=True).stdout
        subprocess.run(self._words("import", "-", IMAGE), input=packed, check=True, stdout=subprocess.DEVNULL)

    def run_s(self, runtime: str, *words: str) -> float:
        """Seconds of `docker run --rm` of the program. RuntimeError when it fails."""
        line = self._words("run", "--rm", "--runtime", runtime, "--network", "none", IMAGE, "/true", *words)
        begin = time.perf_counter()
        done = subprocess.run(line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        took = time.perf_counter() - begin
        if done.returncode:
            raise RuntimeError(f"{' '.join(line)}: {done.stderr.decode().strip()[-300:]}")
        return took

    def close(self) -> None:
        """As a service manager ends it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def rows(directory: Path, rounds: int, result: Make) -> list[Result]:
    """`native` is runc's figure."""
    place = directory / "docker"
    place.mkdir()
    runtimes = executables(place)
    engine = Engine(place, runtimes)
    by_side = {"native": "runc", **{side: side for side in runtimes}}
    values: dict[str, dict[str, list[float]]] = {RUN: {}, OUTPUT: {}}
    try:
        for runtime in by_side.values():
            engine.run_s(runtime)  # the first one of each fills caches
        for _ in range(rounds):
            for _ in range(REPEATS):
                for side, runtime in by_side.items():
                    values[RUN].setdefault(side, []).append(engine.run_s(runtime) * 1e3)
            for side, runtime in by_side.items():
                values[OUTPUT].setdefault(side, []).append(MEGABYTES / engine.run_s(runtime, "much"))
    finally:
        engine.close()
    native = median(values[RUN]["native"])
    bound = None if native is None else native + WITHIN_MS
    return [
        result(RUN, "docker run --rm --network none … true; native: runc", "ms", values[RUN], bound=bound),
        result(
            OUTPUT,
            f"docker run that writes {MEGABYTES} MB to its log; native: runc",
            "MB/s",
            values[OUTPUT],
            more_is_better=True,
        ),
    ]
