"""The life cycle as a table: every pair of state and move is legal, or an error that says why not."""

from __future__ import annotations

import pytest

from runsc.container import status
from runsc.container.status import IllegalMove, check_move

LEGAL = {
    "start": {"created"},
    "kill": {"creating", "created", "running", "paused"},
    "exec": {"created", "running"},  # as runc
    "exec --ignore-paused": {"created", "running", "paused"},
    "pause": {"created", "running"},
    "resume": {"paused"},
    "delete": {"stopped"},  # runtime.md, Delete
    "delete --force": {"creating", "created", "running", "paused", "stopped"},
    "update": {"created", "running", "paused"},
    "ask": {"created", "running", "paused"},
    "ps": {"created", "running", "paused", "stopped"},
    "events": {"created", "running", "paused"},
    "checkpoint": {"running", "paused"},
}


def test_the_table_is_whole() -> None:
    assert set(status.LEGAL) == set(status.MOVES) == set(LEGAL)
    assert all(set(row) == set(status.STATES) for row in status.LEGAL.values())


@pytest.mark.parametrize("move", status.MOVES)
@pytest.mark.parametrize("state", status.STATES)
def test_every_pair(move: str, state: str) -> None:
    if state in LEGAL[move]:
        check_move("c", state, move)
        return
    with pytest.raises(IllegalMove) as caught:
        check_move("c", state, move)
    assert (caught.value.move, caught.value.state) == (move, state)
    assert str(caught.value) and "{" not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("move", "state", "words"),
    [
        ("kill", "stopped", "container not running"),  # containerd's shim takes it for "no such process"
        ("delete", "running", "cannot delete container c that is not stopped: running"),
        ("start", "stopped", "cannot start a container that has stopped"),
        ("start", "paused", "cannot start a container in the paused state"),
        ("exec", "stopped", "cannot exec in a stopped container"),
        ("pause", "paused", "container not running"),
        ("resume", "stopped", "container not paused"),
        ("events", "stopped", "container with id c is not running"),
    ],
)
def test_words_that_others_look_for(move: str, state: str, words: str) -> None:
    with pytest.raises(IllegalMove, match=f"^{words}$"):
        check_move("c", state, move)
