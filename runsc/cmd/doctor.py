"""`runsc doctor`: what this host offers, what is in use, what each missing rung needs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from runsc.config import Config
from runsc.failure import UsageError
from runsc.flags import SWITCH, Flag, Values
from runsc.log import printable
from runsc.verb import Verb

if TYPE_CHECKING:
    from sandbox.boot.host_report import Finding

FLAGS: Final = (Flag("json", SWITCH, "", "as JSON"),)
EXIT_CANNOT_RUN: Final = 2
SUMMARIES: Final = ("all well", "works, with less", "cannot run")


def as_table(findings: list[Finding], status: int) -> str:
    """A line for each, and one below for what is missing; then what it comes to."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.state:<8} {finding.name:<21} {printable(finding.found)}")
        if finding.needs:
            lines.append(f"{'':<8} {'':<21} needs: {printable(finding.needs)}")
    return "\n".join([*lines, SUMMARIES[status]]) + "\n"


def as_json(findings: list[Finding], status: int) -> str:
    """One object."""
    import json

    rows = [{"name": f.name, "state": f.state, "found": f.found, "needs": f.needs or None} for f in findings]
    return json.dumps({"status": status, "summary": SUMMARIES[status], "findings": rows}, indent=2) + "\n"


def run(config: Config, values: Values, words: list[str]) -> int:
    """0: all well; 1: works with less; 2: cannot run."""
    if words:
        raise UsageError(f"doctor takes no arguments: {words[0]!r}")
    from sandbox.boot import host_report
    from sandbox.boot.trial import try_start
    from tcpip.native import is_compiled

    findings = host_report.examine(host_report.Host(), try_start(), is_compiled())
    status = host_report.status(findings)
    sys.stdout.write(as_json(findings, status) if values.switch("json") else as_table(findings, status))
    sys.stdout.flush()
    return status


VERB: Final = Verb(
    "doctor",
    "say what this host offers to sandboxes, and what is missing",
    "[--json]",
    FLAGS,
    EXIT_CANNOT_RUN,
    run,
    "Exit status 0: all well; 1: works with less; 2: cannot run. Starts an empty guest process and makes a control group\n"
    "to see whether it may; both are gone at the end.",
)
