"""The directory of terminals keeps none of those that are gone."""

from __future__ import annotations

from sandbox.fs.devpts.filesystem import DevPts, SlaveInode
from sandbox.fs.tty.pty_table import PtyTable
from tcpip.clock import ManualClock


def test_a_node_lets_go_of_its_terminal() -> None:
    clock = ManualClock()
    table = PtyTable(clock)
    fs = DevPts(clock, 1, table)
    terminal = table.create(2, 7, 8).terminal
    node = fs.root.lookup(b"0")
    assert isinstance(node, SlaveInode) and node.uid == 7
    table.remove(terminal)
    assert node.owner.terminal is None and fs.root.lookup(b"0") is None
