"""What others do to files of a volume, as the host's fanotify tells it, and as watchers inside hear of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator

import pytest

from sandbox.fs.hostfs import host_changes
from sandbox.fs.hostfs.filesystem import HostFs
from sandbox.fs.hostfs.host_changes import HostChanges
from sandbox.fs.hostfs.inode import HostInode
from sandbox.vfs.inotify import IN_Q_OVERFLOW, InotifyFile
from sandbox.vfs.mount import Vfs
from sandbox.vfs.notify import IN_ALL_EVENTS, IN_CREATE, IN_DELETE, IN_MODIFY, IN_MOVED_FROM, IN_MOVED_TO
from tcpip.clock import ManualClock, MonotonicClock
from tests.unit.sandbox.vfs.guest import Guest

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class

OTHER = 0  # the process of an event that another one has caused


class FakeReactor:
    """Remembers whom to call."""

    def __init__(self) -> None:
        self.watched: dict[int, object] = {}

    def watch(self, fd: int, mask: int, callback: object) -> None:
        self.watched[fd] = callback

    def unwatch(self, fd: int) -> None:
        self.watched.pop(fd, None)


class Watched:
    """A volume with one directory that is watched."""

    def __init__(self, directory: Path, vfs: Vfs) -> None:
        self.path = directory
        self.donated = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        self.fs = HostFs(ManualClock(), 1, self.donated, live=True, readonly=False)
        self.reactor = FakeReactor()
        self.fs.hear_by(self.reactor)  # type: ignore[arg-type]
        self.queue = InotifyFile(0, vfs, 4)
        self.wd = self.queue.add(self.fs.top, IN_ALL_EVENTS, 10)
        assert self.fs.changes is not None
        self.changes: HostChanges = self.fs.changes
        self.handle = self.changes.handles[self.fs.top]

    def tell(self, mask: int, name: bytes, pid: int = OTHER) -> bytes:
        """One event as fanotify(7) has it."""
        where, kind, handle = self.handle
        info = host_changes._INFO.pack(2, 0, 0, where, len(handle), kind) + handle + name + b"\0"
        info = info[:2] + len(info).to_bytes(2, "little") + info[4:]
        size = host_changes._EVENT.size
        return host_changes._EVENT.pack(size + len(info), 3, 0, size, mask, -1, pid) + info

    def heard(self) -> list[tuple[int, bytes, int]]:
        events = [(mask, name, cookie) for _, mask, cookie, name in self.queue._events]
        self.queue._events.clear()
        return events

    def close(self) -> None:
        self.queue.release()
        self.fs.unmounted()
        os.close(self.donated)


@pytest.fixture
def watched(tmp_path: Path, guest: Guest) -> Iterator[Watched]:
    made = Watched(tmp_path, guest.kernel.mounts.vfs)
    yield made
    made.close()


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("came", [IN_CREATE, IN_MOVED_TO])
@pytest.mark.parametrize("went", [IN_DELETE, IN_MOVED_FROM])
def test_what_is_there_came_last(watched: Watched, there: bool, came: int, went: int) -> None:
    """The host tells of both at once."""
    if there:
        (watched.path / "f").touch()
    watched.changes._all(watched.tell(came | IN_MODIFY | went, b"f"))
    heard = [mask for mask, _, _ in watched.heard()]
    assert heard == ([went, came, IN_MODIFY] if there else [came, IN_MODIFY, went])


def test_the_two_names_of_a_move_belong_together(watched: Watched) -> None:
    watched.changes._all(watched.tell(IN_MOVED_FROM, b"a") + watched.tell(IN_MOVED_TO, b"b"))
    (_, _, one), (_, _, other) = watched.heard()
    assert one == other != 0
    watched.changes._all(watched.tell(IN_MOVED_TO, b"c"))
    assert watched.heard()[0][2] not in (0, one)


def test_what_this_process_has_done_is_known(watched: Watched) -> None:
    watched.changes._all(watched.tell(IN_CREATE, b"mine", os.getpid()) + watched.tell(IN_CREATE, b"theirs"))
    assert watched.heard() == [(IN_CREATE, b"theirs", 0)]


def test_more_than_the_host_keeps(watched: Watched) -> None:
    event = host_changes._EVENT.pack(24, 3, 0, 24, IN_Q_OVERFLOW, -1, OTHER)
    watched.changes._all(event + event)
    assert watched.heard() == [(IN_Q_OVERFLOW, b"", 0)]


@pytest.mark.parametrize("cut", [1, 20, 23, 24, 30, 44])
def test_half_an_event(watched: Watched, cut: int) -> None:
    watched.changes._all(watched.tell(IN_CREATE, b"f")[:cut])
    watched.heard()


def marks_of(changes: HostChanges) -> int:
    """As the host counts them (proc_pid_fdinfo(5))."""
    return Path(f"/proc/self/fdinfo/{changes.fd}").read_text().count("fanotify ino:")


def test_nothing_is_marked_when_nobody_watches(watched: Watched) -> None:
    assert marks_of(watched.changes) == 1
    group = watched.changes.fd
    for _ in range(3):  # a group that ends takes milliseconds
        watched.queue.remove(watched.wd)
        assert not watched.changes.marked and watched.changes.fd == group and not marks_of(watched.changes)
        watched.wd = watched.queue.add(watched.fs.top, IN_ALL_EVENTS, 10)


def test_marks_that_stay_go_with_the_group(watched: Watched) -> None:
    (watched.path / "f").write_bytes(b"")
    inode = watched.fs.top.lookup(b"f")
    assert isinstance(inode, HostInode)
    wd = watched.queue.add(inode, IN_ALL_EVENTS, 10)
    os.rename(watched.path / "f", watched.path / "g")
    watched.queue.remove(wd)
    assert marks_of(watched.changes) == 2
    watched.queue.remove(watched.wd)
    assert not watched.reactor.watched and watched.changes.fd < 0
    watched.queue.add(watched.fs.top, IN_ALL_EVENTS, 10)
    assert watched.reactor.watched


def test_a_host_that_does_not_tell(tmp_path: Path, guest: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(flags: int) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(host_changes, "fanotify_init", refused)
    donated = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    fs = HostFs(MonotonicClock(), 1, donated, live=True, readonly=False)
    reactor = FakeReactor()
    fs.hear_by(reactor)  # type: ignore[arg-type]
    queue = InotifyFile(0, guest.kernel.mounts.vfs, 4)
    queue.add(fs.top, IN_ALL_EVENTS, 10)
    assert not reactor.watched and isinstance(fs.top, HostInode) and fs.top.marks is not None
    queue.release()
    fs.unmounted()
    os.close(donated)


def test_a_watched_file_is_not_forgotten_while_many_others_come(watched: Watched, guest: Guest) -> None:
    for n in range(20):
        (watched.path / f"f{n}").write_bytes(b"")
    first, second = (InotifyFile(0, guest.kernel.mounts.vfs, 4) for _ in range(2))
    inode = watched.fs.top.lookup(b"f0")
    assert isinstance(inode, HostInode)
    first.add(inode, IN_ALL_EVENTS, 10)
    watched.fs._room = 8
    for n in range(1, 20):
        watched.fs.top.lookup(b"f%d" % n)
    again = watched.fs.top.lookup(b"f0")
    assert again is inode
    second.add(again, IN_ALL_EVENTS, 10)
    first.release()
    assert watched.changes.handles[inode] in watched.changes.marked
    second.release()
    assert inode not in watched.changes.handles


def test_two_that_are_the_same_file_of_the_host(watched: Watched) -> None:
    (watched.path / "f").write_bytes(b"")
    one = watched.fs.top.lookup(b"f")
    assert isinstance(one, HostInode)
    other = watched.fs.new_inode(watched.fs.top, b"f", os.stat(watched.path / "f"))
    watched.changes.begin(one)
    watched.changes.begin(other)
    watched.changes.end(one)
    assert watched.changes.marked[watched.changes.handles[other]] is other
    watched.changes.end(other)
    assert list(watched.changes.handles) == [watched.fs.top]


def test_a_fifo_is_not_opened_for_who_watches_it(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(watched.path / "fifo")
    os.symlink("nowhere", watched.path / "link")
    opened: list[HostInode] = []
    monkeypatch.setattr(HostInode, "open_file", lambda inode, *_: opened.append(inode) or -1)
    for name in (b"fifo", b"link"):
        inode = watched.fs.top.lookup(name)
        assert isinstance(inode, HostInode)
        watched.queue.add(inode, IN_ALL_EVENTS, 10)
        assert inode.marks is not None and inode.outside_locks() is None
    assert not opened and list(watched.changes.handles) == [watched.fs.top]
