"""tcpip imports nothing of ours, sandbox only tcpip, runsc those two, stackbox nothing (it runs runsc); protocol code does no I/O of its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
OURS = ("tcpip", "sandbox", "runsc", "stackbox", "tools", "tests")
MAY_IMPORT = {
    "tcpip": {"tcpip"},
    "sandbox": {"tcpip", "sandbox"},
    "runsc": {"tcpip", "sandbox", "runsc"},
    "stackbox": {"stackbox"},
    "tools": {"tcpip", "sandbox", "runsc", "tools"},
}
PURE = ("tcpip/header", "tcpip/network", "tcpip/transport", "tcpip/stack")
HOST_MODULES = {"socket", "os", "time", "threading", "logging", "subprocess", "select"}


def imported(path: Path) -> set[str]:
    """Top-level names of every module that a file imports, at any depth of nesting."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
        elif isinstance(node, ast.ImportFrom) and node.level:
            raise AssertionError(f"{path}: relative import")
    return names


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_imports_point_one_way(package: str) -> None:
    wrong = []
    for path in (ROOT / package).rglob("*.py"):
        for name in imported(path) & set(OURS):
            if name not in MAY_IMPORT[package]:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


def test_protocol_code_does_not_touch_the_host() -> None:
    wrong = []
    for folder in PURE:
        for path in (ROOT / folder).rglob("*.py"):
            for name in imported(path) & HOST_MODULES:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


def test_protocol_code_uses_only_the_random_source_it_is_given() -> None:
    wrong = []
    for folder in PURE:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "random":
                    if node.attr != "Random":
                        wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} uses random.{node.attr}")
    assert not wrong


def test_scapy_stays_out_of_the_product() -> None:
    wrong = []
    for package in ("tcpip", "sandbox", "runsc"):
        for path in (ROOT / package).rglob("*.py"):
            if imported(path) & {"scapy", "pytest", "hypothesis", "argparse", "asyncio"}:
                wrong.append(str(path.relative_to(ROOT)))
    assert [
        path for path in wrong if not path.startswith("tcpip/adapters/") and not path.startswith("tcpip/cli/")
    ] == []
