"""The table of RFCs names files that there are, and has every RFC that a module says it implements."""

from __future__ import annotations

import re

from tools.labels import ROOT

README = (ROOT / "tcpip" / "README.md").read_text()
TABLE = README.partition("## Conformance")[2].partition("Left out, and why")[0]


def rows() -> list[list[str]]:
    found = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in TABLE.splitlines() if line.startswith("|")
    ]
    return [row for row in found[2:] if len(row) == 4]


def test_modules_and_tests_exist() -> None:
    assert len(rows()) > 30
    for name, modules, tests, _ in rows():
        for path in re.findall(r"`([^`]+)`", modules):
            assert (ROOT / "tcpip" / path).is_file(), (name, path)
        for path in re.findall(r"`([^`]+)`", tests):
            assert (ROOT / "tests" / "unit" / "tcpip" / path).exists(), (name, path)
        assert re.search(r"`", modules) and re.search(r"`", tests), name


def test_every_implemented_rfc_is_listed() -> None:
    listed = set(re.findall(r"\b\d{3,4}\b", " ".join(row[0] for row in rows())))
    missing = {}
    for path in (ROOT / "tcpip").rglob("*.py"):
        found = re.search(r"^Implements: (.*?)(?:\nDeviates|\n\n|\"\"\")", path.read_text(), re.DOTALL | re.MULTILINE)
        if found is not None:
            for number in re.findall(r"RFC (\d+)", found[1]):
                if number not in listed:
                    missing.setdefault(number, []).append(str(path.relative_to(ROOT)))
    assert not missing
