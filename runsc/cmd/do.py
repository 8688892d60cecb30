"""`runsc do CMD…`: a command in a throw-away sandbox on the host's own root, whose changes are private."""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

from runsc import access
from runsc.cmd.do_flags import FLAGS
from runsc.config import Config
from runsc.donate import open_directory, open_path
from runsc.failure import EXIT_NOT_FOUND, EXIT_OURS, RuntimeFailure, UsageError
from runsc.flags import SIZE, Flag, Values
from runsc.host_root import credential_masks, host_masks, is_shown
from runsc.publish import check_publish
from runsc.runtime import apply_config, network_options, run_sandbox
from runsc.spec.types import CAPABILITIES
from runsc.verb import Verb
from sandbox.boot.first_program import CONTAINER_CAPABILITIES
from sandbox.boot.options import (
    MOUNT_BIND,
    MOUNT_OVERLAY,
    MOUNT_TMPFS,
    MountOptions,
    Program,
    SandboxOptions,
)
from sandbox.fs.overlay.masks import Masks

DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PATH_MAX: Final = 4096  # of limits.h
MINIMUM_MEMORY: Final = 1 << 20
STANDARD_TMPFS: Final = ("/tmp", "/run", "/dev/shm")
DETAILS: Final = (
    "The root is the host's, read-only, with a private layer above that is gone at the end; homes, /run,\n"
    "/tmp and places of keys are masked. Results come out through --volume and --out.\n"
    "Exit status: the command's; 128 + N if signal N ended it; 126 not executable, 127 not found,\n"
    "125 if the sandbox itself failed."
)


def environment(given: tuple[str, ...], home: str) -> list[bytes]:
    """PATH, TERM, HOME and LANG, then what `--env` says."""
    variables = {"PATH": DEFAULT_PATH, "HOME": home}
    for name in ("TERM", "LANG"):
        if name in os.environ:
            variables[name] = os.environ[name]
    for item in given:
        name, equals, value = item.partition("=")
        if not name or "\0" in item:
            raise UsageError(f"--env {item!r}: the form is NAME or NAME=VALUE")
        if equals:
            variables[name] = value
        elif name in os.environ:
            variables[name] = os.environ[name]
    return [os.fsencode(f"{name}={value}") for name, value in variables.items()]


def user_ids(text: str) -> tuple[int, int]:
    """`UID[:GID]`; the group is the user's number unless given."""
    uid, colon, gid = text.partition(":")
    parts = (uid, gid) if colon else (uid, uid)
    for part in parts:
        if not (part.isascii() and part.isdigit()) or int(part) > 0xFFFFFFFE:
            raise UsageError(f"--user {text!r}: the form is UID[:GID], in numbers")
    return int(parts[0]), int(parts[1])


def capability_sets(names: tuple[str, ...], uid: int) -> tuple[int, int, int, int, int]:
    """Bounding, effective, inheritable, permitted and ambient capabilities with those of `--cap-add`."""
    caps = CONTAINER_CAPABILITIES
    for name in names:
        full = "CAP_" + name.upper().removeprefix("CAP_")
        if full == "CAP_ALL":
            caps = (1 << len(CAPABILITIES)) - 1
        elif full in CAPABILITIES:
            caps |= 1 << CAPABILITIES.index(full)
        else:
            raise UsageError(f"--cap-add {name!r}: unknown capability")
    held = caps if uid == 0 else 0
    return caps, held, 0, held, 0


def volume(text: str) -> MountOptions:
    """`HOST:GUEST[:ro]`."""
    parts = text.split(":")
    readonly = len(parts) == 3 and parts[2] == "ro"
    if len(parts) not in (2, 3) or (len(parts) == 3 and parts[2] not in ("ro", "rw")) or not parts[0]:
        raise UsageError(f"--volume {text!r}: the form is HOST:GUEST[:ro]")
    target = mount_point(parts[1], "--volume")
    source = os.path.abspath(parts[0])
    return MountOptions(MOUNT_BIND, target, open_path(source, "--volume"), os.fsencode(source), readonly)


def guest_path(path: str, what: str) -> bytes:
    """An absolute path inside, without `..`."""
    if not path.startswith("/") or ".." in path.split("/") or "\0" in path:
        raise UsageError(f"{what}: {path!r} is not an absolute path")
    return os.fsencode(os.path.normpath("/" + path.lstrip("/")))


def mount_point(path: str, what: str) -> bytes:
    """As guest_path, but for the root itself."""
    place = guest_path(path, what)
    if place == b"/":
        raise UsageError(f"{what}: nothing is mounted over the root; --rootfs DIR uses another one")
    return place


def tmpfs(text: str) -> MountOptions:
    """`DIR[:SIZE]`."""
    path, colon, size = text.partition(":")
    mount = MountOptions(MOUNT_TMPFS, mount_point(path, "--tmpfs"))
    if colon:
        from runsc.flags import parse_size

        mount.data = b"size=%d" % parse_size(Flag("tmpfs", SIZE, "SIZE", ""), size)
    return mount


def root_mount(values: Values, masks: Masks | None) -> MountOptions:
    """The host's root with its masks, or the directory given."""
    path = os.path.abspath(values.text("rootfs", "/"))
    root = MountOptions(MOUNT_OVERLAY, b"/", open_directory(path, "--rootfs"), os.fsencode(path))
    root.masks = masks
    return root


