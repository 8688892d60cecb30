"""Which modules a start imports and what each costs: `python3 tools/import_time.py -m runsc version`."""

from __future__ import annotations

import subprocess
import sys


def main() -> int:
    """Print the 25 dearest imports (own time, µs) and the totals."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "importtime", *sys.argv[1:]], capture_output=True, text=True
    )
    rows = []
    for line in done.stderr.splitlines():
        first, _, rest = line.removeprefix("import time:").partition("|")
        if first.strip().isdigit():
            rows.append((int(first), rest.partition("|")[2].strip()))
    rows.sort(reverse=True)
    for own, name in rows[:25]:
        print(f"{own:>7}  {name}")
    print(f"{sum(own for own, _ in rows):>7}  total of {len(rows)} modules")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
