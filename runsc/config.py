"""Global flags, and the settings they become."""

from __future__ import annotations

import os
from typing import Final

from runsc.flags import LIST, SWITCH, TEXT, Flag, Values
from runsc.log import Log
from sandbox.boot.options import ACCESSES
from sandbox.known_platforms import AUTO
from sandbox.known_platforms import NAMES as PLATFORMS

NETWORKS: Final = ("none", "internal", "sandbox", "tap", "user")
LOG_FORMATS: Final = ("text", "json")
ROOTLESS: Final = ("auto", "true", "false")

GLOBAL_FLAGS: Final = (
    Flag("root", TEXT, "DIR", "where the state of running containers is kept"),
    Flag(
        "platform",
        TEXT,
        "NAME",
        "how system calls are trapped: lane, ptrace, or auto (the first that the host allows)",
        PLATFORMS,
    ),
    Flag(
        "network",
        TEXT,
        "NAME",
        "none, internal, sandbox, tap or user (do: user; containers: by their config.json)",
        NETWORKS,
    ),
    Flag("tap", TEXT, "NAME", "with --network tap: use this device, or make it"),
    Flag("log", TEXT, "FILE", "append the runtime's log to FILE"),
    Flag("log-format", TEXT, "FORMAT", "text or json", LOG_FORMATS),
    Flag("debug", SWITCH, "", "log what the sandbox's kernel does"),
    Flag("strace", SWITCH, "", "log every system call (to --log, else stderr)"),
    Flag("pcap-log", TEXT, "FILE", "record the sandbox's packets in FILE (pcapng)"),
    Flag("allow", LIST, "RULE", "[tcp:|udp:|icmp:]HOST[:PORT[-PORT]]: what may be reached; repeatable"),
    Flag(
        "overlay", SWITCH, "", "containers: what is written to the root stays in a private layer and is gone at the end"
    ),
    Flag(
        "file-access",
        TEXT,
        "HOW",
        "containers: a root's names and attributes are believed for a second (timed), for good (exclusive: nobody else "
        "changes it), or looked at each time (shared)",
        ACCESSES,
    ),
    Flag("file-access-mounts", TEXT, "HOW", "the same of volumes and bind mounts (shared)", ACCESSES),
    Flag(
        "rootless",
        TEXT,
        "WHEN",
        "do without control groups that cannot be made: auto (who is not root), true, false",
        ROOTLESS,
    ),
    Flag("criu", TEXT, "FILE", "nothing to do: a checkpoint is the sandbox's own work"),
    Flag("systemd-cgroup", SWITCH, "", "control groups made by systemd: not supported"),
    Flag("fork-server", TEXT, "SOCKET", "do, run: start from this server (runsc fork-server), if nothing would differ"),
    Flag("no-look", SWITCH, "", "platform lane: never poll for calls, park every one"),
    Flag("no-copies", SWITCH, "", "platform lane: the stub copies no arguments, the sentry reads guest memory"),
    Flag("no-patch", SWITCH, "", "platform lane: guest code stays as it is in its files, every call is trapped"),
    Flag("help", SWITCH, "", "show help", short="h"),
    Flag("version", SWITCH, "", "as the verb `version`", short="v"),
)


class Config:
    """The global settings. `network` and `file_access` are empty when none was asked for: the verb has a default of its
    own."""

    __slots__ = (
        "root",
        "platform",
        "network",
        "tap",
        "log",
        "debug",
        "strace",
        "pcap_log",
        "allow",
        "look",
        "copies",
        "patch",
        "overlay",
        "file_access",
        "file_access_mounts",
        "systemd_cgroup",
        "rootless",
    )

    def __init__(self, values: Values, log: Log) -> None:
        self.root = values.text("root") or default_root()
        self.platform = values.text("platform", AUTO)
        self.network = values.text("network")
        self.tap = values.text("tap") if values.given("tap") else None
        self.log = log
        self.debug = values.switch("debug")
        self.strace = values.switch("strace")
        self.pcap_log = values.text("pcap-log")
        self.allow = values.list("allow")
        self.look = not values.switch("no-look")
        self.copies = not values.switch("no-copies")
        self.overlay = values.switch("overlay")
        self.file_access = values.text("file-access")
        self.file_access_mounts = values.text("file-access-mounts")
        self.systemd_cgroup = values.switch("systemd-cgroup")
        self.patch = not values.switch("no-patch")
        self.rootless = values.text("rootless", "auto")

    def is_rootless(self) -> bool:
        """Control groups that cannot be made are done without, as by runc."""
        return self.rootless == "true" or (self.rootless == "auto" and (os.geteuid() != 0 or in_user_namespace()))


def default_root() -> str:
    """/run/runsc, or the user's own runtime directory; also root's of a user namespace (podman without privilege)."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    own = runtime.startswith("/")
    if os.geteuid() == 0 and not (own and in_user_namespace()):
        return "/run/runsc"
    return f"{runtime}/runsc" if own else f"/tmp/runsc-{os.geteuid()}"


def in_user_namespace() -> bool:
    """Not every number is mapped to itself (user_namespaces(7))."""
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            return file.read().split() != ["0", "0", "4294967295"]
    except OSError:
        return False
