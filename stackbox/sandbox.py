"""Sandbox: a running sandbox and the processes in it, by `subprocess`."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Mapping, Sequence

from stackbox.options import NAME, READY, Options, PathLike, as_given, inside


class SandboxError(Exception):
    """A sandbox that does not start, or a file that cannot be read or written; `str()` is what was said."""


class Sandbox:
    """`Sandbox(network="internal", …)`: the arguments are the fields of `Options`. It runs from here on, and ends with
    `close`, with the `with` block, or with this process, however that ends. Its root needs `sh` and `cat`.

    Exit statuses are those of processes inside, 128 + N for one that signal N ended.
    """

    def __init__(self, options: Options | None = None, *, image: str | Path | None = None, **fields: Any) -> None:
        """`image`: the directory of a `checkpoint`, whose processes go on here; the options are those that it was made
        with. SandboxError."""
        self.options = options if options is not None else Options(**fields)
        self._directory = Path(tempfile.mkdtemp(prefix="stackbox-"))
        self._main: subprocess.Popen[bytes] | None = None
        try:
            self._start(Path(image).absolute() if image is not None else None)
        except BaseException:
            self.close()
            raise

    def _start(self, image: Path | None) -> None:
        if image is not None and self.options.publish:
            raise SandboxError("a sandbox with published ports cannot be restored")
        self.options.write_bundle(self._directory)
        with (self._directory / "stderr").open("wb") as said:
            main = self._main = subprocess.Popen(
                self.options.start_words(self._directory, image),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                start_new_session=True,
            )
        assert main.stdin is not None and main.stdout is not None
        if image is not None:
            main.stdin.write(READY)
            main.stdin.flush()
        if main.stdout.read(len(READY)) != READY:
            main.wait()
            raise SandboxError(said_of(self._directory) or f"it ended with status {main.returncode}")

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def place(self) -> Path:
        """Where the runtime finds it. SandboxError once it is closed or has ended."""
        if self._main is None:
            raise SandboxError("the sandbox is closed")
        if not self.alive:
            raise SandboxError("the sandbox has ended")
        return self._directory

    # --- processes ---

    def popen(
        self,
        args: PathLike | bytes | Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        user: tuple[int, int] | None = None,
        **options: Any,
    ) -> subprocess.Popen[Any]:
        """Start a process inside. `options` are Popen's (streams, text, …; `shell` is the sandbox's). SIGTERM and its like reach it; killing what
        is returned kills it."""
        words = self.options.exec_words(self.place(), inside(args, options), env, cwd, user)
        return subprocess.Popen(words, **{"stdin": subprocess.DEVNULL, **options})

    exec = popen

    def run(
        self,
        args: PathLike | bytes | Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        user: tuple[int, int] | None = None,
        **options: Any,
    ) -> subprocess.CompletedProcess[Any]:
        """Run a process to its end. `options` are those of `subprocess.run` (input, capture_output, text, timeout, check,
        …). Standard input is empty unless given."""
        words = self.options.exec_words(self.place(), inside(args, options), env, cwd, user)
        if options.get("input") is None:
            options.setdefault("stdin", subprocess.DEVNULL)
        try:
            done = subprocess.run(words, **options)
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
            error.cmd = as_given(args)  # what was asked for, not how
            raise
        done.args = as_given(args)
        return done

    # --- files ---

    def write_file(self, path: str, data: bytes | str, mode: int = 0o644) -> None:
        """Make or replace a file inside; its directory is made. SandboxError."""
        done = self.run(write_words(path, mode), input=as_bytes(data), capture_output=True)
        if done.returncode:
            raise SandboxError(done.stderr.decode("utf-8", "replace").strip())

    def read_file(self, path: str) -> bytes:
        """A file inside. SandboxError."""
        done = self.run(read_words(path), capture_output=True)
        if done.returncode:
            raise SandboxError(done.stderr.decode("utf-8", "replace").strip())
        data: bytes = done.stdout
        return data

    # --- moving ---

    def checkpoint(self, directory: str | Path, *, leave_running: bool = False) -> None:
        """Write an image of everything inside to a directory, from which `Sandbox(image=directory, …)` goes on, once or
        more often. The sandbox ends, unless `leave_running`. SandboxError says what cannot be saved; then it runs on."""
        flags = ["--leave-running"] if leave_running else []
        words = self.options.words(
            self.place(), "checkpoint", "--image-path", str(Path(directory).absolute()), *flags, NAME
        )
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True)
        if done.returncode:
            raise SandboxError(done.stderr.decode("utf-8", "replace").strip().removeprefix("runsc: "))
        if not leave_running:
            self.close()

    # --- the end ---

    @property
    def alive(self) -> bool:
        """It has not ended, by itself or otherwise."""
        return self._main is not None and self._main.poll() is None

    def kill(self) -> None:
        """End every process inside, at once."""
        words = self.options.words(self._directory, "delete", "--force", NAME)
        subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if self._main is not None:
            self._main.wait()

    def close(self) -> None:
        """End it and leave nothing on the host. Harmless twice."""
        main = self._main
        if main is not None:
            self.kill()
            for stream in (main.stdin, main.stdout):
                if stream is not None:
                    stream.close()
            self._main = None
        shutil.rmtree(self._directory, ignore_errors=True)


def write_words(path: str, mode: int) -> list[str]:
    """The command that writes its standard input to a file."""
    script = 'mkdir -p "${1%/*}/" && cat > "$1" && chmod "$2" "$1"'
    return ["sh", "-c", script, "sh", absolute(path), f"{mode:o}"]


def read_words(path: str) -> list[str]:
    """The command that prints a file."""
    return ["cat", absolute(path)]


def absolute(path: str) -> str:
    """ValueError for a path that does not start at the root."""
    if not path.startswith("/"):
        raise ValueError(f"{path!r} is not an absolute path")
    return path


def as_bytes(data: bytes | str) -> bytes:
    """Text as UTF-8."""
    return data.encode() if isinstance(data, str) else data


def said_of(directory: Path) -> str:
    """What the runtime said on its standard error."""
    return (directory / "stderr").read_text("utf-8", "replace").strip().removeprefix("runsc: ")
