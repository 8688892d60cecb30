"""`runsc uninstall`: what `install` has written is taken back."""

from __future__ import annotations

import os
from typing import Final

from runsc.cmd.install import COMMON, Plan, finish
from runsc.config import Config
from runsc.failure import EXIT_FAILURE
from runsc.flags import Values
from runsc.verb import Verb

DETAILS: Final = (
    "A file that nobody has changed since is again what it was, to the byte; from another one only what `install` added\n"
    "is taken out. The change is shown, then asked about."
)


def run(config: Config, values: Values, words: list[str]) -> int:
    """0 also when there is nothing of ours."""
    from runsc.install import containerd, docker
    from runsc.install.change import read_undo

    plan = Plan(values, words)
    if "docker" in plan.engines:
        plan.changes.append(docker.uninstall(values.text("docker-config", docker.CONFIG)))
        plan.restarts.append(docker.RESTART)
    if "containerd" in plan.engines:
        path = values.text("containerd-config", containerd.CONFIG)
        undo = read_undo(path)
        plan.changes.append(containerd.uninstall(path))
        if undo is not None and undo.link and os.path.islink(undo.link):
            plan.old_link = undo.link
        plan.restarts.append(containerd.RESTART)
    return finish(plan, values)


VERB: Final = Verb(
    "uninstall", "take back what `install` wrote", "[FLAGS] [ENGINE…]", COMMON, EXIT_FAILURE, run, DETAILS
)
