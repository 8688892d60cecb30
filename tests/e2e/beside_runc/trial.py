"""One case through one runtime: what was printed, returned and left, as lines.

A step is the words of a command of the runtime, or has a head:

    ! SCRIPT            the host's shell in the bundle's directory; `rt` is the runtime
    until NAME STATUS   wait until `state` says so
    says TEXT           wait until a container has printed it
    reap FILE           wait for the process whose number is in the file, as a shim does: its status, or 128 and the
                        number of the signal, as every shim reports it (ours exits with that number itself)
    pty WORDS           the command on a terminal of 33 lines and 77 columns; what it shows
    console WORDS       the command with a console socket; what comes through the terminal in the end
"""

from __future__ import annotations

import array
import ctypes
import json
import os
import pty
import select
import shlex
import shutil
import socket
import struct
import subprocess
import termios
import time
from fcntl import ioctl
from pathlib import Path
from typing import Final, Sequence

from tests.e2e.beside_runc.case import Case
from tests.e2e.bundles import BUSYBOX, libraries
from tests.e2e.conftest import ROOT as CHECKOUT

BOUND_S: Final = 60
PR_SET_CHILD_SUBREAPER: Final = 36
APPLETS: Final = (
    "sh cat echo sleep true false ls id stat readlink grep mkdir touch kill mount sort ln chmod test od".split()
)
PASSWD: Final = "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n"
GROUP: Final = "root:x:0:\nstaff:x:50:user\nuser:x:1000:\n"
SHELL: Final = 'rt() { %s --root "$STATE" "$@"; }\n'


def build_probe(folder: Path) -> Path:
    """The probe, static, so that it runs in whatever root."""
    made = folder / "probe"
    source = Path(__file__).with_name("probe.c")
    subprocess.run(["gcc", "-O1", "-static", "-o", str(made), str(source)], check=True)
    return made


def make_root(folder: Path, probe: Path) -> None:
    """A small root file system."""
    old = os.umask(0o022)
    for name in ("bin", "etc", "tmp", "data/sub", "home/user", "usr/bin"):
        (folder / name).mkdir(parents=True)
    shutil.copy(probe, folder / "bin" / "probe")
    shutil.copy(BUSYBOX, folder / "bin" / "busybox")
    for library in libraries(BUSYBOX):
        (folder / library.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, folder / library.lstrip("/"))
    for name in APPLETS:
        (folder / "bin" / name).symlink_to("busybox")
    (folder / "etc" / "passwd").write_text(PASSWD)
    (folder / "etc" / "group").write_text(GROUP)
    (folder / "data" / "file").write_text("data\n")
    (folder / "data" / "file").chmod(0o640)
    (folder / "data" / "sub" / "deep").write_text("deep\n")
    (folder / "bin" / "not-executable").write_text("#!/bin/sh\n")
    (folder / "bin" / "no-interpreter").write_text("#!/no/such\n")
    (folder / "bin" / "not-a-program").write_text("words\n")
    for name in ("no-interpreter", "not-a-program"):
        (folder / "bin" / name).chmod(0o755)
    (folder / "links").symlink_to("data")
    (folder / "climbs").symlink_to("../../../../climbed")
    os.umask(old)


