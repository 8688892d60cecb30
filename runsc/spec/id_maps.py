"""linux.uidMappings and gidMappings of config.json: the user namespace that a container's processes are in."""

from __future__ import annotations

from typing import Final

from runsc.spec.reader import Object, Problems
from runsc.spec.types import Process, Spec

ID_MOST: Final = 0xFFFFFFFF
EXTENTS_MOST: Final = 340  # user_namespaces(7)
NAMES: Final = ("uidMappings", "gidMappings")

Extent = tuple[int, int, int]  # the first id inside, the host's id of it, how many


def decode_id_maps(o: Object, spec: Spec) -> None:
    """`o` is linux, which has at least one of them, or a user namespace."""
    if not any(namespace.kind == "user" for namespace in spec.namespaces):
        for name in NAMES:
            if o.filled(name):
                o.problems.add(o.at(name), "needs a user namespace in linux.namespaces")
        return
    if any(namespace.kind == "user" and namespace.path for namespace in spec.namespaces):
        return  # they are those of the namespace that it joins
    uids, gids = (_extents(o, name) for name in NAMES)
    spec.id_maps = uids, gids
    if spec.process is not None and uids and gids:
        check_user(spec.process, spec.id_maps, o.problems)


def _extents(o: Object, name: str) -> tuple[Extent, ...]:
    if not o.filled(name):
        o.problems.add(o.at(name), "is missing, and there is a user namespace")
    found: list[Extent] = []
    for n, item in enumerate(o.children(name)):
        if not item.require("size"):
            continue
        one = item.number("containerID", 0, ID_MOST - 1), item.number("hostID", 0, ID_MOST - 1)
        size = item.number("size", 1, ID_MOST)
        if max(one) + size > ID_MOST:
            o.problems.add(item.path, "goes beyond the last id")
        for first, lower, count in found:
            if any(a < b + count and b < a + size for a, b in zip(one, (first, lower), strict=True)):
                o.problems.add(item.path, "has ids that another has, too")
                break
        if n == EXTENTS_MOST:
            o.problems.add(o.at(name), f"has more than {EXTENTS_MOST} entries")
        found.append((*one, size))
    return tuple(found)


def check_user(process: Process, maps: tuple[tuple[Extent, ...], tuple[Extent, ...]], problems: Problems) -> None:
    """Every id of the process has one in the map."""
    uids, gids = maps
    wanted = [("uid", process.uid, uids), ("gid", process.gid, gids)]
    wanted += [(f"additionalGids[{n}]", gid, gids) for n, gid in enumerate(process.additional_gids)]
    for name, number, extents in wanted:
        if not any(first <= number < first + count for first, _, count in extents):
            kind = "uidMappings" if name == "uid" else "gidMappings"
            problems.add(f"process.user.{name}", f"{number} is not in linux.{kind}")


def for_caller(extents: tuple[Extent, ...], own: int) -> tuple[Extent, ...]:
    """As the sandbox has the host's ids: an ordinary user's has that user, `own`, as 0 and nobody else. ValueError names
    an id that it has not."""
    if own == 0:
        return extents
    for _, lower, count in extents:
        if lower != own or count != 1:
            raise ValueError(str(lower if lower != own else lower + 1))
    return tuple((first, 0, 1) for first, _, _ in extents)
