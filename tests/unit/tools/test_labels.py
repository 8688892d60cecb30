"""Labels of the make targets, and what they lead to."""

from __future__ import annotations

import pytest

from tools.labels import TESTS, UnknownLabel, all_test_files, build_target, find_tests, label_of
from tools.run_tests import command


@pytest.mark.parametrize(
    "label", ["//runsc:version_test", "//pkg/runsc:version_test", "runsc:version_test", "//runsc:version"]
)
def test_one_file(label: str) -> None:
    assert find_tests(label) == ["tests/unit/runsc/test_version.py"]


def test_packages() -> None:
    assert "tests/unit/runsc" in find_tests("//runsc/...")
    assert "tests/unit/runsc" in find_tests("//runsc")
    assert find_tests("//...") == ["tests"]
    assert find_tests("tests/unit/runsc") == ["tests/unit/runsc"]
    assert find_tests("//tests/e2e:status_test") == ["tests/e2e/test_status.py"]


def test_every_file_has_a_label_that_finds_it() -> None:
    for path in all_test_files():
        assert str(path) in find_tests(label_of(path)), path
    assert len(all_test_files()) == len(list(TESTS.rglob("test_*.py")))


@pytest.mark.parametrize("label", ["//runsc:nothing_test", "//nowhere/...", "//runsc:", ":", "//"])
def test_unknown_labels_list_known_ones(label: str) -> None:
    if label in ("//runsc:",):
        assert find_tests(label)
        return
    with pytest.raises(UnknownLabel, match="known: .*//"):
        find_tests(label)


def test_an_unknown_test_of_a_known_package_lists_that_package() -> None:
    with pytest.raises(UnknownLabel, match="//runsc:version_test"):
        find_tests("//runsc:versions_test")


@pytest.mark.parametrize("label", ["tcpip", "//tcpip", "//tcpip:tcpip", "//pkg/tcpip:tcpip", ":tcpip"])
def test_build_targets(label: str) -> None:
    assert build_target(label) == "tcpip"


@pytest.mark.parametrize("label", ["", "gvisor", "//runsc:tcpip", "//tcpip:x"])
def test_unknown_build_targets(label: str) -> None:
    with pytest.raises(UnknownLabel, match="known: tcpip, runsc"):
        build_target(label)


def test_named_tests_run_whole_and_suites_are_filtered() -> None:
    assert "-m" not in command("test", ["//runsc:version_test"], [])[3:]
    assert command("test", [], ["-x"])[-3:] == ["-m", "not slow and not soak", "-x"]
