"""The fork server: it has imported what a sandbox needs, listens, and forks a child for each command.

The child is the command: it takes over the other's descriptors, directory, environment and umask, and runs the same words. The
server itself reads nothing from a connection, so nobody can hold it up. Whoever asks is the same user on the same host
(`likeness`), who could start everything by himself: the server has no right that the asker lacks.

What is forked shares its server's memory as it was, so also where things lie in it: sandboxes of one server have one layout of
addresses and one seed of Python's hashes. Whoever has broken one sentry open knows those of the others.
"""

from __future__ import annotations

import _socket
import errno
import fcntl
import gc
import os
import select
import stat
import sys
from typing import TYPE_CHECKING, Callable, Final, NoReturn

from runsc.failure import RuntimeFailure
from runsc.fork_server import likeness, protocol
from sandbox import host_signal as signal

if TYPE_CHECKING:
    from types import FrameType

F_SETSIG: Final = 10  # fcntl.h
SIGNALS: Final = 31  # beyond these are the real-time ones
Run = Callable[[list[str]], int]
BACKLOG: Final = 128
PACKAGES: Final = ("sandbox", "tcpip", "runsc")
LEFT_OUT: Final = (
    "sandbox.platform.ptrace",
    "tcpip.adapters",
    "tcpip.cli",
    "runsc.cmd",
    "runsc.container.metrics_server",
    "runsc.image",
    "runsc.install",
    "runsc.shim",
)
WANTED: Final = ("runsc.cmd.do", "runsc.cmd.run")


def import_everything() -> None:
    """What a sandbox may come to need, but what needs packages of others or is no sandbox's."""
    for name in (*_all_modules(), *WANTED):
        if name not in sys.modules and not name.startswith(LEFT_OUT) or name in WANTED:
            try:
                __import__(name)
            except ImportError:  # a package of others that this host does not have
                continue


def _all_modules() -> list[str]:
    table: dict[str, object] | None = getattr(sys.modules["runsc"].__loader__, "table", None)
    if table is not None:  # the one-file executable's (tools/executable_main.py)
        return [name for name in table if name.startswith(PACKAGES) and not name.endswith("__main__")]
    import pkgutil

    names = []
    for package in PACKAGES:
        waiting = [(package, list(__import__(package).__path__))]
        while waiting:
            above, path = waiting.pop()
            for module in pkgutil.iter_modules(path, above + "."):
                if not module.name.endswith("__main__"):
                    names.append(module.name)
                if module.ispkg:
                    waiting.append((module.name, [f"{path[0]}/{module.name.rpartition('.')[2]}"]))
    return names


