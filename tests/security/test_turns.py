"""What one guest asks for is divided where it takes long: the others have their turn in between."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import do


def attack(attacks: Path, name: str, *flags: str) -> str:
    """What a program of programs/ prints, with all capabilities."""
    done = do("--cap-add", "ALL", *flags, "--volume", f"{attacks}:/attacks:ro", f"/attacks/{name}")
    assert done.status == 0 and "oops" not in done.err, done
    return done.out


def test_long_programs_of_many_sockets_leave_others_their_turn(attacks: Path) -> None:
    assert attack(attacks, "packet_filters") == "packets in turns: many\n"


def test_descriptors_in_messages_that_nobody_reads_are_bounded(attacks: Path) -> None:
    """The search for sockets that only such messages hold goes through all of them: 480 ms for a million."""
    expected = "refused: Too many references: cannot splice, sent at once: bounded\nand later: Success\n"
    assert attack(attacks, "descriptors_in_flight") == expected


def test_mounts_that_double_with_each_peer_end_early(attacks: Path) -> None:
    """The call that was refused had made 50,000 of them first."""
    assert attack(attacks, "shared_binds") == "No space left on device, after few mounts\n"


def test_messages_of_very_many_pieces_leave_others_their_turn(attacks: Path) -> None:
    """recvmmsg took six seconds."""
    assert attack(attacks, "many_messages") == "sendmmsg: done, many turns\nrecvmmsg: done, many turns\n"


def test_copies_leave_others_their_turn(attacks: Path) -> None:
    calls = ("getrandom", "read", "process_vm_readv")
    assert attack(attacks, "long_copies") == "".join(f"{call}: done, many turns\n" for call in calls)


def test_cores_that_are_written_at_once_leave_others_their_turn(attacks: Path) -> None:
    """Twenty of a terabyte of holes kept everybody else out for a third of a second each time, for ten minutes; one that had
    many threads or areas, all at once."""
    assert attack(attacks, "many_cores") == "8 cores, many turns a second\n"
