"""`runsc spec`: write a config.json to start from."""

from __future__ import annotations

import os
from typing import Final

from runsc.config import Config
from runsc.failure import EXIT_FAILURE, RuntimeFailure
from runsc.flags import SWITCH, TEXT, Flag, Values
from runsc.spec.default import default_spec
from runsc.verb import Verb

FLAGS: Final = (
    Flag("bundle", TEXT, "DIR", "where to write config.json (here)", short="b"),
    Flag("rootfs", TEXT, "DIR", "the root directory it names (rootfs)"),
    Flag("terminal", SWITCH, "", "the process gets a terminal (yes, unless words of a command are given)"),
    Flag("rootless", SWITCH, "", "for an ordinary user: no control groups"),
)


def run(config: Config, values: Values, words: list[str]) -> int:
    """A file that is there is left alone."""
    import json

    path = os.path.join(values.text("bundle", "."), "config.json")
    terminal = values.switch("terminal") if values.given("terminal") else not words
    document = default_spec(words, values.text("rootfs", "rootfs"), terminal, values.switch("rootless"))
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except FileExistsError:
        raise RuntimeFailure(f"{path} exists: remove it first") from None
    except OSError as error:
        raise RuntimeFailure(f"{path}: {os.strerror(error.errno or 0)}") from None
    with open(fd, "w", encoding="utf-8") as file:
        file.write(json.dumps(document, indent=2) + "\n")
    return 0


VERB: Final = Verb(
    "spec", "write a config.json to start from", "[FLAGS] [CMD ARGS…]", FLAGS, EXIT_FAILURE, run, command=True
)
