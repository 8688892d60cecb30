"""ROOT on disk: the state, the lock, who may take a name."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runsc.container import state_file, store
from runsc.container.state_file import State
from runsc.failure import RuntimeFailure


def kept(directory: Path) -> State:
    state = State("c", "/bundle")
    state.pid, state.pid_start = 7, 8
    state.annotations = {"a": "b"}
    state.cgroups = ["/sys/fs/cgroup/x"]
    state.bundle = "/bun\udcffdle"
    state_file.write(str(directory), state)
    return state


def test_what_is_written_is_read(tmp_path: Path) -> None:
    state = kept(tmp_path)
    found = state_file.read(str(tmp_path))
    assert found is not None and found.document() == state.document()
    assert os.listdir(tmp_path) == ["state.json"]
    assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o600


def test_there_is_none(tmp_path: Path) -> None:
    assert state_file.read(str(tmp_path)) is None
    assert state_file.read(str(tmp_path / "nothing")) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2}', '{"version": 1, "container": 3}', "[" * 100_000])
def test_a_broken_one_is_said_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(RuntimeFailure, match="state.json"):
        state_file.read(str(tmp_path))


def test_every_field_is_checked(tmp_path: Path) -> None:
    document = kept(tmp_path).document()
    for name in document:
        broken = {**document, name: None}
        (tmp_path / "state.json").write_text(json.dumps(broken))
        with pytest.raises(RuntimeFailure):
            state_file.read(str(tmp_path))


def test_a_name_is_claimed_once(tmp_path: Path) -> None:
    root = str(tmp_path / "root")
    lock = store.claim(root, "c")
    with pytest.raises(RuntimeFailure, match="container with id exists: c"):
        store.claim(root, "c")
    kept(Path(lock.directory))
    lock.release()
    with pytest.raises(RuntimeFailure, match="container with id exists: c"):
        store.claim(root, "c")
    assert store.names(root) == ["c"]


def test_a_directory_without_a_state_is_taken_over(tmp_path: Path) -> None:
    """Its runtime was killed before it had begun."""
    (tmp_path / "c").mkdir()
    assert store.names(str(tmp_path)) == []
    store.claim(str(tmp_path), "c").release()


def test_a_lock_that_is_held(tmp_path: Path) -> None:
    first, second = store.Lock(str(tmp_path)), store.Lock(str(tmp_path))
    first.take()
    with pytest.raises(store.LockBusy):
        second.take(0)
    first.release()
    second.take(0)


def test_the_lock_of_a_deleted_container_is_none(tmp_path: Path) -> None:
    store.claim(str(tmp_path), "c").release()
    lock = store.Lock(str(tmp_path / "c"))
    real = os.stat

    def gone(path: str) -> os.stat_result:  # deleted between open(2) and flock(2)
        os.unlink(path)
        return real(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("runsc.container.store.os.stat", gone)
        with pytest.raises(FileNotFoundError):
            lock.take(0)


def test_removal_leaves_what_others_put_there(tmp_path: Path) -> None:
    directory = tmp_path / "c"
    directory.mkdir()
    kept(directory)
    (directory / "theirs").mkdir()
    with pytest.raises(RuntimeFailure, match="not empty"):
        store.remove(str(directory))
    assert os.listdir(directory) == ["theirs"]
    (directory / "theirs").rmdir()
    store.remove(str(directory))
    store.remove(str(directory))
    assert not directory.exists()


def test_removal_overtakes_who_is_still_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "c"
    directory.mkdir()
    (directory / "lock").touch()
    late = iter(("state.json.7", "status"))
    unlink = os.unlink

    def unlink_and_write(path: str) -> None:
        unlink(path)
        for name in late:
            (directory / name).touch()
            break

    monkeypatch.setattr(os, "unlink", unlink_and_write)
    store.remove(str(directory))
    assert not directory.exists()


def test_somebody_elses_directory(tmp_path: Path) -> None:
    (tmp_path / "c").symlink_to("/")
    with pytest.raises(RuntimeFailure, match="somebody else's"):
        store.claim(str(tmp_path), "c")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "é", "x" * 1025])
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(RuntimeFailure, match="container id"):
        store.claim(str(tmp_path), name)
