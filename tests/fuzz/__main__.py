"""Coverage-guided fuzzing with atheris: `python -m tests.fuzz TARGET [--inputs N] [--seconds S] [--corpus DIR]`.

`python -m tests.fuzz syscalls …` and `… differential …` are fuzzers of the kernel, without atheris: syscalls.py,
differential.py. Ends with status 0 when nothing escaped. What it finds is written to DIR as crash-…; a corpus that has grown is made
small again, and kept in tests/fuzz/corpus, with `--keep`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if sys.argv[1:2] == ["syscalls"]:
    from tests.fuzz import syscalls

    sys.exit(syscalls.main(sys.argv[2:]))
if sys.argv[1:2] == ["differential"]:
    from tests.fuzz import differential

    sys.exit(differential.main(sys.argv[2:]))

import atheris

with atheris.instrument_imports(include=["tcpip"]):
    from tests.fuzz import targets


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=sorted(targets.TARGETS))
    parser.add_argument("--inputs", type=int, default=-1)
    parser.add_argument("--seconds", type=int, default=0)
    parser.add_argument("--corpus", type=Path, default=None)
    parser.add_argument("--seed", type=int, default=0, help="0: another each time")
    parser.add_argument("--keep", action="store_true", help="write the corpus of DIR into the tree, and stop")
    options = parser.parse_args()
    folder: Path = options.corpus or Path("out/fuzz") / options.target
    folder.mkdir(parents=True, exist_ok=True)
    if options.keep:
        targets.write_corpus(options.target, folder)
        return
    for number, data in enumerate(targets.read_corpus(options.target)):
        (folder / f"kept-{number:04}").write_bytes(data)
    arguments = [
        sys.argv[0],
        f"-runs={options.inputs}",
        f"-max_total_time={options.seconds}",
        f"-seed={options.seed}",
        f"-artifact_prefix={folder}/",
        "-max_len=4096",
        "-print_final_stats=1",
        str(folder),
    ]
    atheris.Setup(arguments, targets.TARGETS[options.target]())
    atheris.Fuzz()


main()