class Trial:
    """`go` gives the lines."""

    def __init__(self, case: Case, runtime: Sequence[str], folder: Path, probe: Path) -> None:
        self.case = case
        self.runtime = list(runtime)
        self.bundle = folder / "bundle"
        self.state = folder / "state"
        self.log = folder / "log.json"
        self.texts: list[tuple[str, Path | bytes, bool]] = []  # a head, what was printed there, whether as it stands
        self.lines: list[str] = []
        self.masters: list[tuple[str, int]] = []
        self.whys: list[str] = []  # what was said of failures, which is not compared
        self.bundle.mkdir(parents=True)
        make_root(self.bundle / "rootfs", probe)
        self.env = {**os.environ, "PYTHONPATH": str(CHECKOUT), "STATE": str(self.state), "BUNDLE": str(self.bundle)}
        text = json.dumps(case.document()) if case.raw is None else case.raw
        (self.bundle / "config.json").write_text(text.replace("BUNDLE", str(self.bundle)))

    def go(self) -> list[str]:
        """Everything, and nothing of it is left."""
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # as a shim is
        try:
            if self.case.prepare:
                subprocess.run(["sh", "-ec", self.case.prepare], cwd=self.bundle, env=self.env, check=True)
            for n, step in enumerate(self.case.steps):
                self.step(f"[{n}] {step}", step)
        finally:
            self.close()
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        return self.lines

    def step(self, head: str, step: str) -> None:
        """One of them."""
        word, _, rest = step.partition(" ")
        if word == "!":
            self.host(head, rest)
        elif word == "until":
            name, status = rest.split()
            self.wait(lambda: self.status(name) == status, step)
        elif word == "says":
            self.wait(lambda: any(rest.encode() in text for text in self.printed()), step)
        elif word == "reap":
            self.reap(head, int((self.bundle / rest).read_text()))
        elif word == "pty":
            self.on_terminal(head, shlex.split(rest))
        elif word == "console":
            self.with_console(head, shlex.split(rest))
        else:
            self.call(head, shlex.split(step))

    def words(self, words: list[str]) -> list[str]:
        """A command line, whole."""
        words = [word.replace("BUNDLE", str(self.bundle)) for word in words]
        if words and words[0] in ("run", "create", "restore"):
            words[1:1] = ["--bundle", str(self.bundle)] if not set(words) & {"-b", "--bundle"} else []
        options = ["--root", str(self.state), "--log", str(self.log), "--log-format", "json"]
        return [*self.runtime, *options, *words]

    def call(self, head: str, words: list[str], more: Sequence[str] = ()) -> None:
        before = self.log.stat().st_size if self.log.exists() else 0
        out, err = (self.bundle.parent / f"{len(self.texts)}.{name}" for name in ("out", "err"))
        with open(out, "wb") as to_out, open(err, "wb") as to_err:
            done = subprocess.run(
                [*self.words(words), *more], stdin=subprocess.DEVNULL, stdout=to_out, stderr=to_err,
                cwd=self.bundle, env=self.env, timeout=BOUND_S,
            )  # fmt: skip
        failed = self.logged(head, before)
        self.lines.append(f"{head}: status {done.returncode}{', and the log says why' if failed else ''}")
        if failed:
            self.lines.append(f"{head}: {'says' if err.stat().st_size else 'does not say'} why")
        usage = failed and out.read_bytes()[:15] in (b"Incorrect Usage", b"NAME:\n   runc - ")  # runc explains itself
        self.texts += [(f"{head}: out", out, not usage), (f"{head}: err", err, not failed)]

    def logged(self, head: str, before: int) -> bool:
        """The log got an error."""
        found = False
        if self.log.exists():
            for line in self.log.read_bytes()[before:].splitlines():
                entry = json.loads(line)
                if not {"level", "msg", "time"} <= set(entry):
                    self.lines.append(f"{head}: a line of the log without level, msg or time")
                if entry["level"] in ("error", "fatal"):
                    self.whys.append(f"({head}: {self.plain(str(entry['msg']).encode())[:300]})")
                    found = True
        return found

    def host(self, head: str, script: str) -> None:
        shell = SHELL % shlex.join(self.runtime)
        done = subprocess.run(
            ["sh", "-c", shell + script], stdin=subprocess.DEVNULL, capture_output=True, cwd=self.bundle, env=self.env,
            timeout=BOUND_S,
        )  # fmt: skip
        self.lines.append(f"{head}: status {done.returncode}")
        self.texts += [(f"{head}: out", done.stdout, True), (f"{head}: err", done.stderr, True)]

    def status(self, name: str) -> str:
        done = subprocess.run(
            [*self.runtime, "--root", str(self.state), "state", name],
            capture_output=True,
            env=self.env,
            timeout=BOUND_S,
        )
        return str(json.loads(done.stdout)["status"]) if done.returncode == 0 else ""

    def wait(self, condition: object, what: str) -> None:
        assert callable(condition)
        deadline = time.monotonic() + BOUND_S
        while not condition():
            if time.monotonic() >= deadline:
                raise TimeoutError(f"{self.runtime[0]}: {self.case.name}: {what}: {self.printed()}")

    def printed(self) -> list[bytes]:
        return [text if isinstance(text, bytes) else text.read_bytes() for _, text, _ in self.texts]

    def reap(self, head: str, pid: int) -> None:
        self.wait(lambda: os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT), "its end")
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self.lines.append(f"{head}: {code if code >= 0 else 128 - code}")

    def on_terminal(self, head: str, words: list[str]) -> None:
        argv = self.words(words)
        pid, master = pty.fork()
        if pid == 0:
            ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", 33, 77, 0, 0))
            os.chdir(self.bundle)
            os.execvpe(argv[0], argv, self.env)
        said = read_all(master)
        self.lines.append(f"{head}: status {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}")
        self.texts.append((f"{head}: out", said, True))

    def with_console(self, head: str, words: list[str]) -> None:
        path = self.bundle.parent / f"console.{len(self.texts)}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            at = os.open(path.parent, os.O_PATH)
            listener.bind(f"/proc/self/fd/{at}/{path.name}")
            os.close(at)
            listener.listen(1)
            listener.settimeout(BOUND_S)
            link = Path(f"/tmp/console-{os.getpid()}")  # whose path is short enough for sun_path
            link.unlink(missing_ok=True)
            link.symlink_to(path)
            self.call(head, [words[0], "--console-socket", str(link), *words[1:]])
            link.unlink()
            listener.settimeout(0)
            try:
                peer, _ = listener.accept()
            except BlockingIOError:
                self.lines.append(f"{head}: no terminal comes")
                return
            with peer:
                _, ancillary, _, _ = peer.recvmsg(4096, socket.CMSG_SPACE(4))
            self.masters.append((f"{head}: terminal", array.array("i", ancillary[0][2])[0]))

    def close(self) -> None:
        """The texts, the root as it is now, and the end of everything."""
        for head, master in self.masters:
            self.texts.append((head, read_all(master), True))
        names = os.listdir(self.state) if self.state.exists() else []
        for name in names:
            words = self.words(["delete", "--force", name])
            with subprocess.Popen(words, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as delete:
                self.wait(lambda delete=delete: reap_all(delete.pid), "its removal")
        reap_all()
        for head, text, wanted in self.texts:
            data = text if isinstance(text, bytes) else text.read_bytes()
            if wanted:
                self.lines += [f"{head}: {line}" for line in one_line(self.plain(data)).splitlines()]
        self.lines += [f"left: {line}" for line in sorted(tree(self.bundle / "rootfs"))]
        left = os.listdir(self.state) if self.state.exists() else []
        self.lines += [f"left of the state: {name}" for name in left]

    def plain(self, data: bytes) -> str:
        text = data.decode("utf-8", "backslashreplace")
        return text.replace(str(self.bundle), "BUNDLE").replace(str(self.state), "STATE")


def one_line(text: str) -> str:
    """A JSON document without its layout, anything else as it is."""
    if text[:1] in ("{", "["):
        try:
            return json.dumps(json.loads(text))
        except ValueError:
            pass
    return text


def read_all(master: int) -> bytes:
    """What comes through a terminal until nobody has it open any more."""
    found = b""
    try:
        while select.select([master], [], [], BOUND_S)[0]:
            data = os.read(master, 65536)
            if not data:
                break
            found += data
    except OSError:
        pass
    finally:
        os.close(master)
    return found


def reap_all(until: int = 0) -> bool:
    """Whoever has come to us; a group is not empty before its processes are waited for. True: `until` has ended."""
    while True:
        try:
            pid = os.waitpid(-1, os.WNOHANG)[0]
        except ChildProcessError:
            return True
        if pid in (0, until):
            return pid != 0


def tree(root: Path) -> list[str]:
    """Every file, with its kind, mode and owner."""
    found = []
    for folder, directories, files in os.walk(root):
        for name in directories + files:
            path = Path(folder) / name
            st = path.lstat()
            found.append(f"/{path.relative_to(root)} {st.st_mode:o} {st.st_uid}:{st.st_gid}")
    return found
