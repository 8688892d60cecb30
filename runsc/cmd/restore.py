"""`runsc restore --image-path DIR --bundle DIR ID`: a new container that goes on where a checkpoint was made."""

from __future__ import annotations

import os
from typing import Final

from runsc.cmd.checkpoint import CRIU, IMAGE_NAME
from runsc.cmd.create import one_id
from runsc.cmd.run import carry_out, request_of
from runsc.config import Config
from runsc.failure import EXIT_FAILURE, RuntimeFailure
from runsc.flags import SWITCH, TEXT, WORD, Flag, Values
from runsc.verb import Verb

FLAGS: Final = (
    Flag("image-path", TEXT, "DIR", "where the image is (./checkpoint)"),
    Flag("bundle", TEXT, "DIR", "the bundle: config.json and the root directory (here)", short="b"),
    Flag("console-socket", TEXT, "PATH", "a Unix socket that gets the terminal's master"),
    Flag("detach", SWITCH, "", "return once the processes run", short="d"),
    Flag("keep", SWITCH, "", "do not delete the container when its process has ended"),
    Flag("container", TEXT, "NAME", "which container of a pod's image it is (by its annotations, else its id)"),
    Flag("pid-file", TEXT, "FILE", "write the sandbox's host process id there"),
    Flag("no-pivot", SWITCH, "", "nothing to do: a sandbox never pivots its root"),
    Flag("no-subreaper", SWITCH, "", "nothing to do: orphans inside are the container's first process's"),
    Flag("lsm-profile", WORD, "PROFILE", "not applied: inside there is no AppArmor and no SELinux"),
    Flag("lsm-mount-context", WORD, "LABEL", "not applied: inside there is no SELinux"),
    *CRIU,
)
DETAILS: Final = (
    "The bundle's root and mounts must be those that the container had; its process is not started anew.\n"
    "Of a pod, its sandbox's own container is restored first, then each of the others from the same image: they go on when\n"
    "the last one is there.\n"
    "An image is trusted as the container is: docs/checkpoint.md."
)


def run(config: Config, values: Values, words: list[str]) -> int:
    """The process's exit status; 0 when detached."""
    request = request_of(one_id(words, "restore"), values)
    request.label = values.text("container")
    path = os.path.join(values.text("image-path") or "checkpoint", IMAGE_NAME)
    try:
        request.image_fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise RuntimeFailure(f"--image-path: {path}: {os.strerror(error.errno or 0)}") from None
    for name in ("lsm-profile", "lsm-mount-context"):
        if values.text(name):
            config.log.write("warning", f"--{name} is not applied: the sandbox's own kernel stands in its place")
    return carry_out(request, config, values.switch("keep"))


VERB: Final = Verb("restore", "restore a container from an image", "--bundle DIR ID", FLAGS, EXIT_FAILURE, run, DETAILS)
