"""The part of config.json that this runtime acts on (OCI runtime specification 1.1), typed."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from runsc.spec.host_resources import Row
    from sandbox.boot.scheduling import Scheduling

RLIMITS: Final = {
    "RLIMIT_CPU": resource.RLIMIT_CPU,
    "RLIMIT_FSIZE": resource.RLIMIT_FSIZE,
    "RLIMIT_DATA": resource.RLIMIT_DATA,
    "RLIMIT_STACK": resource.RLIMIT_STACK,
    "RLIMIT_CORE": resource.RLIMIT_CORE,
    "RLIMIT_RSS": resource.RLIMIT_RSS,
    "RLIMIT_NPROC": resource.RLIMIT_NPROC,
    "RLIMIT_NOFILE": resource.RLIMIT_NOFILE,
    "RLIMIT_MEMLOCK": resource.RLIMIT_MEMLOCK,
    "RLIMIT_AS": resource.RLIMIT_AS,
    "RLIMIT_LOCKS": 10,
    "RLIMIT_SIGPENDING": resource.RLIMIT_SIGPENDING,
    "RLIMIT_MSGQUEUE": resource.RLIMIT_MSGQUEUE,
    "RLIMIT_NICE": resource.RLIMIT_NICE,
    "RLIMIT_RTPRIO": resource.RLIMIT_RTPRIO,
    "RLIMIT_RTTIME": resource.RLIMIT_RTTIME,
}

# capabilities(7), by number.
NR_OPEN: Final = 1 << 20  # fs.nr_open, of the sandbox and of a host that nobody has told otherwise
CAPABILITIES: Final = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
]


class Rlimit:
    """process.rlimits[]."""

    __slots__ = ("kind", "soft", "hard")

    def __init__(self, kind: str, soft: int, hard: int) -> None:
        self.kind = kind
        self.soft = soft
        self.hard = hard


class Process:
    """process."""

    __slots__ = (
        "terminal",
        "args",
        "env",
        "cwd",
        "uid",
        "gid",
        "additional_gids",
        "umask",
        "rlimits",
        "capabilities",
        "unknown",
        "no_new_privileges",
        "rows",
        "columns",
        "oom_score_adj",
        "scheduling",
    )

    def __init__(self) -> None:
        self.terminal = False
        self.args: list[str] = []
        self.env: list[str] = []
        self.cwd = ""
        self.uid = 0
        self.gid = 0
        self.additional_gids: list[int] = []
        self.umask = 0o022
        self.rlimits: list[Rlimit] = []
        self.capabilities: dict[str, list[str]] | None = None
        self.unknown: list[str] = []  # capabilities that there are not
        self.no_new_privileges = False
        self.rows = 0
        self.columns = 0
        self.oom_score_adj: int | None = None
        self.scheduling: Scheduling | None = None


class Mount:
    """mounts[]."""

    __slots__ = ("destination", "kind", "source", "options")

    def __init__(self, destination: str, kind: str, source: str, options: list[str]) -> None:
        self.destination = destination
        self.kind = kind
        self.source = source
        self.options = options

    def is_bind(self) -> bool:
        """By type, or by the option that says so."""
        return self.kind == "bind" or "bind" in self.options or "rbind" in self.options


class Namespace:
    """linux.namespaces[]."""

    __slots__ = ("kind", "path")

    def __init__(self, kind: str, path: str) -> None:
        self.kind = kind
        self.path = path


HOOK_KINDS: Final = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


class Hook:
    """hooks.KIND[]. `timeout_s` 0: none."""

    __slots__ = ("path", "args", "env", "timeout_s")

    def __init__(self, path: str, args: list[str], env: list[str], timeout_s: int) -> None:
        self.path = path
        self.args = args
        self.env = env
        self.timeout_s = timeout_s


class Device:
    """linux.devices[]. `kind` as mknod(1) has it: c, u, b or p."""

    __slots__ = ("path", "kind", "major", "minor", "mode", "uid", "gid")

    def __init__(self, path: str, kind: str, major: int, minor: int) -> None:
        self.path = path
        self.kind = kind
        self.major = major
        self.minor = minor
        self.mode = 0o666
        self.uid = 0
        self.gid = 0


class Cpu:
    """linux.resources.cpu. 0 and empty: not given."""

    __slots__ = ("shares", "quota", "period", "cpus", "mems")

    def __init__(self) -> None:
        self.shares = 0
        self.quota = 0
        self.period = 0
        self.cpus = ""
        self.mems = ""


class Spec:
    """config.json. `process` is None when there is none: `run` needs one, a bundle does not."""

    __slots__ = (
        "oci_version",
        "process",
        "root_path",
        "root_readonly",
        "hostname",
        "mounts",
        "namespaces",
        "masked_paths",
        "readonly_paths",
        "memory_limit",
        "memory_reservation",
        "memory_swap",
        "host_rows",
        "pids_limit",
        "lifted",
        "unsupported",
        "refused",
        "domainname",
        "time_offsets",
        "hooks",
        "annotations",
        "cgroups_path",
        "cpu",
        "sysctl",
        "seccomp",
        "devices",
        "root_propagation",
        "personality",
        "documents",
        "id_maps",
    )

    def __init__(self) -> None:
        self.oci_version = ""
        self.process: Process | None = None
        self.root_path = ""
        self.root_readonly = False
        self.hostname = ""
        self.mounts: list[Mount] = []
        self.namespaces: list[Namespace] = []
        self.masked_paths: list[str] = []
        self.readonly_paths: list[str] = []
        self.memory_limit = 0
        self.memory_reservation = 0  # bytes, -1: none, 0: not given
        self.memory_swap = 0  # bytes, with memory, -1: any, 0: not given
        self.host_rows: list[Row] = []  # of linux.resources, what only the host's control groups can keep
        self.pids_limit = 0
        self.lifted: set[str] = set()  # of memory and pids, those that are said to have no bound (-1)
        self.unsupported: list[str] = []  # JSON paths of what is there and would have an effect in runc, but not here
        self.refused: list[str] = []  # JSON paths of what a container could not do without
        self.domainname = ""
        self.time_offsets: tuple[int, int] | None = None  # of the monotonic clock and that since boot, ns
        self.hooks: dict[str, list[Hook]] = {kind: [] for kind in HOOK_KINDS}
        self.annotations: dict[str, object] = {}
        self.cgroups_path = ""
        self.cpu = Cpu()
        self.sysctl: dict[str, str] = {}
        self.seccomp: tuple[tuple[int, int, int, int], ...] = ()
        self.devices: list[Device] = []
        self.root_propagation = ""
        self.personality = 0  # PER_* of personality(2)
        # Of a user namespace of the container's own: first id inside, the host's, how many; of users and of groups.
        self.id_maps: tuple[tuple[tuple[int, int, int], ...], tuple[tuple[int, int, int], ...]] | None = None
        self.documents: dict[str, dict[str, object]] = {}  # `process` and `hooks` as they stand, for later commands
