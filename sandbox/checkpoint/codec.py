"""A graph of objects as bytes, and back.

Objects of the classes that `StateClasses` allows are written as class and attributes; nothing of an image is ever called:
reading makes empty instances of these classes and sets attributes. A reference to a function is the name of one that is
defined in a module of the kernel's state, a bound method that of an object in the image. What belongs to the host is
written as a name (`Outside`) that whoever reads gives a meaning, or as a record of its own that a `Maker` turns into an object.
"""

from __future__ import annotations

import functools
import struct
import types
from collections import OrderedDict, deque
from typing import Callable, Final, TypeVar

from sandbox.checkpoint.image import BadImage
from sandbox.checkpoint.state_classes import StateClasses, attributes_of

T = TypeVar("T")
_U32: Final = struct.Struct("=I")
_F64: Final = struct.Struct("=d")
DEPTH_MOST: Final = 200  # of tuples in one another
_CONTAINERS: Final = (list, dict, set, deque, bytearray, OrderedDict)
MADE: Final = "!"  # the class name of a record that a Maker reads


class Unsaveable(Exception):
    """`what` cannot be in an image; `owner` is the chain of objects that leads to it, nearest first."""

    def __init__(self, what: object, owner: list[object]) -> None:
        chain = " of ".join(type(one).__name__ for one in owner[:6])
        super().__init__(f"{type(what).__module__}.{type(what).__qualname__}" + (f" of {chain}" if chain else ""))
        self.what = what
        self.owner = owner


