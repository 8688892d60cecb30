"""`runsc install`: tells Docker and containerd of the runtime. What `uninstall` does is here, too."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Final

from runsc.config import Config
from runsc.failure import EXIT_FAILURE, RuntimeFailure, UsageError
from runsc.flags import SWITCH, TEXT, Flag, Values
from runsc.verb import Verb

if TYPE_CHECKING:
    from runsc.install.change import Change

ENGINES: Final = ("docker", "containerd")
COMMON: Final = (
    Flag("docker-config", TEXT, "FILE", "dockerd's configuration (/etc/docker/daemon.json)"),
    Flag("containerd-config", TEXT, "FILE", "containerd's configuration (/etc/containerd/config.toml)"),
    Flag("path", TEXT, "FILE", "the runtime's executable (this one)"),
    Flag("yes", SWITCH, "", "write without asking", short="y"),
    Flag("dry-run", SWITCH, "", "only show the change"),
)
FLAGS: Final = (*COMMON, Flag("default", SWITCH, "", "Docker: the runtime of every container that names no other"))
DETAILS: Final = (
    "Without ENGINE: those that are on this machine. The change is shown, then asked about. The engine's file is kept\n"
    "beside it (FILE.runsc-undo) for `runsc uninstall`. An engine has to be restarted to take notice."
)


class Plan:
    """All that is to be done for the engines asked for, before anything is."""

    def __init__(self, values: Values, words: list[str]) -> None:
        for word in words:
            if word not in ENGINES:
                raise UsageError(f"unknown engine {word!r}; known: {', '.join(ENGINES)}")
        self.engines = tuple(dict.fromkeys(words)) or tuple(
            name for name in ENGINES if shutil.which("dockerd" if name == "docker" else name)
        )
        if not self.engines:
            raise RuntimeFailure(f"neither Docker nor containerd is on this machine; name one: {' or '.join(ENGINES)}")
        self.runtime = os.path.abspath(values.text("path") or sys.argv[0])
        self.changes: list[Change] = []
        self.link = ""  # to make
        self.old_link = ""  # to remove
        self.restarts: list[str] = []

    def done(self) -> bool:
        """There is nothing to do."""
        return not (self.link or self.old_link) and all(change.before == change.after for change in self.changes)

    def shown(self) -> str:
        """For people."""
        text = "".join(change.shown() for change in self.changes)
        if self.link:
            text += f"new link {self.link} -> {os.path.basename(self.runtime)}\n"
        return text + (f"remove link {self.old_link}\n" if self.old_link else "")

    def carry_out(self) -> None:
        """RuntimeFailure."""
        try:
            if self.link:
                os.symlink(os.path.basename(self.runtime), self.link)
            for change in self.changes:
                change.write()
            if self.old_link:
                os.unlink(self.old_link)
        except OSError as error:
            raise RuntimeFailure(f"{error.filename2 or error.filename}: {os.strerror(error.errno or 0)}") from None


def run(config: Config, values: Values, words: list[str]) -> int:
    """0 also when it is done already."""
    from runsc.install import containerd, docker
    from runsc.install.change import Undo, digest

    plan = Plan(values, words)
    runtime = plan.runtime
    if not (os.path.isfile(runtime) and os.access(runtime, os.X_OK)):
        raise RuntimeFailure(f"--path: {runtime} is not an executable file")
    if values.switch("default") and "docker" not in plan.engines:
        raise UsageError("--default is for docker: Kubernetes has RuntimeClass")
    if "docker" in plan.engines:
        path = values.text("docker-config", docker.CONFIG)
        plan.changes.append(docker.install(path, runtime, values.switch("default")))
        plan.restarts.append(docker.RESTART)
    if "containerd" in plan.engines:
        change = containerd.install(values.text("containerd-config", containerd.CONFIG))
        link = containerd.shim_link(runtime)
        if not os.path.lexists(link):
            plan.link = link
            change.undo = change.undo or Undo(change.before, digest(change.before or ""))
            change.undo.link = link
        plan.changes.append(change)
        plan.restarts.append(containerd.RESTART)
    return finish(plan, values)


def finish(plan: Plan, values: Values) -> int:
    """Show, ask, do."""
    if plan.done():
        if not values.switch("dry-run"):
            plan.carry_out()  # an undo file that nothing needs any more
        _say("nothing to change\n")
        return 0
    _say(plan.shown())
    if values.switch("dry-run"):
        return 0
    if not values.switch("yes"):
        _say("Write this? [y/N] ")
        if sys.stdin is None or sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise RuntimeFailure("nothing is changed: answer y, or give --yes")
    plan.carry_out()
    _say(f"done; to take notice: {'; '.join(plan.restarts)}\n")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


VERB: Final = Verb(
    "install", "tell Docker and containerd of the runtime", "[FLAGS] [ENGINE…]", FLAGS, EXIT_FAILURE, run, DETAILS
)
