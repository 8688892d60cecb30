"""What is believed of a host directory is what is there: always where only guests change it, and after the time that it is
believed for where the host does too."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.fs.hostfs import filesystem
from sandbox.fs.hostfs.filesystem import HostFs
from sandbox.fs.hostfs.held import FOREVER, HOLD_NS, TICK_NS
from sandbox.fs.overlay.root import Volume
from tcpip.clock import ManualClock
from tcpip.timers import TimerQueue
from tests.unit.sandbox.vfs.guest import Guest, Stat, make_kernel

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class

EXAMPLES = int(os.environ.get("STACKBOX_EXAMPLES", "60"))
PLACES = ["a", "b", "l", "d", "d/a", "d/b", "d/d", "d/d/a", "e", "e/a", "e/d"]
PLACE = st.sampled_from(PLACES)
CHANGE = st.one_of(
    st.tuples(st.just("mkdir"), PLACE),
    st.tuples(st.just("rmdir"), PLACE),
    st.tuples(st.just("unlink"), PLACE),
    st.tuples(st.just("rename"), PLACE, PLACE),
    st.tuples(st.just("link"), PLACE, PLACE),
    st.tuples(st.just("symlink"), st.sampled_from(["a", "d", "../e"]), PLACE),
    st.tuples(st.just("chmod"), PLACE, st.sampled_from([0o600, 0o755, 0o777])),
    st.tuples(st.just("truncate"), PLACE, st.sampled_from([0, 5, 9000])),
    st.tuples(st.just("write"), PLACE, st.sampled_from([b"x", b"hello", b"z" * 5000])),
    st.tuples(st.just("append"), PLACE, st.sampled_from([b"x", b"hello"])),
    st.tuples(st.just("utime"), PLACE, st.sampled_from([1, 1_000_000_007])),
    st.tuples(st.just("read"), PLACE),
    st.tuples(st.just("list"), PLACE),
    st.tuples(st.just("look"), PLACE),
)
RULES = settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow], derandomize=EXAMPLES <= 100)


def as_host(top: str, op: str, *args: Any) -> None:
    """One change by the host. OSError."""
    path = f"{top}/{args[-1] if op in ('symlink',) else args[0]}"
    match op:
        case "rename" | "link":
            getattr(os, op)(path, f"{top}/{args[1]}", **({"follow_symlinks": False} if op == "link" else {}))
        case "symlink":
            os.symlink(args[0], path)
        case "chmod":
            os.chmod(path, args[1])
        case "truncate":
            os.truncate(path, args[1])
        case "write" | "append":
            with open(path, "ab" if op == "append" else "wb") as file:
                file.write(args[1])
        case "utime":
            os.utime(path, ns=(args[1], args[1]))
        case "mkdir" | "rmdir" | "unlink":
            getattr(os, op)(path)


def as_guest(guest: Guest, op: str, *args: Any) -> Any:
    """The same from inside: 0 or a negative errno."""
    path = f"/v/{args[0]}"
    match op:
        case "rename" | "link":
            return guest.call(op, path, f"/v/{args[1]}")
        case "symlink":
            return guest.call("symlink", args[0], f"/v/{args[1]}")
        case "mkdir":
            return guest.call("mkdir", path, 0o777)
        case "utime":
            times = guest.buffer(args[1].to_bytes(8, "little").join([b"", bytes(8), b""]).ljust(32, b"\0"))
            return guest.call("utimensat", -100, path, times, 0)
        case "read" | "write" | "append":
            how = {"read": os.O_RDONLY, "write": os.O_WRONLY | os.O_CREAT | os.O_TRUNC}
            fd = guest.call("open", path, how.get(op, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 0o666)
            if fd < 0:
                return fd
            result = (
                guest.out("read", 64, 1, fd, 64)[0] if op == "read" else guest.call("write", fd, args[1], len(args[1]))
            )
            guest.ok("close", fd)
            return min(result, 0)
        case "list":
            seen = guest.stat(path)
            return seen if isinstance(seen, int) else (guest.listdir(path), 0)[1] if stat.S_ISDIR(seen.mode) else 0
        case "look":
            seen = guest.stat(path)
            return seen if isinstance(seen, int) else 0
    return guest.call(op, path, *args[1:])


def same(guest: Guest, top: str) -> None:
    """Every place is to the guest what it is to the host."""
    for place in PLACES:
        path = f"{top}/{place}"
        for follow in (False, True):
            seen = guest.stat(f"/v/{place}", follow)
            try:
                there = os.stat(path) if follow else os.lstat(path)
            except OSError as error:
                assert seen == -(error.errno or 0), (place, follow)
                continue
            assert isinstance(seen, Stat), (place, follow, seen)
            names = ("mode", "uid", "gid", "nlink", "size", "ino", "blocks")
            assert [getattr(seen, name) for name in names] == [getattr(there, f"st_{name}") for name in names], place
            assert (seen.mtime, seen.ctime) == (there.st_mtime_ns, there.st_ctime_ns), place
            if stat.S_ISREG(there.st_mode):
                assert guest.read_file(f"/v/{place}") == Path(path).read_bytes()
            elif stat.S_ISDIR(there.st_mode):
                assert guest.listdir(f"/v/{place}") == sorted(map(os.fsencode, os.listdir(path)))
            elif stat.S_ISLNK(there.st_mode):
                size, text = guest.out("readlink", 100, 1, f"/v/{place}", 100)
                assert text[:size] == os.fsencode(os.readlink(path))


def begin(top: str, hold_ns: int) -> tuple[Guest, HostFs]:
    os.makedirs(f"{top}/d/d")
    os.mkdir(f"{top}/e")
    Path(f"{top}/a").write_bytes(b"first")
    os.symlink("d", f"{top}/l")
    fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    kernel = make_kernel("/", volumes=(Volume(fd, b"/v", hold_ns=hold_ns),))
    kernel.host_fds.append(fd)
    fs = next(mount.fs for mount in kernel.mounts.mounts() if mount.fs.source == "host" and mount.fs.through)
    return Guest(kernel), fs


def play(hold_ns: int, steps: list[tuple[bool, tuple[Any, ...]]], after: Callable[[HostFs], None]) -> None:
    """`steps`: whether the host does it, and what. `after`: what happens then, before everything is compared."""
    with tempfile.TemporaryDirectory() as top:
        mask = os.umask(0o022)
        guest, fs = begin(top, hold_ns)
        try:
            same(guest, top)
            for by_host, op in steps:
                if by_host:
                    try:
                        as_host(top, *op)
                    except OSError:
                        pass
                else:
                    before = guest.stat(f"/v/{op[1]}")
                    if op[0] in ("write", "append", "read") and isinstance(before, Stat) and stat.S_ISDIR(before.mode):
                        continue
                    result = as_guest(guest, *op)
                    assert result != -errno.ESTALE
                after(fs)
                same(guest, top)
            assert list(guest.fds.fds()) == []
        finally:
            os.umask(mask)
            guest.kernel.close()


@pytest.mark.parametrize("how", ["timed", "exclusive"])
def test_what_guests_change_is_known_at_once(how: str) -> None:
    @RULES
    @given(st.lists(st.tuples(st.just(False), CHANGE), min_size=1, max_size=15))
    def run(steps: list[tuple[bool, tuple[Any, ...]]]) -> None:
        play(HOLD_NS[how], steps, lambda fs: None)

    run()


def test_what_the_host_changes_is_known_after_the_time() -> None:
    @RULES
    @given(st.lists(st.tuples(st.booleans(), CHANGE), min_size=1, max_size=15))
    def run(steps: list[tuple[bool, tuple[Any, ...]]]) -> None:
        play(HOLD_NS["timed"], steps, lambda fs: fs.expire())

    run()


@pytest.fixture(params=["timed", "exclusive"])
def held(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Guest, Path, HostFs]]:
    """A guest with the volume /v that is believed, and that directory."""
    guest, fs = begin(str(tmp_path), HOLD_NS[request.param])
    yield guest, tmp_path, fs
    guest.kernel.close()


def test_the_host_is_not_asked_again(held: tuple[Guest, Path, HostFs], monkeypatch: pytest.MonkeyPatch) -> None:
    guest, _, _ = held
    for path in ("/v/d/d", "/v/l/d", "/v/a", "/v/nothing", "/v/d/nothing"):
        guest.stat(path)
    asked: list[object] = []
    stat_now, fstat_now = os.stat, os.fstat

    def noted_stat(*rest: Any, **more: Any) -> os.stat_result:
        asked.append(rest)
        return stat_now(*rest, **more)

    def noted_fstat(fd: int) -> os.stat_result:
        asked.append(fd)
        return fstat_now(fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", noted_stat)
        patch.setattr(os, "fstat", noted_fstat)
        seen = [guest.stat(path) for path in ("/v/d/d", "/v/l/d", "/v/a")]
        missing = [guest.stat("/v/nothing"), guest.stat("/v/d/nothing")]
    assert asked == [] and missing == [-errno.ENOENT] * 2
    assert all(isinstance(one, Stat) for one in seen)


def test_a_file_that_the_host_has_replaced_is_opened_as_it_is(held: tuple[Guest, Path, HostFs]) -> None:
    guest, top, fs = held
    for _ in range(2):
        assert isinstance(guest.stat("/v/a"), Stat)
        fs._close_all()
        (top / "new").write_bytes(b"second")
        (top / "new").rename(top / "a")
        assert guest.read_file("/v/a") == b"second"
    assert isinstance(guest.stat("/v/a"), Stat)
    fs._close_all()
    (top / "a").unlink()
    assert guest.call("open", "/v/a", os.O_RDONLY) == -errno.ENOENT
    assert guest.stat("/v/a") == -errno.ENOENT  # and it is known from now on


def test_a_name_that_the_host_has_taken_is_opened_unless_it_has_to_be_new(held: tuple[Guest, Path, HostFs]) -> None:
    guest, top, _ = held
    for number, flags in enumerate((os.O_CREAT, os.O_CREAT | os.O_EXCL)):
        path = f"/v/d/n{number}"
        assert guest.stat(path) == -errno.ENOENT
        (top / path[3:]).write_bytes(b"there")
        result = guest.call("open", path, os.O_RDWR | flags, 0o600)
        assert result == -errno.EEXIST if flags & os.O_EXCL else result >= 0
    assert guest.call("mkdir", "/v/e", 0o700) == -errno.EEXIST
    (top / "d/d").rmdir()
    assert guest.call("unlink", "/v/d/d") in (-errno.EISDIR, -errno.ENOENT)
    assert guest.call("rmdir", "/v/d/d") == -errno.ENOENT


def test_a_directory_that_the_host_has_replaced(held: tuple[Guest, Path, HostFs]) -> None:
    guest, top, fs = held
    (top / "d/d/f").write_bytes(b"old")
    assert guest.read_file("/v/d/d/f") == b"old"
    fs._close_all()
    (top / "d").rename(top / "gone")
    (top / "d/d").mkdir(parents=True)
    (top / "d/d/g").write_bytes(b"new")
    assert guest.read_file("/v/d/d/g") == b"new"
    assert guest.stat("/v/d/d/f") == -errno.ENOENT


def test_two_names_of_a_file_are_one_however_many_others_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filesystem, "MAX_INODES", 50)
    guest, fs = begin(str(tmp_path), FOREVER)
    fs._room = 50
    os.link(tmp_path / "a", tmp_path / "e/a")
    for number in range(200):
        (tmp_path / f"d/f{number}").touch()
    assert isinstance(guest.stat("/v/a"), Stat)
    guest.kernel.mounts.vfs.dentries.limit = 60
    for number in range(200):
        assert isinstance(guest.stat(f"/v/d/f{number}"), Stat)
    fd = guest.ok("open", "/v/e/a", os.O_WRONLY)
    assert guest.ok("write", fd, b"longer than it was", 18) == 18
    seen = guest.stat("/v/a")
    assert isinstance(seen, Stat) and seen.size == 18
    assert len(fs.inodes) <= 130 and guest.kernel.mounts.vfs.dentries.count <= 60
    guest.kernel.close()


def test_the_time_begins_with_the_first_thing_that_is_believed(tmp_path: Path) -> None:
    clock, timers = ManualClock(), TimerQueue()
    (tmp_path / "d").mkdir()
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    fs = HostFs(clock, 1, fd, live=True, readonly=False, hold_ns=HOLD_NS["timed"])
    fs.expire_by(timers)
    assert fs.expired and len(timers) == 0
    assert fs.top.lookup(b"d") is not None and not fs.expired and len(timers) == 1
    clock.advance(HOLD_NS["timed"] - 1)
    timers.run(clock.now_ns())
    assert not fs.expired
    clock.advance(1)
    timers.run(clock.now_ns())
    assert fs.expired and fs.top.live and fs.top.loose
    fs.unmounted()
    os.close(fd)


def test_a_directory_that_has_just_been_changed_has_no_seal(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "old").mkdir()
    os.utime(tmp_path / "old")
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    fs = HostFs(ManualClock(), 1, fd, live=True, readonly=False, hold_ns=HOLD_NS["timed"])
    found = fs.top.lookup(b"new")
    assert found is not None and found.seal == (0, 0) and TICK_NS >= 10_000_000
    fs.unmounted()
    os.close(fd)
