"""What may be promised, by the three ways of vm.overcommit_memory."""

from __future__ import annotations

from sandbox.mm.commit import NEVER, CommitAccount


def account(pages: int) -> CommitAccount:
    return CommitAccount(pages << 12)


def test_a_guess_is_bounded() -> None:
    one = account(100)
    assert not one.charge(101)
    assert all(one.charge(100) for _ in range(8))
    assert not one.charge(1)


def test_always() -> None:
    one = account(100)
    one.mode = 1
    assert one.charge(10_000)


def test_never_more_than_the_share() -> None:
    one = account(100)
    one.mode, one.ratio = NEVER, 30
    assert one.limit() == 30
    assert one.charge(30)
    assert not one.charge(1)
    one.kbytes = 160
    assert one.charge(10)
    assert not one.charge(1)