def working_directory(given: str, mounts: list[MountOptions]) -> tuple[bytes, Masks]:
    """Where a command on the host's own root starts, and what it is shown. A masked directory that is given is
    shown; the caller's own is taken if it is visible."""
    if not given:
        masks = host_masks()
        try:
            here = os.getcwd()
        except FileNotFoundError:  # it was removed
            here = "/"
        return (os.fsencode(here) if is_shown(masks, here) or is_mounted(here, mounts) else b"/"), masks
    try:
        path = os.path.abspath(given)
        if is_mounted(path, mounts):
            return os.fsencode(path), host_masks()
        path = os.path.realpath(path)
        there = stat.S_ISDIR(os.stat(path).st_mode)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise RuntimeFailure(f"--cwd: {given}: {error.strerror}") from None
        there = False
    if not there:
        raise RuntimeFailure(f"--cwd: {given}: no such directory")
    masks = host_masks()
    if not is_shown(masks, path) or path in STANDARD_TMPFS or path.startswith(tuple(f"{d}/" for d in STANDARD_TMPFS)):
        fd = open_directory(path, "--cwd")
        shown = MountOptions(MOUNT_OVERLAY, os.fsencode(path), fd, os.fsencode(path))
        shown.masks = credential_masks()
        mounts.append(shown)
    return os.fsencode(path), masks


def is_mounted(path: str, mounts: list[MountOptions]) -> bool:
    """An absolute path in what `--volume`, `--out` or `--tmpfs` puts there."""
    return any((path + "/").startswith(os.fsdecode(mount.target).rstrip("/") + "/") for mount in mounts)


def build_options(config: Config, values: Values, words: list[str]) -> SandboxOptions:
    """Everything the sandbox is to be, from the command line."""
    mounts = [volume(text) for text in values.list("volume")]
    mounts += [tmpfs(text) for text in values.list("tmpfs")]
    out = values.text("out")
    if out:
        fd = open_directory(out, "--out", create=True)
        place = os.fsencode(os.path.abspath(out))
        if len(place) >= PATH_MAX:
            raise RuntimeFailure(f"--out: {out}: {os.strerror(errno.ENAMETOOLONG)}")
        mounts.append(MountOptions(MOUNT_BIND, b"/out", fd, place))
    access.check_do(config)
    access.settle(None, mounts, access.of_mounts(config, None))
    masks: Masks | None = None
    if values.given("rootfs"):
        cwd = guest_path(values.text("cwd", "/"), "--cwd")
    else:
        cwd, masks = working_directory(values.text("cwd"), mounts)
    uid, gid = user_ids(values.text("user")) if values.given("user") else (0, 0)
    home = "/root" if uid == 0 else "/"
    program = Program([os.fsencode(word) for word in words], environment(values.list("env"), home), cwd)
    program.uid, program.gid = uid, gid
    if values.given("cap-add"):
        program.capability_sets = capability_sets(values.list("cap-add"), uid)
    network = network_options(config, "user")
    for text in values.list("publish"):
        check_publish(text, network.kind)
    network.publish = values.list("publish")
    options = SandboxOptions(program, root_mount(values, masks), network)
    options.mounts = mounts
    options.limits.memory = at_least(values, "memory", MINIMUM_MEMORY, f"{MINIMUM_MEMORY >> 20}M")
    options.limits.pids = at_least(values, "pids", 1, "1")
    options.limits.timeout_ns = values.number("timeout") or 0
    options.summary = values.switch("summary")
    if values.given("hostname"):
        options.hostname = os.fsencode(check_hostname(values.text("hostname")))
    options.terminal = any(os.isatty(fd) for fd in options.stdio)
    apply_config(options, config)
    return options


def at_least(values: Values, name: str, least: int, text: str) -> int:
    """A limit that leaves room for something; 0 when it is not given."""
    value = values.number(name)
    if value is not None and value < least:
        raise UsageError(f"--{name}: at least {text} is needed")
    return value or 0


def check_hostname(name: str) -> str:
    """Letters, digits, dots and dashes, at most 64."""
    if not (0 < len(name) <= 64 and name.isascii() and all(c.isalnum() or c in "-." for c in name)):
        raise UsageError(f"--hostname {name!r}: letters, digits, dots and dashes, at most 64")
    return name


def run(config: Config, values: Values, words: list[str]) -> int:
    """The command's exit status."""
    if not words:
        raise UsageError("do needs a command: runsc do [FLAGS] CMD [ARGS…]")
    if words[0] == "":
        raise RuntimeFailure("the command is an empty word", EXIT_NOT_FOUND)
    options = build_options(config, values, words)
    try:
        return run_sandbox(options, config)
    except RuntimeFailure as failure:
        if failure.status != EXIT_NOT_FOUND or not is_hidden(words[0], options.program.cwd):
            raise
        raise RuntimeFailure(
            f"{failure}; it is in a directory that is not shown: --cwd . shows it", EXIT_NOT_FOUND
        ) from None


def is_hidden(word: str, cwd: bytes) -> bool:
    """A program that the caller sees from the working directory, which is not the one inside."""
    return "/" in word and not word.startswith("/") and os.path.exists(word) and os.fsdecode(cwd) != os.getcwd()


VERB: Final = Verb(
    "do", "run a command in a throw-away sandbox", "[FLAGS] CMD [ARGS…]", FLAGS, EXIT_OURS, run, DETAILS, command=True
)
