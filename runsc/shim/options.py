"""What containerd's configuration says for this runtime: the options of a CreateTaskRequest.

`runtimeoptions.v1.Options` names a TOML file, or holds its text: a table `runsc` of global flags, as in
`[runsc]` and `network = "none"`. Nothing else is known.
"""

from __future__ import annotations

from typing import Final

from runsc.shim.protobuf import Fields
from runsc.shim.ttrpc import INVALID_ARGUMENT, CallError

KINDS: Final = ("runtimeoptions.v1.Options", "cri.runtimeoptions.v1.Options")
# Of containerd.runc.v1.CheckpointOptions (api/types/runc/options/oci.proto) the numbers of what is known, and of what only
# CRIU has. `terminal` and `file_locks` ask for what an image always has.
CHECKPOINT_KIND: Final = "containerd.runc.v1.CheckpointOptions"
_EXIT: Final = 1
_IMAGE_PATH: Final = 8
_CRIU: Final = ((2, "open_tcp"), (3, "external_unix_sockets"))
LIMIT: Final = 1 << 20
OURS: Final = ("root", "log", "log-format")  # what the shim says itself


class Options:
    """`flags`: words for the command line before the verb."""

    def __init__(self, flags: tuple[str, ...] = ()) -> None:
        self.flags = flags


def options_of(found: Fields) -> Options:
    """Of a google.protobuf.Any. CallError."""
    kind = found.text(1).rpartition("/")[2]
    if not kind:
        return Options()
    if kind not in KINDS:
        raise CallError(INVALID_ARGUMENT, f"options of type {kind} are not known; known: {', '.join(KINDS)}")
    options = found.inner(2)
    path, text = options.text(2), options.text(3)
    if path:
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read(LIMIT)
        except (OSError, UnicodeDecodeError) as error:
            raise CallError(INVALID_ARGUMENT, f"{path}: {error}") from None
    return Options(flags_of(text, path or "options")) if text else Options()


def flags_of(text: str, where: str) -> tuple[str, ...]:
    """Flags of a TOML text."""
    import tomllib

    from runsc.config import GLOBAL_FLAGS

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CallError(INVALID_ARGUMENT, f"{where}: {error}") from None
    table = document.pop("runsc", {})
    if document or not isinstance(table, dict):
        raise CallError(INVALID_ARGUMENT, f"{where}: only a table called runsc is known")
    known = {flag.name for flag in GLOBAL_FLAGS} - set(OURS)
    words = []
    for name, value in table.items():
        if name not in known:
            raise CallError(INVALID_ARGUMENT, f"{where}: runsc.{name}: no such setting")
        for item in value if isinstance(value, list) else [value]:
            words.append(f"--{name}={str(item).lower() if isinstance(item, bool) else item}")
    return tuple(words)


def checkpoint_options(request: Fields) -> tuple[str, bool]:
    """Of a CheckpointTaskRequest: the directory for the image, and whether the container is to end. CallError for what
    cannot be had."""
    options = request.inner(3)
    kind = options.text(1).rpartition("/")[2]
    if kind and kind != CHECKPOINT_KIND:
        raise CallError(INVALID_ARGUMENT, f"options of type {kind} are not known; known: {CHECKPOINT_KIND}")
    found = options.inner(2)
    for number, name in _CRIU:
        if found.number(number):
            raise CallError(INVALID_ARGUMENT, f"option {name} of a checkpoint is CRIU's, and cannot be had")
    return found.text(_IMAGE_PATH) or request.text(2), bool(found.number(_EXIT))
