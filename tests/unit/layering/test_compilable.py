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


def functions(module: str) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(ast.parse((ROOT / module).read_text())):
        if isinstance(node, ast.FunctionDef):
            yield node


@pytest.mark.parametrize("module", MODULES)
def test_a_name_is_bound_to_one_type_of_exception_in_a_function(module: str) -> None:
    """The first one is the variable's type: binding another is a TypeError."""
    for function in functions(module):
        types: dict[str, str] = {}
        for node in own_nodes(function):
            if isinstance(node, ast.ExceptHandler) and node.name and node.type:
                text = ast.unparse(node.type)
                assert types.setdefault(node.name, text) == text, f"{function.name}: {node.name}"


@pytest.mark.parametrize("module", MODULES)
def test_no_starred_argument_goes_to_super(module: str) -> None:
    """The tuple itself is passed."""
    for function in functions(module):
        for node in own_nodes(function):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            of = node.func.value
            if isinstance(of, ast.Call) and isinstance(of.func, ast.Name) and of.func.id == "super":
                assert not any(isinstance(argument, ast.Starred) for argument in node.args), function.name


@pytest.mark.parametrize("module", MODULES)
def test_no_class_is_an_abc(module: str) -> None:
    """They would all share the answers that isinstance() remembers. mypy checks abstract methods without it."""
    for node in ast.walk(ast.parse((ROOT / module).read_text())):
        if isinstance(node, ast.ClassDef):
            assert not any(ast.unparse(base) in ("ABC", "abc.ABC") for base in node.bases), node.name
            assert not node.keywords, node.name


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


def test_no_attribute_is_declared_again_in_a_derived_class() -> None:
    """The collector counts it twice, and frees what is still used."""
    classes = {
        node.name: node
        for module in MODULES
        for node in ast.walk(ast.parse((ROOT / module).read_text()))
        if isinstance(node, ast.ClassDef)
    }
    again = []
    for name, node in classes.items():
        declared, _ = attributes(node)
        todo = [ast.unparse(base) for base in node.bases]
        while todo:
            base = classes.get(todo.pop())
            if base is not None:
                again += [f"{name}.{attribute}" for attribute in sorted(declared & attributes(base)[1])]
                todo += [ast.unparse(of) for of in base.bases]
    assert not again


def test_nothing_is_left_for_when_types_are_not_checked() -> None:
    """mypyc takes TYPE_CHECKING for true: an else of it is code that cannot be reached."""
    found = [
        f"{module}:{node.lineno}"
        for module in MODULES
        for node in ast.walk(ast.parse((ROOT / module).read_text()))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and node.orelse
    ]
    assert not found


@pytest.mark.parametrize("module", MODULES)
def test_no_choice_is_spread_out_behind_in(module: str) -> None:
    """`x in (1, *more)` ends mypyc with an assertion."""
    for node in ast.walk(ast.parse((ROOT / module).read_text())):
        if isinstance(node, ast.Compare) and any(isinstance(of, ast.In | ast.NotIn) for of in node.ops):
            choices = [choice for choice in node.comparators if isinstance(choice, ast.Tuple | ast.List)]
            assert not any(isinstance(one, ast.Starred) for choice in choices for one in choice.elts), node.lineno


@pytest.mark.parametrize("module", MODULES)
def test_no_attribute_is_a_keyword_of_c(module: str) -> None:
    """An attribute is a field whose name begins with one more underscore: `_attribute` would be `__attribute`."""
    for node in ast.walk(ast.parse((ROOT / module).read_text())):
        if isinstance(node, ast.ClassDef):
            assert not attributes(node)[1] & KEYWORDS, node.name