class Encoder:
    """`outside(object)`: the name of what belongs to the host, None for all else. `record(object)`: what is written in
    place of an object's attributes, for a Maker; None for all else."""

    def __init__(
        self,
        classes: StateClasses,
        outside: Callable[[object], str | None],
        record: Callable[[object], tuple[object, ...] | None],
    ) -> None:
        self._classes = classes
        self._outside = outside
        self._record = record
        self._numbers: dict[int, int] = {}
        self._objects: list[object] = []  # kept alive: their ids are in use
        self._parents: list[int] = []
        self._class_numbers: dict[str, int] = {}
        self._at = -1

    def encode(self, root: object) -> bytes:
        """Everything that can be reached from `root`. Unsaveable."""
        self._number(root)
        out = bytearray()
        done = 0
        while done < len(self._objects):
            self._at = done
            body = bytearray()
            name = self._body(self._objects[done], body)
            number = self._class_numbers.setdefault(name, len(self._class_numbers))
            out += _U32.pack(number) + _U32.pack(len(body)) + body
            done += 1
        names = bytearray()
        for name in self._class_numbers:
            self._bytes(names, name.encode())
        return bytes(_U32.pack(len(self._class_numbers)) + names + _U32.pack(done) + out)

    def all_of(self, kind: type[T]) -> list[T]:
        """The objects of a class that were encoded, in order."""
        return [value for value in self._objects if type(value) is kind]

    def _number(self, value: object) -> int:
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self._objects)
            self._objects.append(value)
            self._parents.append(self._at)
        return number

    def _fail(self, value: object) -> Unsaveable:
        owner, at = [], self._at
        while at >= 0:
            owner.append(self._objects[at])
            at = self._parents[at]
        return Unsaveable(value, owner)

    @staticmethod
    def _bytes(out: bytearray, data: bytes) -> None:
        out += _U32.pack(len(data))
        out += data

    def _body(self, value: object, out: bytearray) -> str:
        """One object; the name of its class."""
        record = self._record(value)
        if record is not None:
            self._values(out, record)
            return MADE
        kind = type(value)
        if kind is bytearray:
            assert isinstance(value, bytearray)
            out += value
        elif kind is dict or kind is OrderedDict:
            assert isinstance(value, dict)
            out += _U32.pack(len(value))
            for key, item in value.items():
                self._value(out, key)
                self._value(out, item)
        elif kind in _CONTAINERS:
            assert isinstance(value, list | set | deque)
            self._bytes(out, b"") if not isinstance(value, deque) else self._value(out, value.maxlen)
            self._values(out, tuple(value))
        else:
            for name in attributes_of(kind):
                if not self._classes.kept(kind, name):
                    continue
                try:
                    item = getattr(value, name)
                except AttributeError:
                    continue
                self._bytes(out, name.encode())
                self._value(out, item)
            for name, item in getattr(value, "__dict__", {}).items():
                if self._classes.kept(kind, name):
                    self._bytes(out, name.encode())
                    self._value(out, item)
            return f"{kind.__module__}:{kind.__qualname__}"
        return kind.__name__

    def _values(self, out: bytearray, values: tuple[object, ...]) -> None:
        out += _U32.pack(len(values))
        for value in values:
            self._value(out, value)

    def _value(self, out: bytearray, value: object, depth: int = 0) -> None:
        kind = type(value)
        if value is None or value is True or value is False:
            out += b"N" if value is None else b"T" if value else b"F"
        elif kind is int:
            assert isinstance(value, int)
            out += b"i"
            self._bytes(out, value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True))
        elif kind is bytes or kind is str:
            out += b"b" if kind is bytes else b"s"
            self._bytes(out, value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape"))
        elif kind is float:
            assert isinstance(value, float)
            out += b"f" + _F64.pack(value)
        elif kind is tuple or kind is frozenset:
            assert isinstance(value, tuple | frozenset)
            if depth > DEPTH_MOST:
                raise self._fail(value)
            out += b"t" if kind is tuple else b"z"
            out += _U32.pack(len(value))
            for item in value:
                self._value(out, item, depth + 1)
        else:
            self._reference(out, value)

    def _reference(self, out: bytearray, value: object) -> None:
        name = self._outside(value)
        if name is None:
            name = self._classes.name_of(value)
        if name is not None:
            out += b"n"
            self._bytes(out, name.encode())
        elif isinstance(value, types.MethodType):
            out += b"m"
            self._value(out, value.__self__)
            self._bytes(out, value.__func__.__name__.encode())
        elif type(value) is functools.partial:
            out += b"p"
            self._value(out, value.func)
            self._value(out, value.args)
        elif type(value) in _CONTAINERS or self._classes.allows(type(value)) or self._record(value) is not None:
            out += b"o" + _U32.pack(self._number(value))
        else:
            raise self._fail(value)


class Decoder:
    """`outside(name)`: what belongs to the host. `make(record, get)`: an object for such a record; `get(number)` gives
    another object. BadImage."""

    def __init__(
        self,
        classes: StateClasses,
        outside: Callable[[str], object],
        make: Callable[[tuple[object, ...]], object],
    ) -> None:
        self._classes = classes
        self._outside = outside
        self._make = make
        self._data = memoryview(b"")
        self._objects: list[object] = []
        self._kinds: list[object] = []
        self._bodies: list[tuple[int, int]] = []
        self._making: set[int] = set()
        self._pos = 0

    def decode(self, data: bytes) -> object:
        """The root. BadImage."""
        self._data = memoryview(data)
        try:
            return self._decode()
        except (struct.error, IndexError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise BadImage(f"the image is damaged ({type(error).__name__}: {error})") from error

    def _decode(self) -> object:
        names = [bytes(self._bytes()).decode() for _ in range(self._u32())]
        kinds = [self._kind(name) for name in names]
        for _ in range(self._u32()):
            kind, size = kinds[self._u32()], self._u32()
            self._kinds.append(kind)
            self._bodies.append((self._pos, self._pos + size))
            self._pos += size
            self._objects.append(None if kind is MADE else self._empty(kind))
        # Sets and dictionaries last: their keys may be compared by what is in them.
        for number, kind in enumerate(self._kinds):
            if kind is MADE:
                self._made(number)
        for keyed in (False, True):
            for number, kind in enumerate(self._kinds):
                if kind is not MADE and (kind in (dict, set, OrderedDict)) == keyed:
                    self._fill(number, kind)
        return self._objects[0]

    def _kind(self, name: str) -> object:
        if name == MADE:
            return MADE
        for kind in _CONTAINERS:
            if kind.__name__ == name:
                return kind
        return self._classes.find(name)

    @staticmethod
    def _empty(kind: object) -> object:
        if kind is deque:
            return None  # its bound is fixed when it is made
        assert isinstance(kind, type)
        empty: object = kind() if kind in _CONTAINERS else object.__new__(kind)
        return empty

    def all_of(self, kind: type[T]) -> list[T]:
        """The objects of a class that were decoded, in the same order as the Encoder's."""
        return [value for value in self._objects if type(value) is kind]

    def get(self, number: int) -> object:
        """Object number `number`, made if it has not been yet."""
        if self._kinds[number] is MADE:
            return self._made(number)
        found = self._objects[number]
        if found is None:  # a deque
            at, self._pos = self._pos, self._bodies[number][0]
            most = self._value()
            found = self._objects[number] = deque(maxlen=most if isinstance(most, int) else None)
            self._pos = at
        return found

    def _made(self, number: int) -> object:
        found = self._objects[number]
        if found is None:
            if number in self._making:
                raise BadImage("the image is damaged: an object is made of itself")
            self._making.add(number)
            at, self._pos = self._pos, self._bodies[number][0]
            found = self._objects[number] = self._make(self._values())
            self._pos = at
        return found

    def _fill(self, number: int, kind: object) -> None:
        self._pos, end = self._bodies[number]
        target = self.get(number)
        pos = self._bodies[number][0]
        self._pos = pos
        if isinstance(target, bytearray):
            target += self._data[self._pos : end]
        elif isinstance(target, dict):
            for _ in range(self._u32()):
                key = self._value()
                target[key] = self._value()
        elif isinstance(target, list):
            self._bytes()
            target.extend(self._values())
        elif isinstance(target, set):
            self._bytes()
            target.update(self._values())
        elif isinstance(target, deque):
            self._value()
            target.extend(self._values())
        else:
            assert isinstance(kind, type)
            while self._pos < end:
                name = bytes(self._bytes()).decode()
                value = self._value()
                if not self._classes.kept(kind, name) or name.startswith("__"):
                    raise BadImage(f"the image is damaged: {kind.__name__} has no {name}")
                setattr(target, name, value)

    def _u32(self) -> int:
        value = int(_U32.unpack_from(self._data, self._pos)[0])
        self._pos += 4
        return value

    def _bytes(self) -> memoryview:
        size = self._u32()
        data = self._data[self._pos : self._pos + size]
        if len(data) != size:
            raise BadImage("the image is damaged: it ends too early")
        self._pos += size
        return data

    def _values(self) -> tuple[object, ...]:
        return tuple([self._value() for _ in range(self._u32())])

    def _value(self) -> object:
        tag = self._data[self._pos]
        self._pos += 1
        if tag == 78:
            return None
        if tag == 105:
            return int.from_bytes(self._bytes(), "little", signed=True)
        if tag == 111:
            return self.get(self._u32())
        if tag == 98:
            return bytes(self._bytes())
        if tag == 115:
            return bytes(self._bytes()).decode("utf-8", "surrogateescape")
        if tag == 84 or tag == 70:
            return tag == 84
        if tag == 116:
            return self._values()
        if tag == 122:
            return frozenset(self._values())
        return self._rare(tag)

    def _rare(self, tag: int) -> object:
        if tag == 102:
            value = float(_F64.unpack_from(self._data, self._pos)[0])
            self._pos += 8
            return value
        if tag == 110:
            name = bytes(self._bytes()).decode()
            return self._classes.named(name) if ":" in name else self._outside(name)
        if tag == 109:
            owner, method = self._value(), bytes(self._bytes()).decode()
            return self._classes.method(owner, method)
        if tag == 112:
            function, args = self._value(), self._value()
            if not isinstance(args, tuple) or not isinstance(function, types.FunctionType | types.MethodType):
                raise BadImage("the image is damaged: a call of what is no function")
            return functools.partial(function, *args)
        raise BadImage(f"the image is damaged: no kind of value has the tag {tag}")
