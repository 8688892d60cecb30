"""`runsc bundle`: a bundle from a directory, a tar archive, what `docker save` writes or an OCI layout."""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING, Final

from runsc.config import Config
from runsc.failure import EXIT_FAILURE, RuntimeFailure, UsageError
from runsc.flags import SIZE, SWITCH, TEXT, Flag, Values
from runsc.verb import Verb

if TYPE_CHECKING:
    from runsc.image.image import Image
    from runsc.image.store import Store

SIZE_MOST: Final = 32 << 30
MEMORY_MOST: Final = 4 << 30  # of this process: an archive's headers can be of any length
FLAGS: Final = (
    Flag("bundle", TEXT, "DIR", "where to make it (here)", short="b"),
    Flag("image", TEXT, "NAME", "which image, where there are several"),
    Flag("max-size", SIZE, "SIZE", "the most that files may take together (32G)"),
    Flag("terminal", SWITCH, "", "the process gets a terminal"),
)
DETAILS: Final = (
    "SOURCE is a directory (the bundle's root, read-only, where it is), a tar archive, an archive of `docker save`, or an\n"
    "OCI layout as directory or archive. CMD takes the place of the image's command, behind its entry point."
)
# What a container's root may do: the set that engines agree on.
CAPABILITIES: Final = (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31)


def run(config: Config, values: Values, words: list[str]) -> int:
    """With nothing left of what fails."""
    if not words:
        raise UsageError("bundle needs a SOURCE: a directory, an archive or an OCI layout")
    source, command = words[0], words[1:]
    target = os.path.abspath(values.text("bundle", "."))
    rootfs, path = os.path.join(target, "rootfs"), os.path.join(target, "config.json")
    for there in (rootfs, path):
        if os.path.lexists(there):
            raise RuntimeFailure(f"{there} exists: remove it first")
    made = not os.path.isdir(target)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MOST, MEMORY_MOST))
    try:
        if made:
            os.makedirs(target, 0o700)
        document = _document(config, values, source, rootfs, command)
        _write(path, document)
    except BaseException:
        _undo(rootfs, path)
        if made and os.path.isdir(target):
            os.rmdir(target)
        raise
    return 0


def _document(config: Config, values: Values, source: str, rootfs: str, command: list[str]) -> dict[str, object]:
    from runsc.image.image import Image, find_image
    from runsc.image.store import Archive, Directory

    terminal = values.switch("terminal")
    store: Store
    if os.path.isdir(source):
        store = Directory(source)
        image = find_image(store, values.text("image"))
        if image is None:
            if values.given("image"):
                raise RuntimeFailure(f"--image: {source} is a directory without an image")
            return _config(Image([], {}), command, os.path.realpath(source), True, terminal, {})
    else:
        store = Archive(source)
        image = find_image(store, values.text("image"))
        if image is None and values.given("image"):
            raise RuntimeFailure(f"--image: {source} is an archive without an image")
    limit = values.number("max-size")
    users = _unpack(config, store, source, image, rootfs, SIZE_MOST if limit is None else limit)
    return _config(image or Image([], {}), command, "rootfs", False, terminal, users)


def _unpack(
    config: Config, store: Store, source: str, image: Image | None, rootfs: str, most: int
) -> dict[str, object]:
    from functools import partial

    from runsc.image.image import text
    from runsc.image.unpack import Opener, open_file, unpack

    layers: list[tuple[str, Opener, str]] = [(source, partial(open_file, source), "")]
    if image is not None:
        layers = [(name, partial(store.open, name), digest) for name, digest in image.layers]
    os.mkdir(rootfs, 0o755)
    users = unpack(rootfs, layers, most, text(image.config, "User") if image is not None else "")
    if users["left_out"]:
        config.log.write("warning", f"{source}: {users['left_out']} device nodes are left out: /dev is the sandbox's")
    return users


def _config(
    image: Image, command: list[str], root: str, readonly: bool, terminal: bool, users: dict[str, object]
) -> dict[str, object]:
    from runsc.image.image import text, texts
    from runsc.spec.default import default_spec
    from runsc.spec.types import CAPABILITIES as NAMES

    words = texts(image.config, "Entrypoint") + (command or texts(image.config, "Cmd"))
    document = default_spec(words or ["sh"], root, terminal)
    process, place = document["process"], document["root"]
    assert isinstance(process, dict) and isinstance(place, dict)
    place["readonly"] = readonly
    own = texts(image.config, "Env")
    names = {item.partition("=")[0] for item in own}
    process["env"] = own + [item for item in process["env"] if item.partition("=")[0] not in names]
    process["cwd"] = text(image.config, "WorkingDir") or "/"
    process["noNewPrivileges"] = False
    granted = [NAMES[number] for number in CAPABILITIES]
    uid = users.get("uid", 0)
    process["capabilities"] = {"bounding": granted, **({} if uid else {"effective": granted, "permitted": granted})}
    if users:
        process["user"] = {"uid": uid, "gid": users["gid"], "additionalGids": users["groups"]}
    return document


def _write(path: str, document: dict[str, object]) -> None:
    import json

    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        with open(fd, "w", encoding="utf-8") as file:
            file.write(json.dumps(document, indent=2) + "\n")
    except OSError as error:
        raise RuntimeFailure(f"{path}: {os.strerror(error.errno or 0)}") from None


def _undo(rootfs: str, path: str) -> None:
    """Remove what was made; a directory that its archive wants closed is opened first."""
    import shutil

    if os.path.isdir(rootfs):
        os.chmod(rootfs, 0o700)
    for directory, names, _ in os.walk(rootfs):
        for name in names:
            place = os.path.join(directory, name)
            if not os.path.islink(place):
                os.chmod(place, 0o700)
    shutil.rmtree(rootfs, ignore_errors=True)
    if os.path.exists(path):
        os.unlink(path)


VERB: Final = Verb(
    "bundle", "make a bundle of an image", "[FLAGS] SOURCE [CMD ARGS…]", FLAGS, EXIT_FAILURE, run, DETAILS, command=True
)
