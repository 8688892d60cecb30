"""`runsc run --bundle DIR ID`: an OCI bundle, in the foreground, until its process ends."""

from __future__ import annotations

import os
from typing import Final

from runsc.config import Config
from runsc.container_id import ContainerId
from runsc.failure import EXIT_FAILURE, RuntimeFailure, UsageError
from runsc.flags import SECONDS, SWITCH, TEXT, Flag, Values
from runsc.verb import Verb

FLAGS: Final = (
    Flag("bundle", TEXT, "DIR", "the bundle: config.json and the root directory (here)"),
    Flag("pid-file", TEXT, "FILE", "write the sandbox's host process id there"),
    Flag("timeout", SECONDS, "TIME", "kill everything inside after TIME (10, 1.5s, 2m; 0: never)"),
    Flag("summary", SWITCH, "", "say at the end what happened on the network"),
)
DETAILS: Final = (
    "The root directory is not changed: writes go to a private layer that is gone at the end.\n"
    "Exit status: the process's, 128 + N if signal N ended it, 1 if the container could not be run."
)


def run(config: Config, values: Values, words: list[str]) -> int:
    """The process's exit status."""
    if len(words) != 1:
        raise UsageError("run needs one container id: runsc run --bundle DIR ID")
    from runsc.oci import options_of
    from runsc.runtime import run_sandbox
    from runsc.spec.load import load_bundle

    container = ContainerId(config.root, words[0])
    bundle = os.path.abspath(values.text("bundle", "."))
    spec = load_bundle(bundle)
    if spec.process is not None and spec.process.terminal and not os.isatty(0):
        raise RuntimeFailure("process.terminal is true, but stdin is not a terminal")
    container.claim()
    try:
        options = options_of(spec, bundle, config)
        options.limits.timeout_ns = values.number("timeout") or 0
        options.summary = values.switch("summary")
        options.pid_file = values.text("pid-file")
        return run_sandbox(options, config, EXIT_FAILURE)
    finally:
        container.release()


VERB: Final = Verb("run", "run an OCI bundle", "--bundle DIR ID", FLAGS, EXIT_FAILURE, run, DETAILS)
