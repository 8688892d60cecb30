"""`containerd-shim-runsc-v1 -namespace NS -id ID -address SOCKET … start|delete`, as containerd calls its shims
(core/runtime/v2/README.md of containerd).

`start` prints the address of the shim's socket and leaves the shim behind. The containers of a pod have one shim.
"""

from __future__ import annotations

import _socket
import errno
import gc
import hashlib
import json
import os
import signal
import sys
from typing import Final

SOCKETS: Final = "/run/containerd/s"
ROOT: Final = "/run/containerd/runsc"
BACKLOG: Final = 128
PR_SET_CHILD_SUBREAPER: Final = 36
KILLED: Final = 137
VALUES: Final = ("namespace", "id", "address", "publish-binary", "bundle")
SWITCHES: Final = ("debug", "v", "version")


class Failure(Exception):
    """`str()` is for containerd's log."""


class Arguments:
    """Go's flags: one dash or two, a value in the next word or behind `=`."""

    def __init__(self, argv: list[str]) -> None:
        self.values = dict.fromkeys(VALUES, "")
        self.switches: set[str] = set()
        self.verb = ""
        words = list(argv)
        while words:
            word = words.pop(0)
            if not word.startswith("-"):
                self.verb = word
                break
            name, equals, value = word.lstrip("-").partition("=")
            if name in SWITCHES:
                self.switches.add(name)
            elif name in VALUES and (equals or words):
                self.values[name] = value if equals else words.pop(0)
            else:
                raise Failure(f"unknown flag {word!r}")

    @property
    def root(self) -> str:
        """Where the runtime keeps the containers of the namespace."""
        return os.path.join(os.environ.get("RUNSC_ROOT", ROOT), self.values["namespace"] or "default")


def main(argv: list[str]) -> int:
    """The exit status."""
    try:
        arguments = Arguments(argv)
        if arguments.switches & {"v", "version"}:
            from runsc.version import VERSION

            sys.stdout.write(f"containerd-shim-runsc-v1 {VERSION}\n")
            return 0
        if arguments.verb == "start":
            return start(arguments)
        if arguments.verb == "delete":
            return delete(arguments)
        raise Failure(f"unknown command {arguments.verb!r}; known: start, delete")
    except (Failure, OSError) as error:
        sys.stderr.write(f"containerd-shim-runsc-v1: {error}\n")
        return 1


def group_of(bundle: str, name: str) -> str:
    """The pod's sandbox, or the container itself."""
    from runsc.spec.pod import sandbox_of
    from runsc.spec.types import Spec

    spec = Spec()
    try:
        with open(os.path.join(bundle, "config.json"), encoding="utf-8") as file:
            document = json.load(file)
    except (OSError, ValueError) as error:
        raise Failure(f"{bundle}/config.json: {error}") from None
    found = document.get("annotations") if isinstance(document, dict) else None
    spec.annotations = found if isinstance(found, dict) else {}
    return sandbox_of(spec) or name


def socket_path(arguments: Arguments, group: str) -> str:
    """Short, and another for each containerd, namespace and group."""
    text = "/".join((arguments.values["address"], arguments.values["namespace"], group))
    return os.path.join(SOCKETS, hashlib.sha256(text.encode()).hexdigest())


def start(arguments: Arguments) -> int:
    """Print the address: of the shim that is there for the group, or of a new one."""
    path = socket_path(arguments, group_of(os.getcwd(), arguments.values["id"]))
    os.makedirs(SOCKETS, mode=0o711, exist_ok=True)
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        sock.bind(path)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        if _answers(path):
            _tell(path)
            return 0
        os.unlink(path)  # of a shim that was killed
        sock.bind(path)
    os.chmod(path, 0o600)
    sock.listen(BACKLOG)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = serve(arguments, sock, path)
        finally:
            os._exit(status)
    with open("shim.pid", "w", encoding="ascii") as file:
        file.write(str(pid))
    _tell(path)
    return 0


