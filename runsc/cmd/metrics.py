"""`runsc metrics [ID]`: what containers use and their sandboxes have counted, for Prometheus."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from runsc.config import Config
from runsc.failure import EXIT_FAILURE, RuntimeFailure, UsageError
from runsc.flags import Values
from runsc.verb import Verb

if TYPE_CHECKING:
    from runsc.container.container import Container
    from runsc.container.prometheus import Samples


def run(config: Config, values: Values, words: list[str]) -> int:
    """On stdout. One container must answer; of all those that run, who does not has `up` 0."""
    if len(words) > 1:
        raise UsageError(f"metrics takes one container id: {words[1]!r} is one too many")
    from runsc.container import status, store
    from runsc.container.container import load
    from runsc.container.prometheus import Samples

    samples = Samples()
    if words:
        container = load(config.root, words[0])
        container.check(status.PS)
        add(samples, container)
    else:
        for name in store.names(config.root):
            try:
                container = load(config.root, name)
            except RuntimeFailure as failure:  # deleted meanwhile, or broken
                config.log.write("warning", f"{name}: {failure}")
                continue
            try:
                if container.state.pid and container.lives():
                    add(samples, container)
            except RuntimeFailure as failure:
                config.log.write("warning", f"{name}: {failure}")
                if container.lives():
                    samples.add("container_up", 0, id=name)
    sys.stdout.write(samples.text())
    sys.stdout.flush()
    return 0


def add(samples: Samples, container: Container) -> None:
    """What one says. RuntimeFailure when it says nothing."""
    from runsc.container.container import ASK_S
    from runsc.container.process import resident_bytes
    from runsc.container.prometheus import add_container, add_sandbox
    from sandbox.control import wire

    used = container.call(wire.STATS, timeout_s=ASK_S)
    samples.add("container_up", 1, id=container.name)
    add_container(samples, container.name, used)
    if not container.state.sandbox:  # a further container of a pod: the sandbox's own tells what they share
        add_sandbox(samples, container.name, used, resident_bytes(container.state.pid))


VERB: Final = Verb(
    "metrics", "print what containers use, as Prometheus's text", "[ID]", (), EXIT_FAILURE, run, "Without ID: of all."
)
