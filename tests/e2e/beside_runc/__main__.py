"""`python -m tests.e2e.beside_runc [-v] [NAME…]`: cases by name (all of them); -v shows the lines of both."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.e2e.beside_runc.cases import CASES
from tests.e2e.beside_runc.compare import both, differences
from tests.e2e.beside_runc.trial import build_probe
from tests.e2e.beside_runc.unlike import reason


def main(words: list[str]) -> int:
    """0: all alike, but for what is meant to be unlike, and is."""
    verbose = "-v" in words
    words = [word for word in words if word != "-v"]
    chosen = [case for case in CASES if not words or any(word in case.name for word in words)]
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        probe = build_probe(Path(folder))
        for case in chosen:
            begin = time.monotonic()
            if verbose:
                print(*map("\n".join, both(case, probe)[:2]), sep="\n=======\n")
            try:
                found = differences(case, probe)
            except Exception as error:
                found = [f"{type(error).__name__}: {error}"]
            why = reason(case.name)
            wrong = bool(found) != bool(why)
            bad += wrong
            head = "UNLIKE" if wrong and found else "ALIKE" if wrong else f"meant ({why})" if found else "ok"
            print(f"{head} {case.name} ({time.monotonic() - begin:.1f} s)", flush=True)
            if wrong:
                print(*found, sep="\n", flush=True)
    print(f"{len(chosen)} cases, {bad} not as they should be")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
