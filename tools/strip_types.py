"""Source without what only a type checker reads: the executable's byte code is made from it.

Annotations are gone, and with them the imports of `typing`, whose import costs a tenth of a start; and so are docstrings of
functions and classes. What comes from C comes from there directly, without the modules around it. Line numbers, names and
the docstrings of modules, which some print, stay as they are. Modules of ours have `from __future__ import annotations` and
ask nobody for `__annotations__`; a test holds that.
"""

from __future__ import annotations

import ast
from typing import Final

# Of typing, what is a class of collections.abc: loaded by every start of Python, under this name.
ABSTRACT: Final = ("Callable", "Sequence", "Iterator", "Iterable", "Mapping", "Hashable")
ABSTRACT_MODULE: Final = "_collections_abc"
# Where else names of the standard library come from; what nobody needs but for types is not imported at all.
FROM_C: Final = {
    "bisect": ("_bisect", ("bisect_left", "bisect_right", "insort_right")),
    "collections": ("_collections", ("OrderedDict", "deque")),
    "collections.abc": (ABSTRACT_MODULE, ABSTRACT),
    "functools": ("_functools", ("partial",)),
    "heapq": ("_heapq", ("heapify", "heappop", "heappush")),
    "random": ("random", ("Random",)),
    "typing": (ABSTRACT_MODULE, ABSTRACT),
}
ONLY_TYPES: Final = ("Protocol", "Generic")  # as bases they do nothing once nobody checks


def stripped(source: str) -> ast.Module:
    """The module's tree, without types."""
    tree = ast.parse(source)
    _Stripper().visit(tree)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    _drop_imports(tree, names)
    return ast.fix_missing_locations(tree)


def _is_checking(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


class _Stripper(ast.NodeTransformer):
    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        self.generic_visit(node)
        _drop_docstring(node)
        node.returns = None
        arguments = node.args
        for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
            argument.annotation = None
        for extra in (arguments.vararg, arguments.kwarg):
            if extra is not None:
                extra.annotation = None
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        self.generic_visit(node)
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)  # a declaration
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        if not _is_checking(node.test):
            return node
        return node.orelse or [ast.copy_location(ast.Pass(), node)]

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        _drop_docstring(node)
        node.bases = [base for base in node.bases if not _is_only_a_type(base)]
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self.generic_visit(node)
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "TypeVar":
            return ast.copy_location(ast.Pass(), node)
        return node


def _is_only_a_type(base: ast.expr) -> bool:
    if isinstance(base, ast.Subscript):
        base = base.value
    return isinstance(base, ast.Name) and base.id in ONLY_TYPES


def _drop_docstring(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        node.body[:1] = [] if len(node.body) > 1 else [ast.copy_location(ast.Pass(), first)]


def _drop_imports(tree: ast.Module, names: set[str]) -> None:
    body: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module in FROM_C:
            left = [alias for alias in node.names if (alias.asname or alias.name) in names]
            c_module, in_c = FROM_C[node.module]
            for module, found in (
                (c_module, [alias for alias in left if alias.name in in_c]),
                (node.module, [alias for alias in left if alias.name not in in_c]),
            ):
                if found:
                    body.append(ast.copy_location(ast.ImportFrom(module, found, 0), node))
        elif not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            body.append(node)
    tree.body = body
