"""Source without types: the same program."""

from __future__ import annotations

import ast
from importlib import import_module

import pytest

from tools.labels import ROOT
from tools.strip_types import FROM_C, stripped

CASES = [
    ("def f(a: int, *b: str, c: int = 1, **d: int) -> None: ...", "def f(a, *b, c=1, **d): ..."),
    ("async def f() -> int: return 1", "async def f():\n    return 1"),
    ("from typing import Final\nX: Final = 1", "X = 1"),
    ("class A:\n    x: int", "class A:\n    pass"),
    ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import x", "pass"),
    ("if TYPE_CHECKING:\n    import x\nelse:\n    y = 1", "y = 1"),
    ("from typing import Protocol\nclass A(Protocol):\n    x = 1", "class A:\n    x = 1"),
    ("from typing import Generic, TypeVar\nT = TypeVar('T')\nclass A(B, Generic[T]):\n    pass", "pass\n\nclass A(B):\n    pass"),
    ("from typing import Callable\nF = Callable[[], None]", "from _collections_abc import Callable\nF = Callable[[], None]"),
    ("from typing import Any, cast\nx = cast(Any, 1)", "from typing import Any, cast\nx = cast(Any, 1)"),
    ("from __future__ import annotations\nx = 1", "x = 1"),
    ("from collections.abc import Callable\ndef f(x: Callable[[], int]): ...", "def f(x): ..."),
    ("from collections import deque, namedtuple\nx = deque, namedtuple", "from _collections import deque\nfrom collections import namedtuple\nx = deque, namedtuple"),
    ("from random import Random\ndef f(x: Random) -> None: ...", "def f(x): ..."),
    ("'what it is'\nclass A:\n    'x'\n    def f(self):\n        'y'\n        return 1", "'what it is'\nclass A:\n    def f(self):\n        return 1"),
    ("def f():\n    'y'", "def f():\n    pass"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "result"), CASES)
def test_what_only_a_checker_reads_is_gone(source: str, result: str) -> None:
    assert ast.unparse(stripped(source)) == ast.unparse(ast.parse(result))


def test_what_a_sandbox_imports_needs_no_typing() -> None:
    for package in ("sandbox", "runsc"):
        for path in (ROOT / package).rglob("*.py"):
            assert "typing" not in {
                node.module for node in ast.walk(stripped(path.read_text())) if isinstance(node, ast.ImportFrom)
            }, path


def test_names_are_where_they_are_taken_from() -> None:
    for module, (c_module, names) in FROM_C.items():
        if module == "typing":
            continue  # its own are other objects
        for name in names:
            assert getattr(import_module(c_module), name) is getattr(import_module(module), name), (module, name)


def test_nobody_asks_for_annotations() -> None:
    for package in ("tcpip", "sandbox", "runsc"):
        for path in (ROOT / package).rglob("*.py"):
            source = path.read_text()
            for word in ("__annotations__", "get_type_hints", "dataclass", "NamedTuple", "TypedDict"):
                assert word not in source, path
