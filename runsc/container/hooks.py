"""Hooks of config.json that run on the host: the container's state on standard input, a bounded time.

`createContainer` hooks run in the namespaces of the sandbox's process, with the host's mounts; `startContainer` hooks run inside and are the
sandbox's own business (sandbox/boot/start_hooks.py).
"""

from __future__ import annotations

import os
import select
import signal
from functools import partial
from typing import Callable, Final, Sequence

from runsc.failure import RuntimeFailure
from runsc.log import Log, printable
from runsc.spec.types import Hook
from sandbox import plain_json

SHOWN: Final = 2048  # bytes of a failed hook's output that are told
NAMESPACES: Final = (("ipc", 0x08000000), ("uts", 0x04000000), ("net", 0x40000000), ("mnt", 0x00020000))
_NOT_STARTED: Final = 127


def run_hooks(
    kind: str, hooks: Sequence[Hook], state: dict[str, object], inside: int = 0, root: str = "", running: bool = False
) -> None:
    """One after the other, in the namespaces of the process `inside` if given, with the directory `root` as the current one; when
    that process is `running` it has no mounts of the host any more, and each hook has a copy of them. RuntimeFailure for the
    first that fails."""
    for n, hook in enumerate(hooks):
        failure = _run(hook, state, partial(_enter, inside, root, running) if inside else None)
        if failure:
            raise RuntimeFailure(failed(kind, n, hook, failure))


def run_all_hooks(kind: str, hooks: Sequence[Hook], state: dict[str, object], log: Log) -> None:
    """Every one; those that fail are a warning in the log (runtime.md: poststart, poststop)."""
    for n, hook in enumerate(hooks):
        failure = _run(hook, state)
        if failure:
            log.write("warning", failed(kind, n, hook, failure))


def failed(kind: str, n: int, hook: Hook, why: str) -> str:
    """In runc's words, and which program it was."""
    return f"error running {kind} hook #{n}: {printable(hook.path)}: {why}"


def _run(hook: Hook, state: dict[str, object], enter: Callable[[], None] | None = None) -> str:
    """What went wrong, or nothing."""
    given, output = os.memfd_create("state", os.MFD_CLOEXEC), os.memfd_create("output", os.MFD_CLOEXEC)
    try:
        os.pwrite(given, plain_json.dumps(state).encode("utf-8", "surrogateescape"), 0)
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            _become(hook, (given, output, output), parent, enter)
        status = _wait(pid, hook.timeout_s)
        if status is None:
            return f"timed out after {hook.timeout_s} s"
        if status == 0:
            return ""
        said = printable(os.pread(output, SHOWN, 0).decode("utf-8", "replace").strip())
        how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit status {os.WEXITSTATUS(status)}"
        return f"{how}: {said}" if said else how
    finally:
        os.close(given)
        os.close(output)


def _wait(pid: int, timeout_s: int) -> int | None:
    """The wait status; None when the time was up, and its whole session was killed."""
    pidfd = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        done = bool(poll.poll(timeout_s * 1000 if timeout_s else None))
    finally:
        os.close(pidfd)
        if not os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:  # it has not come to setsid(2)
                os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    return status if done else None


def _become(hook: Hook, stdio: tuple[int, int, int], parent: int, enter: Callable[[], None] | None) -> None:
    """The hook's process: never returns. It does not outlive who runs it."""
    from sandbox.boot import libc

    try:
        os.setsid()
        libc.prctl(libc.PR_SET_PDEATHSIG, int(signal.SIGKILL))
        if os.getppid() != parent:
            os._exit(_NOT_STARTED)
        for at, fd in enumerate(stdio):
            os.dup2(fd, at)
        if enter is not None:
            enter()
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        environment = dict(item.partition("=")[::2] for item in hook.env)
        os.execve(hook.path, hook.args or [hook.path], environment)
    except OSError as error:
        os.write(2, os.fsencode(os.strerror(error.errno or 0)))
    finally:
        os._exit(_NOT_STARTED)


def _enter(pid: int, root: str, running: bool) -> None:
    from sandbox.boot import libc
    from sandbox.boot.namespaces import shield_mounts

    rows: list[tuple[str, int]] = list(NAMESPACES[:-1] if running else NAMESPACES)
    if os.readlink(f"/proc/{pid}/ns/user") != os.readlink("/proc/self/ns/user"):
        rows.insert(0, ("user", libc.CLONE_NEWUSER))  # an ordinary user's sandbox: its rights are there
    descriptors = [(os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC), kind) for name, kind in rows]
    for fd, kind in descriptors:
        libc.setns(fd, kind)
    if running:
        libc.unshare(libc.CLONE_NEWNS)
        shield_mounts()
    os.chdir(root or "/")


def hook_of(document: object) -> Hook:
    """One that was checked when the container was created, from the state on disk."""
    assert isinstance(document, dict)
    return Hook(
        str(document.get("path")),
        [str(word) for word in document.get("args") or ()],
        [str(item) for item in document.get("env") or ()],
        int(document.get("timeout") or 0),
    )


def hooks_of(documents: dict[str, object], kind: str) -> list[Hook]:
    """Those of a kind, from the state on disk."""
    found = documents.get(kind)
    return [hook_of(document) for document in found] if isinstance(found, list) else []
