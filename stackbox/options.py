"""What a sandbox is to be, and the bundle and command lines that say so to the runtime."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Mapping, Sequence

Network = Literal["none", "internal", "user"]
Access = Literal["shared", "timed", "exclusive"]
PathLike = str | os.PathLike[str]

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The runtime that lies beside this package, without what `site` would look for: a start takes a fifth less.
_RUN: Final = (
    f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r}); from runsc.__main__ import run; run()"
)
RUNTIME: Final = (sys.executable, "-I", "-S", "-c", _RUN)
# The first process. It ends when the pipe that is its standard input does, and the sandbox with it: also when the
# program that holds the other end is killed. A line there has one in answer.
KEEPER: Final = ("/bin/sh", "-c", "echo; while read line; do echo; done")
READY: Final = b"\n"
OF_THE_HOST: Final = {
    "executable": None,
    "preexec_fn": None,
    "group": None,
    "extra_groups": None,
    "umask": -1,
    "pass_fds": (),
}
"""Arguments of `subprocess.Popen` that would act on the runtime's process, outside, and what they are when nobody gives them."""


def inside(args: PathLike | bytes | Sequence[str], options: dict[str, Any]) -> list[str]:
    """The words of a command as `subprocess` reads them: a string alone is one word, and with `shell` a script of the sandbox's shell.
    `options` is left with what is for Popen; TypeError for what would not stay inside."""
    for name, usual in OF_THE_HOST.items():
        if options.get(name, usual) != usual:
            raise TypeError(f"{name} would be of a process of the host, not of the one inside")
    words = [os.fsdecode(args)] if isinstance(args, (str, bytes, os.PathLike)) else list(args)
    if not words or not words[0]:
        raise ValueError("there is no command")
    return ["/bin/sh", "-c", *words] if options.pop("shell", False) else words


def as_given(args: PathLike | bytes | Sequence[str]) -> Any:
    """For what is told afterwards."""
    return args if isinstance(args, (str, bytes, os.PathLike)) else list(args)


NAME: Final = "box"
# What a container's root usually may do inside.
CAPABILITIES: Final = (
    "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT MKNOD AUDIT_WRITE "
    "SETFCAP"
).split()
_MOUNTS: Final = (
    ("/proc", "proc", ["nosuid", "nodev", "noexec"]),
    ("/dev", "tmpfs", ["nosuid", "mode=755"]),
    ("/dev/pts", "devpts", ["nosuid", "noexec"]),
    ("/dev/shm", "tmpfs", ["nosuid", "nodev", "mode=1777"]),
    ("/sys", "sysfs", ["nosuid", "nodev", "noexec", "ro"]),
    ("/tmp", "tmpfs", ["nosuid", "nodev", "mode=1777"]),
    ("/run", "tmpfs", ["nosuid", "nodev", "mode=755"]),
)


@dataclass(frozen=True)
class Mount:
    """A host directory or file inside. Changes are real unless `readonly`."""

    source: PathLike
    target: str
    readonly: bool = False


@dataclass(frozen=True)
class Limits:
    """`memory` in bytes, of all processes together; `pids` counts processes and threads. None: no bound."""

    memory: int | None = None
    pids: int | None = None


@dataclass(frozen=True)
class Options:
    """`root` None: the host's own root, without homes and places of keys; changes to a root are private and gone at
    the end. `network`: `none`, `internal` (a loopback, names and an address, no outside) or `user` (an outside that
    `allow` opens, by rules as `runsc --allow` takes them). `publish`: [ADDR:]PORT:PORT[/udp]. `file_access_mounts`: how
    long names and attributes in `mounts` are believed: `shared` not at all, `timed` for a second, `exclusive` for good.
    `runtime`: the command in place of this package's own, `("runsc",)` say. `fork_server`: the place of a `ForkServer` to start
    from."""

    root: PathLike | None = None
    network: Network = "user"
    allow: Sequence[str] = ()
    publish: Sequence[str] = ()
    mounts: Sequence[Mount] = ()
    limits: Limits = Limits()
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = "/"
    user: tuple[int, int] = (0, 0)
    hostname: str = "sandbox"
    file_access_mounts: Access = "shared"
    runtime: Sequence[str] = RUNTIME
    fork_server: PathLike | None = None

    def config(self) -> dict[str, object]:
        """The OCI configuration (config.json)."""
        names = [f"CAP_{name}" for name in CAPABILITIES]
        environment = {"PATH": PATH, "HOME": "/root" if self.user[0] == 0 else "/", **self.env}
        mounts: list[dict[str, object]] = [
            {"destination": target, "type": kind, "source": kind, "options": options}
            for target, kind, options in _MOUNTS
        ]
        for mount in self.mounts:
            access = "ro" if mount.readonly else "rw"
            source = os.path.abspath(mount.source)
            mounts.append({"destination": mount.target, "type": "bind", "source": source, "options": ["rbind", access]})
        resources: dict[str, object] = {}
        if self.limits.memory is not None:
            resources["memory"] = {"limit": self.limits.memory}
        if self.limits.pids is not None:
            resources["pids"] = {"limit": self.limits.pids}
        return {
            "ociVersion": "1.1.0",
            "process": {
                "user": {"uid": self.user[0], "gid": self.user[1]},
                "args": list(KEEPER),
                "env": [f"{name}={value}" for name, value in environment.items()],
                "cwd": self.cwd,
                "capabilities": {kind: names for kind in ("bounding", "effective", "permitted")},
            },
            "root": {"path": os.path.abspath(self.root) if self.root is not None else "/"},
            "hostname": self.hostname,
            "mounts": mounts,
            "linux": {
                "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")],
                "resources": resources,
            },
        }

    def write_bundle(self, directory: Path) -> None:
        """config.json in it."""
        (directory / "config.json").write_text(json.dumps(self.config()))

    def words(self, directory: Path, *verb: str) -> list[str]:
        """The command line of a verb."""
        return [*self.runtime, "--root", str(directory / "state"), *verb]

    def start_words(self, directory: Path, image: Path | None = None) -> list[str]:
        """The command line that runs it in the foreground, or goes on with an image of one."""
        globals_ = ["--overlay", "--network", self.network, "--file-access-mounts", self.file_access_mounts]
        for rule in self.allow:
            globals_ += ["--allow", rule]
        if self.fork_server is not None and image is None:
            globals_ += ["--fork-server", os.fsdecode(self.fork_server)]
        published = [word for rule in self.publish for word in ("--publish", rule)]
        if image is not None:
            where = ["--image-path", str(image), "--bundle", str(directory)]
            return self.words(directory, *globals_, "restore", *where, NAME)
        return self.words(directory, *globals_, "run", "--bundle", str(directory), *published, NAME)

    def exec_words(
        self,
        directory: Path,
        args: Sequence[str],
        env: Mapping[str, str] | None,
        cwd: str | None,
        user: tuple[int, int] | None,
    ) -> list[str]:
        """The command line of one more process."""
        flags: list[str] = []
        for name, value in (env or {}).items():
            flags += ["--env", f"{name}={value}"]
        if cwd is not None:
            flags += ["--cwd", cwd]
        if user is not None:
            if isinstance(user, (str, int)) or len(user) != 2:
                raise TypeError("user is a pair of numbers: user and group")
            flags += ["--user", f"{user[0]}:{user[1]}"]
        return self.words(directory, "exec", *flags, NAME, *args)