def _answers(path: str) -> bool:
    with _closing(_socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)) as sock:
        try:
            sock.connect(path)
        except OSError:
            return False
        return True


class _closing:
    def __init__(self, sock: _socket.socket) -> None:
        self._sock = sock

    def __enter__(self) -> _socket.socket:
        return self._sock

    def __exit__(self, *error: object) -> None:
        self._sock.close()


def _tell(path: str) -> None:
    """To containerd; it also looks into the bundle when it has been restarted."""
    with open(".address", "w", encoding="ascii") as file:
        file.write(f"unix://{path}")
    os.rename(".address", "address")
    sys.stdout.write(f"unix://{path}")
    sys.stdout.flush()


def serve(arguments: Arguments, sock: _socket.socket, path: str) -> int:
    """The shim: until it is told to shut down."""
    from sandbox.boot import libc

    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    listener = sock.fileno()
    os.closerange(3, listener)
    os.closerange(listener + 1, os.sysconf("SC_OPEN_MAX"))
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    libc.set_name(b"runsc-shim")
    for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _prepare()
    from runsc.shim.log import Log
    from runsc.shim.loop import READ, Loop
    from runsc.shim.publish import Publisher
    from runsc.shim.service import Service
    from runsc.shim.ttrpc import Connection

    loop, log = Loop(), Log()
    loop.on_bug = log.bug
    publisher = Publisher(loop, os.environ.get("TTRPC_ADDRESS", ""), arguments.values["namespace"])

    def stop() -> None:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        loop.running = False

    service = Service(loop, publisher, log, arguments.root, stop)
    sock.setblocking(False)

    def accept(mask: int) -> None:
        try:
            fd, _ = sock._accept()  # type: ignore[attr-defined]  # what socket.accept wraps
        except OSError:
            return
        peer = _socket.socket(fileno=fd)
        peer.setblocking(False)
        Connection(loop, peer, service.serve)

    loop.watch(listener, READ, accept)
    gc.freeze()
    loop.run()
    return 0


def _prepare() -> None:
    """Import what every command needs, so that a fork has it."""
    import runsc.cli
    import runsc.cmd.create
    import runsc.cmd.delete
    import runsc.cmd.exec
    import runsc.cmd.kill
    import runsc.cmd.start
    import runsc.container.create
    import runsc.container.exec_process
    import runsc.container.pod  # noqa: F401


def _forget_socket(bundle: str) -> None:
    """The address of a shim that was killed is nobody's any more."""
    try:
        with open(os.path.join(bundle, "address"), encoding="ascii") as file:
            path = file.read().removeprefix("unix://")
        if os.path.dirname(path) == SOCKETS and not _answers(path):
            os.unlink(path)
    except (OSError, ValueError):
        pass


def delete(arguments: Arguments) -> int:
    """What a shim that is gone has left of a container. DeleteResponse on stdout."""
    import time

    from runsc.cli import run_command_line
    from runsc.shim import rootfs
    from runsc.shim.options import ROOT_NAME
    from runsc.shim.protobuf import message, timestamp

    name, bundle = arguments.values["id"], arguments.values["bundle"] or os.getcwd()
    root = arguments.root
    try:
        with open(os.path.join(bundle, ROOT_NAME), encoding="utf-8", errors="surrogateescape") as file:
            root = file.read()
    except OSError:
        pass
    status = run_command_line([f"--root={root}", "delete", "--force", name])
    rootfs.unmount_all(os.path.join(bundle, "rootfs"))
    _forget_socket(bundle)
    try:
        with open(os.path.join(bundle, "init.pid"), encoding="ascii") as file:
            pid = int(file.read())
    except (OSError, ValueError):
        pid = 0
    sys.stdout.buffer.write(message((1, pid), (2, KILLED), (3, timestamp(time.time_ns()))))
    sys.stdout.flush()
    return status
