"""A batch of the corpus in a container that is checkpointed and restored again and again, at random moments.

`python3 -m tests.guest.moved WORK [SEED [GLOBAL-FLAG…]]` runs WORK/driver to its end, as runner.py lays it out, and leaves in
WORK/moves how often the container was moved and how often that was refused. What is refused (a traced process, a connection)
leaves the container as it was, so the batch goes on.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.guest import runner

SHORTEST_S: Final = 0.02
LONGEST_S: Final = 0.4
CAPABILITIES: Final = [
    f"CAP_{name}"
    for name in (
        "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP"
    ).split()
]
NEVER: Final = -1  # a seed
REFUSED: Final = "cannot checkpoint:"


class Mover:
    """One container at a time, each a restored image of the one before."""

    def __init__(self, work: Path, seed: int, flags: list[str]) -> None:
        self._work = work
        self._random = random.Random(seed)
        self._seed = seed
        self._bundle = Path(tempfile.mkdtemp(prefix="stackbox-moved-"))
        self._flags = ["--root", str(self._bundle / "state"), "--overlay", *flags]
        self.moves = self.refusals = 0
        self.trouble = ""

    def run(self) -> None:
        """The batch, from beginning to end."""
        try:
            self._lay_out()
            name = "c0"
            self._must("create", "--bundle", str(self._bundle), name)
            self._must("start", name)
            while self._lives(name):
                if self._seed == NEVER:
                    time.sleep(LONGEST_S)
                    continue
                time.sleep(self._random.uniform(SHORTEST_S, LONGEST_S))
                done = self._call("checkpoint", "--image-path", str(self._bundle / "image"), name)
                if done.returncode:
                    if REFUSED in done.stderr:
                        self.refusals += 1
                    elif self._lives(name):
                        self.trouble = done.stderr
                        return
                    continue
                self.moves += 1
                name = f"c{self.moves}"
                where = ["--image-path", str(self._bundle / "image"), "--bundle", str(self._bundle)]
                self._must("restore", "--detach", *where, name)
        except subprocess.CalledProcessError as error:
            self.trouble = f"{error.cmd[-1]}: {error.stderr}"
        finally:
            self._call("delete", "--force", f"c{self.moves}")
            (self._work / "moves").write_text(f"{self.moves} {self.refusals} {self.trouble}\n")
            shutil.rmtree(self._bundle, ignore_errors=True)

    def _lay_out(self) -> None:
        inside = ["/usr/bin/env", "-i", f"PATH={runner.PATH}", "WORK=/work", "/bin/sh", "/work/driver"]
        self._must("spec", "--bundle", str(self._bundle), *inside)
        path = self._bundle / "config.json"
        document = json.loads(path.read_text())
        document["root"] = {"path": "/", "readonly": False}
        document["process"]["terminal"] = False
        document["process"]["capabilities"] = {name: CAPABILITIES for name in ("bounding", "effective", "permitted")}
        document["mounts"] += [
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=1777"]},
            {"destination": "/work", "type": "bind", "source": str(self._work), "options": ["rbind", "rw"]},
        ]
        path.write_text(json.dumps(document))

    def _lives(self, name: str) -> bool:
        done = self._call("state", name)
        return done.returncode == 0 and json.loads(done.stdout)["status"] == "running"

    def _call(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "runsc", *self._flags, *words]
        null = subprocess.DEVNULL
        if words[0] in ("create", "restore"):  # its output is the container's, and is kept open
            with tempfile.TemporaryFile("w+") as err:
                status = subprocess.run(command, stdin=null, stdout=null, stderr=err, cwd=runner.REPOSITORY).returncode
                err.seek(0)
                return subprocess.CompletedProcess(command, status, "", err.read())
        return subprocess.run(command, stdin=null, capture_output=True, text=True, cwd=runner.REPOSITORY)

    def _must(self, *words: str) -> None:
        done = self._call(*words)
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, list(words[:1]), done.stdout, done.stderr)


def start_moved(work: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """For runner.run."""
    environment = {"PYTHONPATH": os.environ.get("PYTHONPATH", str(runner.REPOSITORY))}
    command = [sys.executable, "-m", "tests.guest.moved", str(work), *arguments]
    return runner._spawn(command, environment)


def main(arguments: list[str]) -> int:
    """0: the batch has ended."""
    mover = Mover(Path(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 0, arguments[2:])
    mover.run()
    if mover.trouble:
        print(mover.trouble, file=sys.stderr)
    return 1 if mover.trouble else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
