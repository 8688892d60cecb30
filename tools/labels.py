"""Labels such as `//runsc:version_test`, and the test files or build targets that they name.

`//a/b:c_test` is tests/unit/a/b/test_c.py, or the file of that name elsewhere below tests/; `//a/b/...` and
`//a/b` are everything that tests a/b; `//pkg/…` is the same as `//…`. A path below tests/ names itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
TESTS: Final = ROOT / "tests"
KINDS: Final = ("unit", "integration", "guest", "e2e")
DEFAULT_TARGETS: Final = ("tcpip", "runsc")
BUILD_TARGETS: Final = (*DEFAULT_TARGETS, "compiled")


class UnknownLabel(Exception):
    """`str()` is one line that names what there is."""


def split_label(label: str) -> tuple[str, str]:
    """Package and name: `//pkg/runsc:version_test` → ("runsc", "version_test")."""
    text = label.removeprefix("//")
    if text == "pkg" or text.startswith("pkg/"):
        text = text.removeprefix("pkg").removeprefix("/")
    package, _, name = text.partition(":")
    return package.strip("/"), name


def build_target(label: str) -> str:
    """`tcpip`, `//tcpip:tcpip`, `//runsc` … → the target's name."""
    package, name = split_label(label)
    target = name or package
    if target not in BUILD_TARGETS or (name and package and package.split("/")[0] != name):
        raise UnknownLabel(f"unknown build target {label!r}; known: {', '.join(BUILD_TARGETS)}")
    return target


def all_test_files() -> list[Path]:
    """Every test file, relative to the repository."""
    return sorted(path.relative_to(ROOT) for path in TESTS.rglob("test_*.py"))


def label_of(path: Path) -> str:
    """The shortest label that names a test file."""
    parts = path.parts[1:-1]
    if parts and parts[0] == "unit":
        parts = parts[1:]
    else:
        parts = ("tests", *parts)
    return f"//{'/'.join(parts)}:{path.stem.removeprefix('test_')}_test"


def find_tests(label: str) -> list[str]:
    """Paths for pytest. UnknownLabel lists labels that come near, or all packages."""
    if (ROOT / label).exists() and Path(label).parts[:1] == ("tests",):
        return [label]
    if label.startswith("tests/") and "::" in label and (ROOT / label.partition("::")[0]).exists():
        return [label]
    package, name = split_label(label)
    recursive = package == "..." or package.endswith("/...")
    package = package.removesuffix("...").rstrip("/")
    places = [Path(package)] if package.split("/")[0] == "tests" else [Path("tests") / kind / package for kind in KINDS]
    if not package and not recursive:
        raise unknown(label)
    if not package:
        places = [Path("tests")]
    if name in ("", "all", "..."):
        found = [str(place) for place in places if (ROOT / place).is_dir()]
        if found and (recursive or not name or name in ("all", "...")):
            return found
        raise unknown(label)
    stem = f"test_{name.removesuffix('_test')}"
    for place in places:
        exact = place / f"{stem}.py"
        if (ROOT / exact).is_file():
            return [str(exact)]
    for place in places:
        below = sorted((ROOT / place).rglob(f"{stem}.py"))
        if below:
            return [str(path.relative_to(ROOT)) for path in below]
    raise unknown(label)


def unknown(label: str) -> UnknownLabel:
    """With the labels of the same package, else the packages."""
    package, _ = split_label(label)
    package = package.removesuffix("...").rstrip("/")
    labels = [label_of(path) for path in all_test_files()]
    near = [known for known in labels if known.startswith((f"//{package}:", f"//{package}/"))]
    shown = near if package and near else sorted({known.partition(":")[0] + "/..." for known in labels})
    return UnknownLabel(f"unknown label {label!r}; known: {' '.join(shown)}")
