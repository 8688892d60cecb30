"""`python -m tests.asyncio_suite [MODULE | MODULE.CLASS.TEST ...]`: status 0 when all pass that are not in `left_out`."""

from __future__ import annotations

import argparse
import importlib
import sys
import unittest
from collections.abc import Iterator

from tests.asyncio_suite import in_process, package
from tests.asyncio_suite.left_out import LEFT_OUT, MODULES

PEERS = ("utils", "functional")


def _each(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _each(test)
        else:
            yield test


def _short(test: unittest.TestCase) -> str:
    """MODULE.CLASS.TEST."""
    return test.id().removeprefix("test.test_asyncio.")


def _why_left_out(name: str) -> str | None:
    module, _, rest = name.partition(".")
    for pattern, reason in LEFT_OUT.items():
        if name == pattern or name.startswith(pattern + ".") or f"{module}.*.{rest.rpartition('.')[2]}" == pattern:
            return reason
    return None


def load(names: list[str]) -> tuple[list[unittest.TestCase], dict[str, str]]:
    """The tests to run, and those left out with the reason."""
    chosen: list[unittest.TestCase] = []
    left: dict[str, str] = {}
    for module_name in dict.fromkeys(name.split(".")[0] for name in names):
        module = importlib.import_module(f"test.test_asyncio.{module_name}")
        in_process.adapt(module)
        for test in _each(unittest.defaultTestLoader.loadTestsFromModule(module)):
            name = _short(test)
            if not any(name == wanted or name.startswith(wanted + ".") for wanted in names):
                continue
            reason = None if name in names else _why_left_out(name)
            if reason is None:
                chosen.append(test)
            else:
                left[name] = reason
    return chosen, left


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.asyncio_suite", description=__doc__)
    parser.add_argument("names", nargs="*", default=list(MODULES), metavar="MODULE[.CLASS[.TEST]]")
    parser.add_argument("-v", "--verbose", action="store_true", help="each test by name")
    parser.add_argument("-l", "--left-out", action="store_true", help="print what is left out, and why")
    options = parser.parse_args()
    package.provide()
    in_process.install()
    for peer in PEERS:
        in_process.adapt(importlib.import_module(f"test.test_asyncio.{peer}"))
    in_process.adapt(importlib.import_module("test.support.socket_helper"))
    tests, left = load(options.names)
    if options.left_out:
        for name, reason in left.items():
            print(f"{name}: {reason}")
        return 0
    result = unittest.TextTestRunner(verbosity=2 if options.verbose else 1).run(unittest.TestSuite(tests))
    print(f"{result.testsRun} run, {len(result.skipped)} skipped, {len(left)} left out")
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main())
