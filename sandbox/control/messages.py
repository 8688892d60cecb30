"""What the bodies of control messages hold, typed and checked: `Fields` reads them, the classes are the larger ones."""

from __future__ import annotations

from typing import Final

from sandbox.boot.options import Program
from sandbox.control.wire import Body

SCHEDULING_MOST: Final = 1 << 16  # class and level of ioprio_set(2)
ID_MAX: Final = 0xFFFFFFFE
LIST_LIMIT: Final = 1 << 16
ENCODING: Final = "latin-1"  # bytes of the guest's words, each as the character of the same number


class BadMessage(Exception):
    """A field is missing or is not what it must be; `str()` names it."""


class Fields:
    """Typed access to a body."""

    __slots__ = ("_body",)

    def __init__(self, body: Body) -> None:
        self._body = body

    def has(self, name: str) -> bool:
        """It is there, and not null."""
        return self._body.get(name) is not None

    def number(self, name: str, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        value = self._body.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise BadMessage(f"{name} is not a whole number from {low} to {high}")
        return value

    def flag(self, name: str) -> bool:
        """A boolean, false when it is not there."""
        value = self._body.get(name, False)
        if not isinstance(value, bool):
            raise BadMessage(f"{name} is not a boolean")
        return value

    def text(self, name: str) -> str:
        """A string."""
        value = self._body.get(name)
        if not isinstance(value, str):
            raise BadMessage(f"{name} is not a string")
        return value

    def raw(self, name: str) -> bytes:
        """Bytes without NUL, in `ENCODING`."""
        return _raw(self.text(name), name)

    def raws(self, name: str) -> list[bytes]:
        """A list of those."""
        found = []
        for value in self._list(name):
            if not isinstance(value, str):
                raise BadMessage(f"{name} is not a list of strings")
            found.append(_raw(value, name))
        return found

    def numbers(self, name: str, high: int) -> list[int]:
        """A list of whole numbers in [0, high]."""
        found = []
        for value in self._list(name):
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= high:
                raise BadMessage(f"{name} is not a list of numbers from 0 to {high}")
            found.append(value)
        return found

    def member(self, name: str) -> Fields:
        """An object."""
        value = self._body.get(name)
        if not isinstance(value, dict):
            raise BadMessage(f"{name} is not an object")
        return Fields(value)

    def objects(self, name: str, most: int) -> list[Fields]:
        """A list of at most `most` objects."""
        found: list[Fields] = []
        for value in self._list(name):
            if not isinstance(value, dict) or len(found) >= most:
                raise BadMessage(f"{name} is not a list of at most {most} objects")
            found.append(Fields(value))
        return found

    def _list(self, name: str) -> list[object]:
        value = self._body.get(name)
        if not isinstance(value, list) or len(value) > LIST_LIMIT:
            raise BadMessage(f"{name} is not a list of at most {LIST_LIMIT}")
        return value


def _raw(value: str, name: str) -> bytes:
    try:
        data = value.encode(ENCODING)
    except UnicodeEncodeError:
        raise BadMessage(f"{name} is not bytes") from None
    if b"\0" in data:
        raise BadMessage(f"{name} contains a NUL byte")
    return data


def program_body(program: Program) -> Body:
    """A program for EXEC."""
    return {
        "argv": [word.decode(ENCODING) for word in program.argv],
        "env": [item.decode(ENCODING) for item in program.env],
        "cwd": program.cwd.decode(ENCODING),
        "uid": program.uid,
        "gid": program.gid,
        "groups": list(program.groups),
        "umask": program.umask,
        "rlimits": [number for kind, (soft, hard) in program.rlimits.items() for number in (kind, soft, hard)],
        "capabilities": list(program.capability_sets) if program.capability_sets is not None else None,
        "no_new_privs": program.no_new_privs,
        "oom_score_adj": program.oom_score_adj,
        "scheduling": program.scheduling.numbers() if program.scheduling is not None else None,
    }


def program_of(fields: Fields) -> Program:
    """The opposite. BadMessage."""
    argv = fields.raws("argv")
    if not argv:
        raise BadMessage("argv is empty")
    program = Program(argv, fields.raws("env"), fields.raw("cwd"))
    program.uid = fields.number("uid", 0, ID_MAX)
    program.gid = fields.number("gid", 0, ID_MAX)
    program.groups = tuple(fields.numbers("groups", ID_MAX))
    program.umask = fields.number("umask", 0, 0o777)
    limits = fields.numbers("rlimits", (1 << 64) - 1)
    if len(limits) % 3 or any(kind > 15 for kind in limits[::3]):
        raise BadMessage("rlimits are not triples of kind, soft and hard")
    for at in range(0, len(limits), 3):
        program.rlimits[limits[at]] = (limits[at + 1], limits[at + 2])
    if fields.has("capabilities"):
        sets = fields.numbers("capabilities", (1 << 64) - 1)
        if len(sets) != 5:
            raise BadMessage("capabilities are not five sets")
        program.capability_sets = (sets[0], sets[1], sets[2], sets[3], sets[4])
    program.no_new_privs = fields.flag("no_new_privs")
    program.oom_score_adj = fields.number("oom_score_adj", -1000, 1000)
    if fields.has("scheduling"):
        numbers = fields.numbers("scheduling", SCHEDULING_MOST)
        if len(numbers) < 5 or numbers[0] > 6 or numbers[1] > 39 or numbers[2] > 99:
            raise BadMessage("scheduling is not policy, niceness, priority, reset, priority of I/O and processors")
        from sandbox.boot.scheduling import Scheduling

        program.scheduling = Scheduling.of(numbers)
    return program
