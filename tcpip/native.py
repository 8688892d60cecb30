"""`allow_interpreted_subclasses`: marks the classes that are seams where the package is compiled (mypyc).

A compiled class can be the base of compiled classes only, unless it is marked. The mark means nothing to the interpreter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, TypeVar

if TYPE_CHECKING:
    from mypy_extensions import mypyc_attr as mypyc_attr
else:
    T = TypeVar("T")

    def mypyc_attr(*attrs: str, **values: object) -> Callable[[T], T]:
        """What mypyc reads when it compiles the class."""
        return lambda cls: cls
