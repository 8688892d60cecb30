"""Containers with a user namespace of their own."""

from __future__ import annotations

from typing import Any, Final

from tests.e2e.beside_runc.case import DROP, Case, sh
from tests.e2e.beside_runc.cases_inside import ALL_SETS, USER, bind, tmpfs

MAP: Final = [{"containerID": 0, "hostID": 100000, "size": 65536}]
WHOLE: Final = [{"containerID": 0, "hostID": 0, "size": 4294967295}]
NAMESPACE: Final = {"linux.namespaces+": {"type": "user"}}
OWNED: Final = "chown -R 100000:100000 rootfs; chmod 755 . ..\n"  # by root of the container
SEVERAL: Final = [
    *[{"containerID": 0, "hostID": 100000, "size": 10}],
    {"containerID": 1000, "hostID": 101000, "size": 1},
]
OVERLAP: Final = [*SEVERAL, {"containerID": 5, "hostID": 200000, "size": 2}]
SLEEPS: Final = {"process.args": ["/bin/sleep", "1000"]}
ASKED: Final = ("exec c /bin/probe ids caps env namespaces", "exec -u 1000:50 c /bin/probe ids caps namespaces")
MOUNTS: Final = sh(
    "mkdir /m; mount -t tmpfs x /m && echo mounted; chown 5:6 /data/file 2>&1; stat -c %u:%g /data/file; "
    "chown 70000 /data/file 2>/dev/null; echo $?; touch /tmp/t; stat -c %u:%g /tmp/t; hostname 2>/dev/null; echo $?"
)  # fmt: skip


def case(
    name: str,
    changes: dict[str, Any] | None = None,
    steps: tuple[str, ...] = ("run c",),
    prepare: str = "",
    sees: str = "",
) -> Case:
    maps: dict[str, Any] = {"linux.uidMappings": MAP, "linux.gidMappings": MAP}
    return Case(f"userns-{name}", {**maps, **NAMESPACE, **(changes or {})}, steps, OWNED + prepare, sees)


USERS: Final = [
    case("usual", sees="ids caps process mounts namespaces tty list=/ list=/data limits"),
    case("dev", sees="dev path=/dev path=/dev/pts path=/dev/shm path=/dev/mqueue path=/dev/null"),
    case("user", {"process.user": USER}, sees="ids caps process namespaces list=/data env"),
    case("paths", sees="path=/proc/sys path=/proc/self path=/proc/1/status path=/sys path=/proc/kcore path=/proc path=/proc/sys/kernel/hostname"),
    case("tmpfs", {"mounts+": [tmpfs("uid=5", "gid=6", "mode=750"), tmpfs(to="/new/place")]}, sees="mounts path=/mnt list=/new path=/new"),
    case("tmpfs-unmapped", {"mounts+": tmpfs("uid=70000")}),
    case("cwd", {"process.cwd": "/made/here"}, sees="process list=/made path=/made"),
    case("caps", {"process.capabilities": {name: ["CAP_SYS_ADMIN", "CAP_CHOWN", "CAP_NET_ADMIN"] for name in ALL_SETS}, "process.args": MOUNTS}),
    case("unmapped", {"process.user": {"uid": 70000, "gid": 0}}),
    case("unmapped-group", {"process.user": {"uid": 0, "gid": 0, "additionalGids": [70000]}}),
    case("sysctl", {"linux.sysctl": {"net.ipv4.ip_forward": "1", "kernel.shmmni": "77"}},
         sees="read=/proc/sys/net/ipv4/ip_forward read=/proc/sys/kernel/shmmni"),
    case("exec", SLEEPS, ("create c", "start c", *ASKED, "! rt exec -u 70000 c true 2>/dev/null; echo $?", "state c", "kill c KILL", "until c stopped",
         "delete c")),
    case("bind", {"mounts+": bind("BUNDLE/extra", "/b")}, prepare="mkdir extra; echo x > extra/y; echo z > extra/z; chown 100005:100006 extra/z",
         sees="list=/b list=/b/y"),
    case("rlimit", {"process.rlimits": [{"type": "RLIMIT_NOFILE", "soft": 200, "hard": 200}]}, sees="limits"),
    case("oom", {"process.oomScoreAdj": 100}, sees="process"),
    case("several", {"linux.uidMappings": SEVERAL}, sees="namespaces ids list=/data"),
    case("overlap", {"linux.uidMappings": OVERLAP}),
    case("no-group-map", {"linux.gidMappings": DROP}),
    case("no-maps", {"linux.uidMappings": DROP, "linux.gidMappings": DROP}),
    case("tty", {"process.terminal": True}, ("console create c", "start c", "until c stopped", "delete c"), sees="tty ids"),
    case("whole", {"linux.uidMappings": WHOLE, "linux.gidMappings": WHOLE}, prepare="chown -R 0:0 rootfs", sees="ids namespaces caps list=/data"),
    case("devices", {"linux.devices": [{"path": "/dev/mynull", "type": "c", "major": 1, "minor": 3, "uid": 5}]}, sees="path=/dev/mynull"),
    Case("userns-maps-alone", {"linux.uidMappings": MAP, "linux.gidMappings": MAP}),
]  # fmt: skip
