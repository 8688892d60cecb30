"""`python -m tools.linux_peer [--rounds N] [--at-once N] [--seconds S] [--json FILE] [CASE …]`: a table, a line a case.

Of each case a kernel first sends to a kernel, for 20 seconds or 100 MB; then ours moves as many bytes, each way. Every byte
is compared. The figures are Mbit/s until the other end has confirmed everything, the median of the rounds; the same seeds for both.
Needs root, /dev/net/tun, ip and ethtool. Status 1 if bytes were lost or changed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tools.linux_peer.cases import Case, chosen
from tools.linux_peer.lab import Failed, Lab

MOST: Final = 100_000_000
WAYS: Final = ("out", "in")


def rate(case: Case, far: str, way: str, seed: int, seconds: float, size: int) -> tuple[int, float]:
    """Bytes, and Mbit/s."""
    with Lab(case, far, seed) as lab:
        count, took = lab.transfer(way, seconds, size)
    return count, count * 8 / took / 1e6


def measured(case: Case, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Mbit/s of each round, by `kernel out` and so on."""
    found: dict[str, list[float]] = {f"{far} {way}": [] for way in WAYS for far in ("kernel", "stack")}
    for seed in range(1, rounds + 1):
        for way in WAYS:
            count, kernel = rate(case, "kernel", way, seed, max(seconds, case.at_least_s), MOST)
            found[f"kernel {way}"].append(kernel)
            found[f"stack {way}"].append(rate(case, "stack", way, seed, 0, count)[1])
    return found


def line(case: Case, found: dict[str, list[float]]) -> str:
    """One of the table."""
    parts = [f"{case.name:30}"]
    for way in WAYS:
        kernel, stack = (statistics.median(found[f"{far} {way}"]) for far in ("kernel", "stack"))
        parts.append(f"{kernel:10.2f} {stack:10.2f} {stack / kernel:7.2f}")
    return " ".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools.linux_peer", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=1, help="cases at a time")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--json", type=Path)
    parser.add_argument("case", nargs="*")
    options = parser.parse_args()
    os.nice(-10)  # what else the machine does is not measured
    results: dict[str, dict[str, list[float]]] = {}
    failed = False
    print(
        f"{'Mbit/s':30} {'kernel out':>10} {'ours out':>10} {'ratio':>7} {'kernel in':>10} {'ours in':>10} {'ratio':>7}"
    )
    with ThreadPoolExecutor(options.at_once) as pool:
        cases = chosen(options.case)
        begun = [pool.submit(measured, case, options.rounds, options.seconds) for case in cases]
        for case, future in zip(cases, begun, strict=True):
            try:
                results[case.name] = future.result()
                print(line(case, results[case.name]), flush=True)
            except Failed as failure:
                failed = True
                print(f"{case.name:30} {failure}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    return int(failed)


sys.exit(main())
