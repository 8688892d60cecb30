"""`runsc checkpoint ID`: the running container as an image, from which `restore` goes on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from runsc.cmd.create import one_id
from runsc.config import Config
from runsc.failure import EXIT_FAILURE, RuntimeFailure
from runsc.flags import LIST, SWITCH, TEXT, WORD, Flag, Values
from runsc.verb import Verb

if TYPE_CHECKING:
    from runsc.container.container import Container

IMAGE_NAME: Final = "checkpoint.img"
INVENTORY: Final = "inventory.img"
# Of runc's flags for CRIU: each allows what is done in any case, or refused in any case (docs/checkpoint.md), or says where
# CRIU is to work. Those that ask for another kind of image (--pre-dump, --parent-path, --lazy-pages, --page-server) are not known.
CRIU: Final = (
    Flag("work-path", WORD, "DIR", "nothing to do: there is no CRIU that would work there"),
    Flag("tcp-established", SWITCH, "", "nothing to do: connections within the sandbox are saved, others never"),
    Flag("ext-unix-sk", SWITCH, "", "nothing to do: there are no sockets of the host inside"),
    Flag("shell-job", SWITCH, "", "nothing to do: jobs of the sandbox's terminal are saved"),
    Flag("file-locks", SWITCH, "", "nothing to do: locks are saved"),
    Flag("manage-cgroups-mode", WORD, "MODE", "nothing to do: control groups of the host are made anew"),
    Flag("empty-ns", LIST, "KIND", "nothing to do: a network is never in an image"),
    Flag("auto-dedup", SWITCH, "", "nothing to do: no page is in an image twice"),
)
FLAGS: Final = (
    Flag("image-path", TEXT, "DIR", "where the image is written (./checkpoint)"),
    Flag("leave-running", SWITCH, "", "let the container go on; without it, it ends and is deleted"),
    *CRIU,
)
DETAILS: Final = (
    "Of a pod, its sandbox is checkpointed, with all its containers in one image.\n"
    "What cannot be saved (a terminal, a connection, a traced process) is named, and the container runs on.\n"
    "docs/checkpoint.md says what is in an image, and what trust it needs."
)


def run(config: Config, values: Values, words: list[str]) -> int:
    """0 once the image is there."""
    name = one_id(words, "checkpoint")
    from runsc.container import destroy, status
    from runsc.container.container import load_locked
    from sandbox.control import wire

    directory = values.text("image-path") or "checkpoint"
    stays = values.switch("leave-running")
    container, lock = load_locked(config.root, name)
    try:
        container.check(status.CHECKPOINT)
        if container.state.sandbox:
            raise RuntimeFailure(
                f"cannot checkpoint a container of a pod without the others: checkpoint its sandbox {container.state.sandbox}"
            )
        with Image(directory) as image:
            container.call(wire.CHECKPOINT, {"leave_running": stays}, -1.0, (image.fd,))
            image.keep()
    finally:
        lock.release()
    if not stays:
        further = containers_of(config.root, name)
        destroy.delete(container, config.log)
        for one in further:
            destroy.delete(one, config.log)
    return 0


def containers_of(root: str, sandbox: str) -> list[Container]:
    """Those of a pod, without its sandbox's own."""
    from runsc.container import container, store

    found = []
    for name in store.names(root):
        try:
            one = container.load(root, name)
        except RuntimeFailure:
            continue  # deleted meanwhile
        if one.state.sandbox == sandbox:
            found.append(one)
    return found


class Image:
    """A file that has its name only when it is whole. RuntimeFailure when the host refuses."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._part = f".{IMAGE_NAME}.{os.getpid()}"
        self._at = -1
        self.fd = -1

    def __enter__(self) -> Image:
        try:
            os.makedirs(self._directory, 0o700, exist_ok=True)
            self._at = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            self.fd = os.open(self._part, flags, 0o600, dir_fd=self._at)
        except OSError as error:
            self._close()
            raise RuntimeFailure(f"--image-path {self._directory}: {os.strerror(error.errno or 0)}") from None
        return self

    def keep(self) -> None:
        """It is whole: in place of an older one."""
        try:
            os.fsync(self.fd)
            os.rename(self._part, IMAGE_NAME, src_dir_fd=self._at, dst_dir_fd=self._at)
            try:  # a second name: podman looks for CRIU's last file before it has anything restored
                os.link(IMAGE_NAME, f"{self._part}.i", src_dir_fd=self._at, dst_dir_fd=self._at)
                os.rename(f"{self._part}.i", INVENTORY, src_dir_fd=self._at, dst_dir_fd=self._at)
            except OSError:
                pass  # a file system without links: the image is whole all the same
            os.fsync(self._at)
        except OSError as error:
            raise RuntimeFailure(f"--image-path {self._directory}: {os.strerror(error.errno or 0)}") from None
        self._part = ""

    def __exit__(self, *_: object) -> None:
        if self._part:
            try:
                os.unlink(self._part, dir_fd=self._at)
            except OSError:
                pass
        self._close()

    def _close(self) -> None:
        for fd in (self.fd, self._at):
            if fd >= 0:
                os.close(fd)


VERB: Final = Verb("checkpoint", "write an image of a running container", "ID", FLAGS, EXIT_FAILURE, run, DETAILS)
