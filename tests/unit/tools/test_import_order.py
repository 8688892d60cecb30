"""The order in which an import executes modules."""

from __future__ import annotations

import ast

from tools.build_executable import TOGETHER
from tools.import_order import ImportOrder, dependencies
from tools.labels import ROOT

PACKAGE = {"p": "", "p.a": "", "p.b": "from p.a import x", "p.c": "import p.b\nfrom p import a"}


def order(sources: dict[str, str]) -> ImportOrder:
    return ImportOrder({name: ast.parse(source) for name, source in sources.items()})


def test_what_is_imported_comes_first() -> None:
    assert order(PACKAGE).closure("p.c", set()) == ["p", "p.a", "p.b", "p.c"]
    assert order(PACKAGE).closure("p.c", {"p", "p.a"}) == ["p.b", "p.c"]


def test_what_may_not_be_executed_is_no_dependency() -> None:
    source = (
        "try:\n    import a\nexcept ImportError: ...\ndef f():\n    import b\nif x:\n    import c\nimport elsewhere\n"
    )
    assert dependencies(ast.parse(source), {"a": 1, "b": 1, "c": 1}) == ["c"]


def test_a_ring_is_left_to_the_import_statement() -> None:
    ring = {"a": "import b\nimport c", "b": "import a", "c": "", "d": "import a"}
    assert order(ring).closure("d", set()) == ["c", "d"]


def test_what_a_start_imports_is_there() -> None:
    for name in (*TOGETHER, *(name for names in TOGETHER.values() for name in names)):
        assert (ROOT / (name.replace(".", "/") + ".py")).exists(), name
