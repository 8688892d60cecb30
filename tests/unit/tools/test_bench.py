"""Bounds and comparisons follow U in the right direction: times grow with it, rates fall."""

import json
from pathlib import Path

import pytest

from tools.bench import netstack, report, unit
from tools.bench.__main__ import result


def test_bounds_follow_u() -> None:
    rows = {row.name: row for row in netstack.ROWS}
    twice = unit.NETSTACK_US * 2
    assert netstack.bound_of(rows["tap_pingpong"], twice) == 120
    assert netstack.bound_of(rows["udp_in"], twice) == 20000
    assert netstack.bound_of(rows["idle_memory"], twice) == 150
    assert netstack.bound_of(rows["segment"], twice) is None


@pytest.mark.parametrize(("more", "change"), [(False, 0.5), (True, 2.0)])
def test_compare_takes_u_out(tmp_path: Path, more: bool, change: float) -> None:
    for name, u in (("a", 4.0), ("b", 8.0)):
        row = result("row", "row", "x", {"ours": [10.0]}, scaled=True, more_is_better=more)
        (tmp_path / name).write_text(json.dumps({"u_us": u, "rows": [row]}))
    line = report.compare(tmp_path / "a", tmp_path / "b").splitlines()[1]
    assert float(line.split()[-1]) == change


@pytest.mark.parametrize("words", [("idle_memory", "20"), ("per_segment", "3"), ("per_timer", "3"), ("idle_turn", "2")])
def test_rows_in_memory_run(monkeypatch: pytest.MonkeyPatch, words: tuple[str, str]) -> None:
    from tools.bench import netstack_memory

    for name in ("SEGMENTS", "TURNS"):
        monkeypatch.setattr(netstack_memory, name, 10)
    monkeypatch.setattr(netstack_memory, "ROUNDS", 1)
    monkeypatch.setattr(netstack_memory.gc, "freeze", lambda: None)
    assert netstack_memory.ROWS[words[0]](int(words[1])) > 0
