"""Runs modules of CPython's own tests and prints the outcome of every single test, one a line.

A test that fails or errors is run once more, alone: what passes then is told as passed (time-outs on a busy machine).
"""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

BOUND_S = 1200
# Of the network only this machine.
RESOURCES = {"test_socketserver": "network", "test_largefile": "largefile"}
LEFT_OUT: dict[str, str] = {}


def run(module: str, matches: list[str]) -> dict[str, str]:
    """Test → `ok`, `skipped`, or what failed. The key "" is how the run itself ended."""
    file = f"/tmp/junit-{module}.xml"
    resources = ",".join(["none", "subprocess", "cpu", *RESOURCES.get(module, "").split()])
    words = [sys.executable, "-X", "utf8", "-m", "test", "--junit-xml", file, "--tempdir", "/tmp", "-u", resources]
    if module in LEFT_OUT:
        words += ["-i", LEFT_OUT[module]]
    for match in matches:
        words += ["-m", match]
    environment = {**os.environ, "TERM": "xterm", "HOME": "/root"}
    try:
        done = subprocess.run(
            [*words, "--timeout", str(BOUND_S), module], capture_output=True, env=environment, timeout=BOUND_S + 30
        )
        text, found = done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace"), {"": ""}
        if not os.path.exists(file) and "Ran" not in text and done.returncode not in (0, 4):
            found[""] = f"ended with {done.returncode}: {text[-300:]!r}"
    except subprocess.TimeoutExpired as error:
        text, found = (error.stdout or b"").decode(errors="replace"), {"": f"did not end in {BOUND_S} s"}
    sys.stderr.write(text)
    if os.path.exists(file):
        for case in ElementTree.parse(file).iter("testcase"):
            name = case.get("name", "")
            outcome = "ok"
            for kind in ("skipped", "failure", "error"):
                for _element in case.iter(kind):
                    outcome = "skipped" if kind == "skipped" else kind
            found[name] = outcome
        os.unlink(file)
    else:
        found.setdefault("module", "skipped" if "skipped" in text else "no result")
    return found


def main() -> None:
    for module in sys.argv[1:]:
        found = run(module, [])
        bad = [name for name, outcome in found.items() if outcome in ("failure", "error")]
        if bad and len(bad) < 40:
            patterns = [re.sub(r"\[[^]]*\]| \(.*", "", name) for name in bad]
            again = run(module, patterns)
            found.update({name: again[name] for name in bad if name in again})
        for name, outcome in sorted(found.items()):
            if name or outcome:
                print(f"{module} {name}: {outcome}".replace("\n", " "))
        sys.stdout.flush()


main()
