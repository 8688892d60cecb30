"""Typed access to parsed JSON that notes every problem with its path instead of stopping at the first."""

from __future__ import annotations

from typing import Final, Mapping

Json = object
INT64: Final = 1 << 63
UINT64: Final = 1 << 64


class Problems:
    """What is wrong with a file, each with its JSON path, in the order found."""

    __slots__ = ("found",)

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, path: str, message: str) -> None:
        """`path: message`."""
        self.found.append(f"{path}: {message}")


def kind_of(value: Json) -> str:
    """The JSON name of a value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an array" if isinstance(value, list) else "an object"


def why_no_text(value: str) -> str:
    """What a path or a word cannot have, which no file system or program could be given; empty when it is good."""
    if "\0" in value:
        return "contains a NUL character"
    return (
        "contains half a surrogate pair"
        if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value)
        else ""
    )


class Object:
    """A JSON object at `path`; null members count as missing, as Go's decoder has it."""

    __slots__ = ("path", "problems", "_members")

    def __init__(self, path: str, members: Mapping[str, Json], problems: Problems) -> None:
        self.path = path
        self.problems = problems
        self._members = members

    def at(self, key: str) -> str:
        """The path of a member."""
        return f"{self.path}.{key}" if self.path else key

    def has(self, key: str) -> bool:
        """Present and not null."""
        return self._members.get(key) is not None

    def filled(self, key: str) -> bool:
        """Present, and neither null, false, zero nor empty."""
        return bool(self._members.get(key))

    def _wrong(self, key: str, wanted: str) -> None:
        self.problems.add(self.at(key), f"must be {wanted}, is {kind_of(self._members[key])}")

    def text(self, key: str, default: str = "") -> str:
        """A string without NUL."""
        value = self._members.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            self._wrong(key, "a string")
            return default
        why = why_no_text(value)
        if why:
            self.problems.add(self.at(key), why)
            return default
        return value

    def flag(self, key: str) -> bool:
        """A boolean, false when missing."""
        value = self._members.get(key)
        if value is None:
            return False
        if not isinstance(value, bool):
            self._wrong(key, "a boolean")
            return False
        return value

    def number(self, key: str, low: int, high: int, default: int = 0) -> int:
        """A whole number in [low, high]."""
        value = self._members.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            self._wrong(key, "a whole number")
            return default
        if not low <= value <= high:
            self.problems.add(self.at(key), f"{value} is not between {low} and {high}")
            return default
        return value

    def texts(self, key: str) -> list[str]:
        """An array of strings without NUL."""
        found = []
        for n, value in enumerate(self._array(key)):
            if not isinstance(value, str):
                self.problems.add(f"{self.at(key)}[{n}]", f"must be a string, is {kind_of(value)}")
            elif why := why_no_text(value):
                self.problems.add(f"{self.at(key)}[{n}]", why)
            else:
                found.append(value)
        return found

    def numbers(self, key: str, high: int) -> list[int]:
        """An array of whole numbers in [0, high]."""
        found = []
        for n, value in enumerate(self._array(key)):
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= high:
                self.problems.add(f"{self.at(key)}[{n}]", f"must be a whole number from 0 to {high}")
            else:
                found.append(value)
        return found

    def child(self, key: str) -> Object | None:
        """A member that is an object; None when missing or something else."""
        value = self._members.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self._wrong(key, "an object")
            return None
        return Object(self.at(key), value, self.problems)

    def children(self, key: str) -> list[Object]:
        """An array of objects."""
        found = []
        for n, value in enumerate(self._array(key)):
            path = f"{self.at(key)}[{n}]"
            if isinstance(value, dict):
                found.append(Object(path, value, self.problems))
            else:
                self.problems.add(path, f"must be an object, is {kind_of(value)}")
        return found

    def document(self, key: str) -> dict[str, Json]:
        """A member that is an object, as it is; empty when missing or something else."""
        value = self._members.get(key)
        return dict(value) if isinstance(value, dict) else {}

    def names(self) -> list[str]:
        """The members that are not null."""
        return [key for key, value in self._members.items() if value is not None]

    def require(self, key: str) -> bool:
        """Note a member that is missing, or no more than an empty string."""
        if not self.has(key) or self._members[key] == "":
            self.problems.add(self.at(key), "is empty" if self.has(key) else "is missing")
            return False
        return True

    def _array(self, key: str) -> list[Json]:
        value = self._members.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self._wrong(key, "an array")
            return []
        return value
