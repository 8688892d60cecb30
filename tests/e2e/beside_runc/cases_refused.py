"""config.json with one field wrong, odd or missing: who refuses it, and with which status."""

from __future__ import annotations

from typing import Any, Final

from tests.e2e.beside_runc.case import DROP, USUAL, Case

WRONG: Final[list[tuple[str, tuple[Any, ...]]]] = [  # a member, and what it is set to in turn
    ("ociVersion", (DROP, "", "2.0.0", "1.9.9", "x", "0.9", 1, None)),
    ("process", (DROP, None, [], {})),
    ("process.args", (DROP, [], [""], "x", [1], ["", "x"])),
    ("process.cwd", (DROP, "", "data", 3, ".", "/no/../data", "//data")),
    ("process.env", (["A"], ["=x"], [""], "A=1", [1], ["A=1\n2"], [])),
    ("process.user", (DROP, {}, [], {"uid": -1}, {"uid": 1 << 32}, {"uid": "0"}, {"uid": (1 << 32) - 1}, {"umask": 0o7777}, {"umask": -1}, {"additionalGids": [-1]},
                      {"additionalGids": [1, 1]}, {"uid": 1.5}, {"uid": 1e3}, {"username": "user"}, {"gid": (1 << 32) - 2})),
    ("process.terminal", ("yes", 1, None)),
    ("process.consoleSize", ({"height": -1, "width": 1}, {"height": 1, "width": 1}, [], {"height": 70000, "width": 1})),
    ("process.capabilities", ({"bounding": ["CAP_X"]}, {"bounding": ["kill"]}, {"bounding": "CAP_KILL"}, {"effective": ["CAP_KILL"]}, {"permitted": ["CAP_KILL"]}, {"ambient": ["CAP_KILL"]},
                              {"inheritable": ["CAP_KILL"]}, {"bounding": ["CAP_KILL", "CAP_KILL"]}, [], {"bounding": ["CAP_CHOWN"], "permitted": ["CAP_CHOWN"], "effective": ["CAP_CHOWN", "CAP_KILL"]}, {"no": []})),
    ("process.rlimits", ([{"type": "X", "soft": 1, "hard": 1}], [{"type": "RLIMIT_CPU", "soft": 2, "hard": 1}], [{"soft": 1, "hard": 1}], [{"type": "RLIMIT_NOFILE", "soft": 1 << 40, "hard": 1 << 40}],
                         [{"type": "RLIMIT_CPU", "soft": 9, "hard": 9}, {"type": "RLIMIT_CPU", "soft": 8, "hard": 8}], [{"type": "RLIMIT_CORE"}], [{"type": "RLIMIT_NOFILE", "soft": -1, "hard": 1}], {}, [{"type": "rlimit_cpu", "soft": 1, "hard": 1}])),
    ("process.noNewPrivileges", ("x", 0, None)),
    ("process.oomScoreAdj", (-1001, 1001, "5", -1000, 1000, -500, 0, None)),
    ("process.apparmorProfile", ("", "no-such")),
    ("process.selinuxLabel", ("", "x")),
    ("process.unknown", (1, {})),
    ("root", (DROP, None, {}, [], {"path": ""}, {"path": "no-such"}, {"path": "config.json"}, {"path": "/"}, {"path": "./rootfs/../rootfs"}, {"path": "BUNDLE/rootfs"}, {"path": "rootfs", "readonly": "x"}, {"path": 1})),
    ("hostname", ("x" * 64, "x" * 65, "", 1, "a b", "\u00e9", "-")),
    ("mounts", (None, {}, "x", [{}], [{"destination": ""}], [{"destination": "/x"}], [1])),
    ("mounts+", ({"destination": "/x", "type": "no-such", "source": "x"}, {"destination": "/x", "type": "tmpfs"}, {"destination": "/x", "type": "tmpfs", "source": ""}, {"destination": "/x", "type": "bind"}, {"destination": "/x", "type": "bind", "source": ""},
                 {"destination": "/x", "type": "tmpfs", "source": "t", "options": ["no-such"]}, {"destination": "/x", "type": "tmpfs", "source": "t", "options": ["size=x"]}, {"destination": "/x", "type": "tmpfs", "source": "t", "options": ["mode=9"]},
                 {"destination": "/x", "type": "tmpfs", "source": "t", "options": "ro"}, {"destination": "/x", "type": "tmpfs", "source": "t", "options": ["ro", "rw"]}, {"destination": "/x", "type": "tmpfs", "source": "t", "options": ["", "ro"]},
                 {"destination": "/x", "type": "tmpfs", "source": "t", "options": ["size=-1"]}, {"destination": "/x", "type": "tmpfs", "source": "t", "options": ["size"]}, {"destination": "/x", "type": "bind", "source": "/etc/passwd", "options": ["size=1"]},
                 {"destination": "/x", "type": "bind", "source": "/etc/passwd", "options": ["mode=1"]}, {"destination": "/x", "type": "proc", "source": "proc"}, {"destination": "/proc/x", "type": "proc", "source": "proc"}, {"destination": "/x", "type": "sysfs", "source": "sysfs", "options": ["ro"]},
                 {"destination": "/x", "type": "proc", "source": "proc", "options": ["hidepid=2"]}, {"destination": "/x", "type": "mqueue", "source": "mqueue", "options": ["ro"]}, {"destination": "/x", "type": "tmpfs", "source": "t", "options": ["tmpcopyup"]},
                 {"destination": "/x", "type": "tmpfs", "source": "t", "unknown": 1}, {"destination": "/x", "type": "tmpfs", "source": "t", "options": None}, {"destination": "/x", "type": "bind", "source": "/etc", "options": ["tmpcopyup"]},
                 {"destination": "/x", "type": "tmpfs", "source": "t", "uidMappings": [{"containerID": 0, "hostID": 0, "size": 1}], "gidMappings": [{"containerID": 0, "hostID": 0, "size": 1}]}, {"destination": "/x\u0000y", "type": "tmpfs", "source": "t"})),
    ("hooks", ({}, None, [], {"prestart": {}}, {"prestart": [{}]}, {"prestart": [{"path": ""}]}, {"prestart": [{"path": "/bin/sleep", "args": ["sleep", "9"], "timeout": -1}]}, {"prestart": [{"path": "/bin/sleep", "args": ["sleep", "9"], "timeout": 0}]}, {"prestart": [{"path": "/bin/true", "args": []}]}, {"prestart": [{"path": "/bin/true", "env": ["X"]}]},
               {"unknown": []}, {"prestart": [{"path": "/bin/false"}]}, {"prestart": [{"path": "/bin/true", "timeout": "1"}]})),
    ("annotations", ({}, [], {"a": 1}, {"": "x"}, {"a": ""}, None)),
    ("linux", (DROP, None, {}, [])),
    ("linux.namespaces", (DROP, [], [{"type": "mount"}], [{"type": "x"}], [{}], [{"type": "mount"}, {"type": "mount"}], [{"type": "mount"}, {"type": "network", "path": "/no/such"}], [{"type": "mount"}, {"type": "network", "path": "/etc/passwd"}],
                          [{"type": "mount"}, {"type": "network", "path": "relative"}], [{"type": "mount"}, {"type": "network", "path": "/proc/self/ns/uts"}], [{"type": "pid"}], {})),
    ("linux.uidMappings", ([], [{"containerID": 0, "hostID": 0, "size": 1}])),
    ("linux.maskedPaths", ([""], ["relative"], "x", [1], ["/"], [])),
    ("linux.readonlyPaths", ([""], ["relative"], "x", ["/"], ["/proc"])),
    ("linux.rootfsPropagation", ("x", "", "private", 1)),
    ("linux.cgroupsPath", ("", "relative/beside", "/beside-runc/abs", "../x", "/", "a:b:c", 1)),
    ("linux.sysctl", ({}, [], {"x": 1}, {"kernel.shmmax": ""}, {"kernel/shmmni": "5"}, {"net.ipv4.conf.all/forwarding": "1"}, {"user.max_user_namespaces": "5"}, {"vm.swappiness": "5"}, {"kernel.sem": "1 2 3 4"})),
    ("linux.personality", ({"domain": "LINUX32"}, {"domain": "X"}, {"domain": "LINUX", "flags": ["X"]}, {})),
    ("linux.intelRdt", ({}, {"closID": "x"}, {"l3CacheSchema": "L3:0=1"})),
    ("linux.seccomp", ({}, {"defaultAction": "X"}, {"defaultAction": "SCMP_ACT_ALLOW"}, {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["X"]}, {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [], "action": "SCMP_ACT_ERRNO"}]},
                       {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_ERRNO"}]}, {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "X"}]},
                       {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 9, "value": 1, "op": "SCMP_CMP_EQ"}]}]},
                       {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "op": "X"}]}]},
                       {"defaultAction": "SCMP_ACT_ALLOW", "flags": ["X"]}, {"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_LOG"]}, {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}, [], {"defaultAction": "SCMP_ACT_ERRNO"})),
    ("linux.resources", ({}, [], {"memory": {"limit": 1 << 26}}, {"memory": {"limit": -1}}, {"memory": {"limit": "x"}}, {"memory": {"limit": 0}}, {"memory": {"limit": 1}}, {"pids": {"limit": 100}}, {"pids": {"limit": -1}}, {"pids": {"limit": 0}}, {"cpu": {"shares": 1024}}, {"cpu": {"shares": 1}}, {"cpu": {"quota": 20000}},
                         {"cpu": {"quota": -1}}, {"cpu": {"period": 100000}}, {"cpu": {"period": 1}}, {"cpu": {"quota": 1}}, {"cpu": {"cpus": "0"}}, {"cpu": {"cpus": "99"}}, {"cpu": {"cpus": "x"}}, {"cpu": {"mems": "0"}}, {"cpu": {"cpus": ""}}, {"devices": [{"allow": False, "access": "rwm"}]}, {"devices": [{"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rwm"}]},
                         {"devices": [{"allow": True, "type": "x", "access": "rwm"}]}, {"devices": [{"allow": True, "access": "q"}]}, {"memory": {"swap": 1 << 27, "limit": 1 << 26}}, {"memory": {"swap": 1 << 20, "limit": 1 << 26}}, {"memory": {"swappiness": 50}}, {"memory": {"swappiness": 101}}, {"memory": {"disableOOMKiller": False}}, {"memory": {"reservation": 1 << 25}},
                         {"blockIO": {"weight": 500}}, {"blockIO": {"weight": 5}}, {"hugepageLimits": []}, {"network": {"classID": 5}}, {"unified": {}}, {"unified": {"memory.max": "100"}}, {"pids": {"limit": "x"}}, {"unknown": 1}, {"cpu": {"realtimeRuntime": 0}}, {"cpu": {"shares": -1}})),
    ("linux.devices", (None, {}, [{}], [{"path": "/dev/x"}], [{"path": "/dev/x", "type": "c"}], [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": "0666"}], [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": 0o1000666}], [{"path": "", "type": "c", "major": 1, "minor": 3}],
                       [{"path": "/dev/x", "type": "u", "major": 1, "minor": 5}], [{"path": "/dev/x", "type": "c", "major": -1, "minor": 3}], [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "uid": -1}], [{"path": "/dev/../x", "type": "c", "major": 1, "minor": 3}], [{"path": "/dev/pts", "type": "c", "major": 1, "minor": 3}])),
    ("linux.mountLabel", ("", "x")),
    ("linux.unknown", (1,)),
    ("unknown", (1, {}, [])),
    ("windows", ({}, {"layerFolders": ["x"]})),
    ("solaris", ({},)),
    ("vm", ({}, {"kernel": {"path": "/x"}})),
]  # fmt: skip
TEXTS: Final = [
    "",
    "{",
    "null",
    "[]",
    "1",
    '"x"',
    "{}",
    '{"ociVersion": "1.0.2"}',
    '{"ociVersion": "1.0.2",}',
    "\ufeff{}",
    '{"a": 1} {"b": 2}',
    "{'a': 1}",
    '{"ociVersion": "1.0.2", "ociVersion": "x"}',
    "{" * 100_000,
]


def name_of(member: str, value: Any) -> str:
    """Of a case."""
    text = "missing" if value is DROP else repr(value)
    return f"wrong {member} {text}"[:160]


REFUSED: Final = [
    *(
        Case(
            name_of(member, value), {member: value}, sees="ids caps process" if member.startswith("process") else "ids"
        )
        if member not in ("process", "process.args", "mounts", "linux", "linux.namespaces")
        else Case(name_of(member, value), {member: value})
        for member, values in WRONG
        for value in values
    ),
    *(Case(f"wrong text {text[:40]!r}", raw=text) for text in TEXTS),
    Case("without-config", prepare="rm config.json"),
    Case("without-root", prepare="rm -r rootfs"),
    Case("root-is-a-link", prepare="mv rootfs other; ln -s other rootfs", sees="list=/"),
    Case("trailing-text", raw=str(USUAL)),
]
