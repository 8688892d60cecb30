"""`runsc run --bundle DIR ID`: create and start; in the foreground until its process ends, unless detached."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from runsc.cmd.create import CREATE_FLAGS, one_id, preserved
from runsc.config import Config
from runsc.failure import EXIT_FAILURE, RuntimeFailure, UsageError
from runsc.flags import SECONDS, SWITCH, Flag, Values
from runsc.verb import Verb

if TYPE_CHECKING:
    from runsc.container.create import Creation, Request

FLAGS: Final = (
    *CREATE_FLAGS,
    Flag("detach", SWITCH, "", "return once the process runs", short="d"),
    Flag("keep", SWITCH, "", "do not delete the container when its process has ended"),
    Flag("no-subreaper", SWITCH, "", "nothing to do: orphans inside are the container's first process's"),
    Flag("timeout", SECONDS, "TIME", "kill everything inside after TIME (10, 1.5s, 2m; 0: never)"),
    Flag("summary", SWITCH, "", "say at the end what happened on the network"),
)
DETAILS: Final = (
    "Writes to the root are real unless --overlay is given.\n"
    "Exit status: the process's, 128 + N if signal N ended it, 1 if the container could not be run."
)


def run(config: Config, values: Values, words: list[str]) -> int:
    """The process's exit status; 0 when detached."""
    name = one_id(words, "run")
    detached = values.switch("detach")
    for flag in ("timeout", "summary"):
        if detached and values.given(flag):
            raise UsageError(f"--{flag}: nobody is there to keep it with --detach")
    request = request_of(name, values)
    request.preserve_fds = preserved(values)
    request.publish = values.list("publish")
    request.timeout_ns = values.number("timeout") or 0
    request.summary = values.switch("summary")
    return carry_out(request, config, values.switch("keep"))


def request_of(name: str, values: Values) -> Request:
    """A container of the bundle, as the flags that `run` and `restore` share ask for it. RuntimeFailure, UsageError."""
    from runsc.container.console import check_console
    from runsc.container.create import Request
    from runsc.spec.load import load_bundle

    bundle = os.path.realpath(values.text("bundle") or ".")
    spec = load_bundle(bundle)
    assert spec.process is not None
    request = Request(name, bundle, spec)
    request.attached = not values.switch("detach")
    request.console_socket = values.text("console-socket")
    request.pid_file = values.text("pid-file")
    request.pidfd_socket = values.text("pidfd-socket")
    check_console(spec.process.terminal, request.console_socket, not request.attached)
    if spec.process.terminal and request.attached and not os.isatty(0):
        raise RuntimeFailure("process.terminal is true, but stdin is not a terminal")
    return request


def carry_out(request: Request, config: Config, keep: bool) -> int:
    """Create and start it: the process's exit status, 0 when detached."""
    from runsc.container.create import Creation
    from runsc.container.start import start

    creation = Creation(request, config)
    container = creation.create()
    try:
        if request.attached:
            creation.launcher.take_terminal()
        start(container, config.log)
    except BaseException:
        from runsc.container.destroy import delete

        creation.launcher.leave_terminal()
        delete(container, config.log)
        raise
    return wait(creation, config, keep) if request.attached else 0


def wait(creation: Creation, config: Config, keep: bool) -> int:
    """Until the sandbox has ended; everything of it goes."""
    from runsc.container.destroy import delete
    from runsc.runtime import status_of

    try:
        outcome = creation.launcher.run()
    finally:
        if not keep:
            delete(creation.container, config.log)
    return status_of(outcome, config, creation.request.timeout_ns, EXIT_FAILURE)


VERB: Final = Verb("run", "run an OCI bundle", "--bundle DIR ID", FLAGS, EXIT_FAILURE, run, DETAILS)
