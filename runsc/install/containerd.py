"""containerd's configuration (config.toml): a runtime of CRI's, as a block of its own at the end of the file."""

from __future__ import annotations

import os
from typing import Final

from runsc.failure import RuntimeFailure
from runsc.install.change import Change, Undo, digest, read, read_undo

CONFIG: Final = "/etc/containerd/config.toml"
PROGRAM: Final = "containerd"
RESTART: Final = "systemctl restart containerd"
NAME: Final = "runsc"
TYPE: Final = "io.containerd.runsc.v1"
SHIM: Final = "containerd-shim-runsc-v1"
BEGIN: Final = "# Added by `runsc install`; `runsc uninstall` removes it.\n"
END: Final = "# End of what `runsc install` added.\n"
PLUGINS: Final = {2: "io.containerd.grpc.v1.cri", 3: "io.containerd.cri.v1.runtime"}

Toml = dict[str, object]


def install(path: str) -> Change:
    """RuntimeFailure for a file that cannot be read, or cannot be added to."""
    before = read(path)
    text = before if before is not None and before.strip() else "version = 2\n"
    document = parsed(path, text)
    version = document.get("version")
    if not isinstance(version, int) or version not in PLUGINS:
        raise RuntimeFailure(f"{path}: version {version or 1}, which is not 2 or 3: it is left alone")
    plugin = PLUGINS[version]
    there = entry_of(document, plugin)
    if there is not None:
        if there.get("runtime_type") != TYPE:
            raise RuntimeFailure(f"{path}: has another runtime {NAME!r}: remove it first")
        return Change(path, before, before, read_undo(path))
    block = f'[plugins."{plugin}".containerd.runtimes.{NAME}]\n  runtime_type = "{TYPE}"\n'
    gap = "" if text.endswith("\n") else "\n"
    after = f"{text}{gap}\n{BEGIN}{block}{END}"
    if entry_of(parsed(path, after), plugin) != {"runtime_type": TYPE}:
        raise RuntimeFailure(f"{path}: cannot be added to: it is left alone")
    known = read_undo(path)
    return Change(path, before, after, Undo(uninstall(path).after, digest(after), known.link if known else ""))


def uninstall(path: str) -> Change:
    """As it was before `install`; where others have changed it since, without the block."""
    before, undo = read(path), read_undo(path)
    if undo is None:
        return Change(path, before, before, None)
    if before is None or digest(before) == undo.written:
        return Change(path, before, undo.original if before is not None else None, None)
    head, begin, rest = before.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin:
        return Change(path, before, before, None)
    if not end:
        raise RuntimeFailure(f"{path}: the end of what `install` added is gone: it is left alone")
    after = head.removesuffix("\n") + tail
    parsed(path, after)
    return Change(path, before, after, None)


def parsed(path: str, text: str) -> Toml:
    """RuntimeFailure for what is not TOML."""
    import tomllib

    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RuntimeFailure(f"{path}: {error}: it is left alone") from None


def entry_of(document: Toml, plugin: str) -> Toml | None:
    """The runtime's table."""
    place: object = document
    for name in ("plugins", plugin, "containerd", "runtimes", NAME):
        place = place.get(name) if isinstance(place, dict) else None
    return place if isinstance(place, dict) else None


def shim_link(runtime: str) -> str:
    """Where the shim's name lies: beside the runtime. RuntimeFailure when that is somebody else's."""
    link = os.path.join(os.path.dirname(runtime), SHIM)
    if os.path.lexists(link) and os.path.realpath(link) != os.path.realpath(runtime):
        raise RuntimeFailure(f"{link} exists, and is not the runtime {runtime}: remove it first")
    return link
