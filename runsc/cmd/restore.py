"""`runsc restore --image-path DIR --bundle DIR ID`: a new container that goes on where a checkpoint was made."""

from __future__ import annotations

import os
from typing import Final

from runsc.cmd.checkpoint import IMAGE_NAME
from runsc.cmd.create import one_id
from runsc.cmd.run import wait
from runsc.config import Config
from runsc.failure import EXIT_FAILURE, RuntimeFailure
from runsc.flags import SWITCH, TEXT, Flag, Values
from runsc.verb import Verb

FLAGS: Final = (
    Flag("image-path", TEXT, "DIR", "where the image is (./checkpoint)"),
    Flag("bundle", TEXT, "DIR", "the bundle: config.json and the root directory (here)", short="b"),
    Flag("console-socket", TEXT, "PATH", "a Unix socket that gets the terminal's master"),
    Flag("detach", SWITCH, "", "return once the processes run", short="d"),
    Flag("keep", SWITCH, "", "do not delete the container when its process has ended"),
    Flag("pid-file", TEXT, "FILE", "write the sandbox's host process id there"),
)
DETAILS: Final = (
    "The bundle's root and mounts must be those that the container had; its process is not started anew.\n"
    "An image is trusted as the container is: docs/checkpoint.md."
)


def run(config: Config, values: Values, words: list[str]) -> int:
    """The process's exit status; 0 when detached."""
    name = one_id(words, "restore")
    from runsc.container.console import check_console
    from runsc.container.create import Creation, Request
    from runsc.container.destroy import delete
    from runsc.container.start import start
    from runsc.spec.load import load_bundle

    detached = values.switch("detach")
    bundle = os.path.abspath(values.text("bundle", "."))
    spec = load_bundle(bundle)
    assert spec.process is not None
    request = Request(name, bundle, spec)
    request.attached = not detached
    request.console_socket = values.text("console-socket")
    check_console(spec.process.terminal, request.console_socket, detached)
    if spec.process.terminal and not detached and not os.isatty(0):
        raise RuntimeFailure("process.terminal is true, but stdin is not a terminal")
    request.pid_file = values.text("pid-file")
    path = os.path.join(values.text("image-path") or "checkpoint", IMAGE_NAME)
    try:
        request.image_fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise RuntimeFailure(f"--image-path: {path}: {os.strerror(error.errno or 0)}") from None
    creation = Creation(request, config)
    container = creation.create()
    try:
        if not detached:
            creation.launcher.take_terminal()
        start(container, config.log)
    except BaseException:
        creation.launcher.leave_terminal()
        delete(container, config.log)
        raise
    return 0 if detached else wait(creation, config, values.switch("keep"))


VERB: Final = Verb("restore", "restore a container from an image", "--bundle DIR ID", FLAGS, EXIT_FAILURE, run, DETAILS)
