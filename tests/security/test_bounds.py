"""One guest's many objects of a kind: they are bounded, and no call takes longer for them than it has to."""

from __future__ import annotations

from pathlib import Path

from tests.security.test_turns import attack


def test_memory_that_one_call_fills_ends_with_who_is_killed_for_it(attacks: Path) -> None:
    """The call was waited for, for two seconds and gigabytes."""
    assert attack(attacks, "endless_lock", "--memory", "256M") == "killed, with little\n"


def test_a_file_in_an_epoll_list_under_many_numbers(attacks: Path) -> None:
    """Each looked at all that were there: four minutes for 60,000."""
    assert attack(attacks, "watched_often") == "watched\n"
