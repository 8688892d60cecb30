"""In what order modules of ours are executed when one of them is imported, from their sources.

The executable has what a start imports together in pieces (build_executable.py), each a module's closure in this order:
whatever a module imports when it is executed comes before it. Modules that import each other in a ring are left out: which
of them is executed first is for the import statement to find out. So is what is imported within `try`.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def dependencies(tree: ast.Module, names: Mapping[str, object]) -> list[str]:
    """What a module's execution imports of `names`, in order; packages before what is in them."""
    found: dict[str, None] = {}
    for node in _executed(tree.body):
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        else:
            assert isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None
            wanted = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in wanted:
            parts = name.split(".")
            found.update(dict.fromkeys(".".join(parts[:end]) for end in range(1, len(parts) + 1)))
    return [name for name in found if name in names]


def _executed(body: list[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """Imports that nothing but a condition keeps from being executed."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If | ast.ClassDef):
            yield from _executed(node.body)
            yield from _executed(getattr(node, "orelse", []))


class ImportOrder:
    """`trees`: the modules by name."""

    def __init__(self, trees: Mapping[str, ast.Module]) -> None:
        self._needs = {name: dependencies(tree, trees) for name, tree in trees.items()}
        self._in_ring = {name for name in trees if self._reaches(name, name)}

    def _reaches(self, start: str, end: str) -> bool:
        seen: set[str] = set()
        waiting = list(self._needs[start])
        while waiting:
            name = waiting.pop()
            if name == end:
                return True
            if name not in seen:
                seen.add(name)
                waiting += self._needs[name]
        return False

    def closure(self, root: str, known: set[str]) -> list[str]:
        """What importing `root` executes before it, and `root`; without `known`, which are taken for executed."""
        order: list[str] = []
        seen = set(known)

        def visit(name: str) -> None:
            seen.add(name)
            for needed in self._needs[name]:
                if needed not in seen:
                    visit(needed)
            if name not in self._in_ring:
                order.append(name)

        visit(root)
        return order
