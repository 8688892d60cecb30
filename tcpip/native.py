"""What the interpreted and the compiled package (mypyc) tell each other. This module itself stays interpreted."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Callable, TypeVar

if TYPE_CHECKING:
    from mypy_extensions import mypyc_attr as mypyc_attr
else:
    T = TypeVar("T")

    def mypyc_attr(*names: str, **values: object) -> Callable[[T], T]:
        """For mypyc, which reads it when it compiles the class. `allow_interpreted_subclasses` marks a seam: without
        it only compiled classes can derive from a compiled one."""
        return lambda cls: cls


def is_compiled() -> bool:
    """The modules that can be compiled are."""
    from tcpip.seqnum import lt

    return not isinstance(lt, FunctionType)


def breathe() -> None:
    """For a loop that may run compiled for long: the interpreter collects garbage (from Python 3.12 on) and runs
    signal handlers only when some function that it interprets, such as this one, is called."""