class ForkServer:
    """Listens at `place`. RuntimeFailure when it cannot."""

    def __init__(self, place: str, run: Run) -> None:
        self.place = place
        self._run = run
        self._listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        before = os.umask(0o077)
        try:
            listen(self._listener, place)
        except OSError as error:
            raise RuntimeFailure(f"{place}: {os.strerror(error.errno) if error.errno else error}") from None
        finally:
            os.umask(before)
        self._made = os.lstat(place)
        import_everything()
        self._files = likeness.files_of_this_program()
        gc.collect()
        gc.freeze()  # a child's collector leaves alone what it shares with the others

    def serve(self, until_eof: bool) -> None:
        """Until a signal comes or, `until_eof`, standard input ends."""
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for children
        signal.signal(signal.SIGTERM, _stop)
        poll = select.poll()
        poll.register(self._listener.fileno(), select.POLLIN)
        if until_eof:
            poll.register(0, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self._listener.fileno():
                    self._accept()
                elif not os.read(0, 4096):
                    return

    def close(self) -> None:
        """The socket's name goes, if it is still this server's."""
        self._listener.close()
        try:
            if os.path.samestat(os.lstat(self.place), self._made):
                os.unlink(self.place)
        except FileNotFoundError:
            pass

    def _accept(self) -> None:
        try:
            fd, _ = self._listener._accept()  # type: ignore[attr-defined]  # what socket.accept wraps
        except OSError:
            return
        connection = _socket.socket(fileno=fd)
        try:
            pid = os.fork()
        except OSError:  # no room for another process: the command finds out by itself
            connection.close()
            return
        if pid == 0:
            self._be_the_command(connection)
        connection.close()

    def _be_the_command(self, connection: _socket.socket) -> NoReturn:
        """In the child."""
        status = 1
        try:
            self._listener.close()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            protocol.be_patient(connection)
            try:
                pidfd = protocol.pidfd_of_peer(connection)
                request = protocol.receive_request(connection)
                reason = self._why_not(request, connection)
                if not reason:
                    take_habits(protocol.peer_of(connection)[0], request)
                    reason = "it has ended" if has_ended(pidfd) else ""  # then its number may be another's
                os.close(pidfd)
            except (protocol.BadRequest, OSError, ValueError) as error:
                reason = str(error)
            if reason:
                connection.send(protocol.REFUSED + reason.encode("utf-8", "replace"))
            else:
                status = self._take(request, connection)
                connection.send(protocol.ENDED + bytes([status]))
        finally:
            os._exit(status)

    def _why_not(self, request: protocol.Request, connection: _socket.socket) -> str:
        if request.program != likeness.program():
            return "it is of another program"
        changed = likeness.changed_file(self._files)
        if changed:
            return f"{changed} has changed since the server was started"
        pid, uid = protocol.peer_of(connection)
        if uid != os.geteuid():
            return "it is of another user"
        return likeness.difference(pid)

    def _take(self, request: protocol.Request, connection: _socket.socket) -> int:
        os.setsid()
        pidfd = os.pidfd_open(os.getpid())
        protocol.send_taken(connection, pidfd)
        os.close(pidfd)
        end_with(connection)
        for number, fd in enumerate(request.descriptors[:3]):
            os.dup2(fd, number)
        for fd in request.descriptors:
            os.close(fd)
        os.environb.clear()
        for text in request.environment:
            name, equals, value = text.partition(b"=")
            if equals and name:
                os.environb[name] = value
        return self._run([os.fsdecode(word) for word in request.words]) & 0xFF


def take_habits(pid: int, request: protocol.Request) -> None:
    """What else process `pid` hands on to what it starts. OSError."""
    umask, ignored = likeness.habits_of(pid)
    os.umask(umask)
    ignore(ignored)
    os.fchdir(request.descriptors[3])


def has_ended(pidfd: int) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


def ignore(mask: int) -> None:
    """These signals and no others; an interrupt is what it is to a Python that was started."""
    for number in range(1, SIGNALS + 1):
        if mask >> (number - 1) & 1:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, signal.SIG_IGN)
        elif number == signal.SIGINT:
            signal.signal(number, signal.default_int_handler)
        elif signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def end_with(connection: _socket.socket) -> None:
    """This process is killed as soon as the other side has closed the connection, or ended in any way: it has no more to send
    (fcntl(2): F_SETSIG)."""
    fd = connection.fileno()
    fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(fd, F_SETSIG, int(signal.SIGKILL))
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    if poll.poll(0):  # it was gone before
        os._exit(1)


def listen(sock: _socket.socket, place: str) -> None:
    """At `place`. A socket that nobody listens at any more is what a killed server has left; anything else stays.
    RuntimeFailure: somebody listens. OSError."""
    if is_abandoned(place):
        os.unlink(place)
    sock.bind(place)
    sock.listen(BACKLOG)


def is_abandoned(place: str) -> bool:
    """RuntimeFailure: somebody listens there."""
    try:
        if not stat.S_ISSOCK(os.lstat(place).st_mode):  # which connect(2) refuses in the same way
            return False
    except FileNotFoundError:
        return False
    sock = protocol.new_socket()
    try:
        sock.connect(place)
    except OSError as error:
        return error.errno == errno.ECONNREFUSED
    finally:
        sock.close()
    raise RuntimeFailure(f"{place}: a server listens there")


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
