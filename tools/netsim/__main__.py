"""`python -m tools.netsim [-v] [--capture FOLDER] SEED [TO]`: run one seed, or all from SEED to TO; 1 when one fails."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from pathlib import Path

from tools.netsim.world import World


def replay_command(seed: int) -> str:
    """What shows a failure again."""
    return f"python -m tools.netsim -v {seed}"


def run_seed(seed: int, verbose: bool, folder: Path | None) -> bool:
    """True when all held."""
    world = World(seed, folder)
    begun = time.monotonic()
    try:
        world.run()
    except Exception as error:
        if verbose:
            print(world.describe())
            traceback.print_exc(file=sys.stdout)
        print(f"seed {seed}: {type(error).__name__}: {error}\nagain: {replay_command(seed)}", flush=True)
        return False
    if verbose:
        print(world.describe())
    took = time.monotonic() - begun
    virtual = world.clock.now_ns() / 1e9 - 1000
    print(f"seed {seed}: {world.frames()} frames, {virtual:.0f} s in {took:.2f} s, {world.digest()}", flush=True)
    return True


def main() -> int:
    """Arguments as above."""
    parser = argparse.ArgumentParser(prog="python -m tools.netsim", description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("to", type=int, nargs="?")
    parser.add_argument("-v", "--verbose", action="store_true", help="what was drawn, and how far it came")
    parser.add_argument("--capture", type=Path, metavar="FOLDER", help="a pcapng file for each interface")
    arguments = parser.parse_args()
    last = arguments.seed if arguments.to is None else arguments.to
    results = [run_seed(s, arguments.verbose, arguments.capture) for s in range(arguments.seed, last + 1)]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
