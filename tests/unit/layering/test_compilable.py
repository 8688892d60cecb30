"""What mypyc compiles wrongly without a word stays out of the modules that it compiles."""

from __future__ import annotations

import ast
from typing import Iterator

import pytest

from tools.build_compiled import EVERYTHING
from tools.labels import ROOT

MODULES = EVERYTHING.modules()
# With another underscore before them, to GCC (its manual, "Alternate Keywords", and C's own reserved ones).
KEYWORDS = {
    f"_{word}"
    for word in (
        *("alignof", "asm", "attribute", "complex", "const", "extension", "func", "imag", "inline", "label", "real"),
        *("restrict", "signed", "thread", "typeof", "volatile"),
    )
}
PLAIN = (ast.Constant, ast.Name, ast.Attribute, ast.BinOp)  # numbers and text, which no collector looks at


def own_nodes(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Without those of functions inside it."""
    todo: list[ast.AST] = list(ast.iter_child_nodes(function))
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            todo.extend(ast.iter_child_nodes(node))


def classes(tree: ast.Module) -> Iterator[ast.ClassDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node


def attributes(node: ast.ClassDef) -> tuple[set[str], set[str]]:
    """(those that a class declares with a type, all that it has). A number or text in the class body is no declaration."""
    declared: set[str] = set()
    assigned: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.AnnAssign):
            target, known = inner.target, declared
        elif isinstance(inner, ast.Assign):
            target, known = inner.targets[0], assigned
        else:
            continue
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
            known.add(target.attr)
    for inner in node.body:
        if isinstance(inner, ast.AnnAssign | ast.Assign):
            target = inner.target if isinstance(inner, ast.AnnAssign) else inner.targets[0]
            known = assigned if isinstance(inner.value, PLAIN) else declared
            known.add(ast.unparse(target))
    return declared - {"__slots__"}, declared | assigned


def bound_twice(tree: ast.Module) -> Iterator[str]:
    """A name for exceptions of two types in a function: the first one is the variable's type, binding another is a TypeError."""
    for function in functions(tree):
        types: dict[str, str] = {}
        for node in own_nodes(function):
            if isinstance(node, ast.ExceptHandler) and node.name and node.type:
                text = ast.unparse(node.type)
                if types.setdefault(node.name, text) != text:
                    yield f"{function.name}: {node.name}"


def starred_to_super(tree: ast.Module) -> Iterator[str]:
    """A starred argument for super(): the tuple itself is passed."""
    for function in functions(tree):
        for node in own_nodes(function):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            of = node.func.value
            if isinstance(of, ast.Call) and isinstance(of.func, ast.Name) and of.func.id == "super":
                if any(isinstance(argument, ast.Starred) for argument in node.args):
                    yield function.name


def abstract_classes(tree: ast.Module) -> Iterator[str]:
    """An ABC: they would all share the answers that isinstance() remembers. mypy checks abstract methods without it."""
    for node in classes(tree):
        if node.keywords or any(ast.unparse(base) in ("ABC", "abc.ABC") for base in node.bases):
            yield node.name


def unreachable(tree: ast.Module) -> Iterator[str]:
    """An else of TYPE_CHECKING, which mypyc takes for true."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and node.orelse and ast.unparse(node.test) == "TYPE_CHECKING":
            yield f"line {node.lineno}"


def spread_choices(tree: ast.Module) -> Iterator[str]:
    """`x in (1, *more)` ends mypyc with an assertion."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(isinstance(of, ast.In | ast.NotIn) for of in node.ops):
            choices = [choice for choice in node.comparators if isinstance(choice, ast.Tuple | ast.List)]
            if any(isinstance(one, ast.Starred) for choice in choices for one in choice.elts):
                yield f"line {node.lineno}"


def keywords_of_c(tree: ast.Module) -> Iterator[str]:
    """An attribute is a field whose name begins with one more underscore: `_attribute` would be `__attribute`."""
    for node in classes(tree):
        if attributes(node)[1] & KEYWORDS:
            yield node.name


CHECKS = (bound_twice, starred_to_super, abstract_classes, unreachable, spread_choices, keywords_of_c)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_nothing_of_it(module: str) -> None:
    tree = ast.parse((ROOT / module).read_text())
    assert not [f"{check.__doc__}: {where}" for check in CHECKS for where in check(tree)]


WRONG = """
try: pass
except OSError as error: pass
def f(self):
    super().f(*self.words)
    try: pass
    except OSError as error: pass
    except ValueError as error: pass
class A(ABC):
    def f(self): self._asm = 1
if TYPE_CHECKING: pass
else: pass
x in (1, *more)
"""


def test_each_check_finds_what_it_is_for() -> None:
    tree = ast.parse(WRONG)
    assert [list(check(tree)) for check in CHECKS] == [["f: error"], ["f"], ["A"], ["line 11"], ["line 13"], ["A"]]


def test_no_attribute_is_declared_again_in_a_derived_class() -> None:
    """The collector counts it twice, and frees what is still used."""
    found: dict[str, tuple[list[str], set[str], set[str]]] = {}
    for module in MODULES:
        for node in classes(ast.parse((ROOT / module).read_text())):
            found[node.name] = ([ast.unparse(base) for base in node.bases], *attributes(node))
    again = []
    for name, (bases, declared, _) in found.items():
        todo = list(bases)
        while todo:
            base = todo.pop()
            if base in found:
                again += [f"{name}.{attribute}" for attribute in sorted(declared & found[base][2])]
                todo += found[base][0]
    assert not again
