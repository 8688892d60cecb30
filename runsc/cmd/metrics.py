"""`runsc metrics [ID]`: what containers use and their sandboxes have counted, for Prometheus."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from runsc.config import Config
from runsc.failure import EXIT_FAILURE, RuntimeFailure, UsageError
from runsc.flags import TEXT, Flag, Values
from runsc.verb import Verb

if TYPE_CHECKING:
    from runsc.container.container import Container
    from runsc.container.prometheus import Samples

FLAGS: Final = (Flag("listen", TEXT, "[ADDR:]PORT", "serve it over HTTP"),)


def run(config: Config, values: Values, words: list[str]) -> int:
    """On stdout, or over HTTP."""
    if len(words) > 1:
        raise UsageError(f"metrics takes one container id: {words[1]!r} is one too many")
    if values.given("listen"):
        import signal

        from runsc.container.metrics_server import serve

        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        serve(values.text("listen"), lambda: collect(config, words), _say)
    else:
        _say(collect(config, words))
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def collect(config: Config, words: list[str]) -> str:
    """One container must answer; of all those that run, who does not has `up` 0."""
    from runsc.container import status, store
    from runsc.container.container import load
    from runsc.container.prometheus import Samples

    samples = Samples()
    if words:
        container = load(config.root, words[0])
        container.check(status.ASK)
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
    return samples.text()


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
    "metrics",
    "print what containers use, as Prometheus's text",
    "[--listen [ADDR:]PORT] [ID]",
    FLAGS,
    EXIT_FAILURE,
    run,
    "Without ID: of all. With --listen: at http://ADDR:PORT/metrics (ADDR: 127.0.0.1) until SIGINT or SIGTERM.",
)
