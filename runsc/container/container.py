"""A container that exists: its state on disk, what its sandbox says, and the moves that are not verbs of their own."""

from __future__ import annotations

import os
import pwd
from typing import Final

from runsc.container import process, state_file, status, store
from runsc.container.state_file import State
from runsc.failure import RuntimeFailure
from sandbox.boot.exit_status import OOM_LINE, STATUS_NAME
from sandbox.control import wire
from sandbox.control.client import TIMEOUT_S, ControlClient, Refused, SandboxGone, SandboxSilent
from sandbox.control.wire import Body

ASK_S: Final = 3.0
KILLED: Final = 9  # the wait status of a container whose sandbox was killed


class Container:
    """`load` one. `directory` is ROOT/ID."""

    __slots__ = ("name", "directory", "state")

    def __init__(self, name: str, directory: str, state: State) -> None:
        self.name = name
        self.directory = directory
        self.state = state

    def lives(self) -> bool:
        """The sandbox's process is there."""
        return process.lives(self.state.pid, self.state.pid_start)

    def status(self) -> str:
        """One of the five states. A sandbox that does not answer is what was last known of it."""
        state = self.state
        if not state.pid:
            return status.CREATING if process.lives(state.creator, state.creator_start) else status.STOPPED
        if not self.lives():
            return status.STOPPED
        try:
            client = ControlClient(self.directory, ASK_S)
        except SandboxGone:
            return status.STOPPED
        except SandboxSilent:
            return self._last_known()
        try:
            answer = client.call(wire.STATE).get("status")
        except SandboxGone:
            return status.STOPPED
        except (SandboxSilent, Refused):
            return self._last_known()
        finally:
            client.close()
        return answer if isinstance(answer, str) and answer in status.STATES else self._last_known()

    def _last_known(self) -> str:
        if self.state.creator:
            return status.CREATING
        return status.RUNNING if self.state.started else status.CREATED

    def check(self, move: str) -> str:
        """The status; IllegalMove when it does not allow `move`."""
        now = self.status()
        status.check_move(self.name, now, move)
        return now

    def call(
        self, kind: int, body: Body | None = None, timeout_s: float = TIMEOUT_S, fds: tuple[int, ...] = ()
    ) -> Body:
        """Ask the sandbox. `timeout_s` is for its answer, negative: none. RuntimeFailure with what it says, or that it
        is stopped or gone."""
        try:
            client = self.connect()
            try:
                client.send(kind, body or {}, fds)
                return client.receive(timeout_s).body
            finally:
                client.close()
        except Refused as refusal:
            raise RuntimeFailure(str(refusal)) from None
        except SandboxGone:
            raise RuntimeFailure("container not running") from None
        except SandboxSilent as error:
            raise RuntimeFailure(f"container {self.name}: {error}: is its process {self.state.pid} stopped?") from None

    def sandbox_pid(self) -> int:
        """The host process of the sandbox that it is in; 0 when that is gone."""
        state = self.state
        if state.sandbox:
            found = state_file.read(os.path.join(os.path.dirname(self.directory), state.sandbox))
            if found is None:
                return 0
            state = found
        return state.pid if process.lives(state.pid, state.pid_start) else 0

    def connect(self) -> ControlClient:
        """SandboxGone, SandboxSilent."""
        return ControlClient(self.directory)

    def exit_status(self) -> int:
        """The wait status of a stopped container's first process."""
        try:
            with open(os.path.join(self.directory, STATUS_NAME), "rb") as file:
                return int(file.readline(32) or KILLED)
        except (OSError, ValueError):
            return KILLED

    def lacked_memory(self) -> bool:
        """Some process of a container that has ended was killed since there was too little memory."""
        try:
            with open(os.path.join(self.directory, STATUS_NAME), "rb") as file:
                return OOM_LINE in file.read(64)
        except OSError:
            return False

    def document(self, now: str) -> dict[str, object]:
        """The specification's state (runtime.md), with what runc adds."""
        state = self.state
        return {
            "ociVersion": state.oci_version,
            "id": self.name,
            "pid": 0 if now in (status.STOPPED, status.CREATING) else state.pid,
            "status": now,
            "bundle": state.bundle,
            "rootfs": state.rootfs,
            "created": state.created,
            "annotations": state.annotations,
            "owner": self._owner(),
        }

    def for_hooks(self, now: str) -> dict[str, object]:
        """The specification's state and no more, as hooks get it."""
        known = self.document(now)
        wanted = ("ociVersion", "id", "status", "pid", "bundle", "annotations")
        return {name: known[name] for name in wanted if known[name] not in ({}, 0)}

    def _owner(self) -> str:
        """The name of whom it belongs to, as runc has it."""
        try:
            uid = os.stat(self.directory).st_uid
        except OSError:  # deleted since
            return ""
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return f"#{uid}"


def load(root: str, name: str) -> Container:
    """RuntimeFailure when there is none."""
    directory = store.directory_of(root, name)
    state = state_file.read(directory)
    if state is None:
        raise RuntimeFailure("container does not exist")
    return Container(name, directory, state)


def load_locked(root: str, name: str) -> tuple[Container, store.Lock]:
    """The same, with its lock taken."""
    lock = store.Lock(store.directory_of(root, name))
    try:
        lock.take()
        container = load(root, name)
    except (FileNotFoundError, NotADirectoryError):
        raise RuntimeFailure("container does not exist") from None
    except OSError as error:
        raise RuntimeFailure(f"--root: {error.filename}: {os.strerror(error.errno or 0)}") from None
    except RuntimeFailure:
        lock.release()
        raise
    return container, lock


def ask_in_state(root: str, name: str, move: str, kind: int) -> None:
    """One question to the sandbox of a container whose state allows `move`, under its lock."""
    container, lock = load_locked(root, name)
    try:
        container.check(move)
        container.call(kind)
    finally:
        lock.release()
