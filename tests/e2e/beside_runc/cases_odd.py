"""What an operator might write who wants to know: values at the edges, of every kind of limit, mount, hook, filter and path."""

from __future__ import annotations

import resource
from typing import Any, Final

from tests.e2e.beside_runc.case import DROP, Case, sh
from tests.e2e.beside_runc.cases_inside import bind, tmpfs
from tests.e2e.beside_runc.cases_more import arg, filtered, rule
from tests.e2e.beside_runc.cases_verbs import SLEEPS, UP, exec_case, hook, process

LIMITS: Final = (
    "AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NICE NOFILE NPROC RSS RTPRIO RTTIME SIGPENDING STACK".split()
)
EVERY_HOOK: Final = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")
SAID: Final = "! rt run c >out 2>/dev/null; echo $?; cat out; rt list -q; cat order 2>/dev/null"
OPERATORS: Final = ("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ")


def limit(name: str, soft: int, hard: int) -> dict[str, Any]:
    """One of process.rlimits, no more than the caller's where runc could not give more (without CAP_SYS_RESOURCE)."""
    most = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[1] if hasattr(resource, f"RLIMIT_{name}") else -1
    if 0 <= most < hard < 1 << 63:
        soft, hard = min(soft, most), most
    return {"type": f"RLIMIT_{name}", "soft": soft, "hard": hard}


def to(at: str, *options: str, kind: str = "tmpfs", source: str = "x", **more: Any) -> dict[str, Any]:
    """A mount."""
    return {"destination": at, "type": kind, "source": source, "options": list(options), **more}


def one_by_one(name: str, values: dict[str, dict[str, Any]], **more: Any) -> list[Case]:
    """A case for each."""
    return [Case(f"odd-{name}-{key}", changes, **more) for key, changes in values.items()]


ODD: Final = [
    # --- limits ---
    *(Case(f"odd-rlimit-{name.lower()}", {"process.rlimits": [limit(name, 60 if name != "AS" else 1 << 33, 70 if name != "AS" else 1 << 34)] if name not in ("DATA", "STACK", "FSIZE")
        else [limit(name, 1 << 28, 1 << 29)]}, sees="limits") for name in LIMITS if name not in ("NOFILE", "NICE", "RTPRIO")),
    Case("odd-rlimit-all", {"process.rlimits": [limit(name, 1 << 32, (1 << 33) - (n << 12)) for n, name in enumerate(LIMITS) if name not in ("NOFILE", "NICE", "RTPRIO", "MEMLOCK")]}, sees="limits"),
    Case("odd-rlimit-zero", {"process.rlimits": [limit(name, 0, 0) for name in ("CORE", "MEMLOCK", "MSGQUEUE", "NICE", "RTPRIO", "SIGPENDING", "LOCKS")]}, sees="limits"),
    Case("odd-rlimit-soft-infinite", {"process.rlimits": [limit("CORE", (1 << 64) - 1, 5)]}, sees="limits"),
    Case("odd-rlimit-hard-only", {"process.rlimits": [{"type": "RLIMIT_CORE", "hard": 9}]}, sees="limits"),
    Case("odd-rlimit-negative", {"process.rlimits": [limit("CORE", -1, -1)]}, sees="limits"),
    Case("odd-rlimit-float", {"process.rlimits": [{"type": "RLIMIT_CORE", "soft": 1.5, "hard": 2}]}, sees="limits"),
    Case("odd-rlimit-as-too-small", {"process.rlimits": [limit("AS", 4096, 4096)]}, sees="limits"),
    # With two values for files runc loses the lower one now and then: Go raises its own (os/rlimit.go) while it is set.
    exec_case("odd-rlimits", "exec -p process.json c", prepare=process(args=["/bin/probe", "limits"], rlimits=[limit("CORE", 4, 5), limit("NOFILE", 99, 99)])),
    # --- users ---
    Case("odd-groups-many", {"process.user": {"uid": 1000, "gid": 50, "additionalGids": list(range(100, 300))}}, sees="ids"),
    Case("odd-groups-order", {"process.user": {"uid": 0, "gid": 9, "additionalGids": [300, 2, 300, 0, 9]}}, sees="ids"),
    Case("odd-groups-largest", {"process.user": {"uid": 4294967294, "gid": 65534, "additionalGids": [4294967294]}}, sees="ids caps"),
    Case("odd-groups-invalid", {"process.user": {"uid": 5, "gid": 5, "additionalGids": [4294967295]}}, sees="ids"),
    Case("odd-gid-invalid", {"process.user": {"uid": 5, "gid": 4294967295}}, sees="ids"),
    Case("odd-umask-0", {"process.user": {"uid": 0, "gid": 0, "umask": 0}, "process.args": sh("umask; touch /tmp/f; mkdir /tmp/d; ls -ld /tmp/f /tmp/d | cut -c1-10")}),
    Case("odd-umask-777", {"process.user": {"uid": 0, "gid": 0, "umask": 0o777}, "process.args": sh("umask; touch /tmp/f; mkdir /tmp/d; ls -ld /tmp/f /tmp/d | cut -c1-10")}),
    Case("odd-umask-and-points", {"process.user": {"uid": 0, "gid": 0, "umask": 0o077}, "process.cwd": "/made/here", "mounts+": tmpfs(to="/point/deep")}, sees="path=/made path=/made/here path=/point"),
    # --- environment and arguments ---
    Case("odd-env-names", {"process.env": ["PATH=/bin", "A B=1", "1=2", "x.y-z=3", "\u00e9=\u00fc", "T=\t", "E==", "L=" + "y" * 5000]}, sees="env"),
    Case("odd-env-path-twice", {"process.args": ["probe", "env"], "process.env": ["PATH=/nowhere", "PATH=/bin"]}),
    Case("odd-env-path-empty", {"process.args": ["probe", "env"], "process.env": ["PATH="]}),
    Case("odd-env-path-relative", {"process.args": ["probe", "env"], "process.env": ["PATH=bin:./bin"]}),
    Case("odd-env-home-empty", {"process.env": ["PATH=/bin", "HOME="]}, sees="env"),
    Case("odd-env-nul", {"process.env": ["A=1\u0000B=2"]}, sees="env"),
    Case("odd-args-nul", {"process.args": ["/bin/echo", "a\u0000b"]}),
    Case("odd-args-empty-ones", {"process.args": ["/bin/sh", "-c", "echo $#", "", "", ""]}),
    Case("odd-args-unicode", {"process.args": ["/bin/echo", "\u00fc\u20ac\U0001f600"]}),
    Case("odd-args-surrogate", raw=None, changes={"process.args": ["/bin/echo", "\ud800"]}),
    Case("odd-args-relative", {"process.args": ["bin/probe", "env"]}),
    Case("odd-args-dots", {"process.args": ["/bin/../bin/./probe", "process"]}),
    Case("odd-args-slash", {"process.args": ["/bin/probe/"]}),
    Case("odd-args-loop", {"process.args": ["/loop"]}, prepare="ln -s loop rootfs/loop"),
    Case("odd-args-long-name", {"process.args": ["/" + "x" * 300]}),
    Case("odd-args-long-path", {"process.args": ["/bin" * 1100]}),
    Case("odd-args-setuid", {"process.args": ["/bin/set", "ids", "caps"], "process.user": {"uid": 1000, "gid": 50}, "process.noNewPrivileges": False},
         prepare="cp rootfs/bin/probe rootfs/bin/set; chmod 6755 rootfs/bin/set"),
    Case("odd-args-setuid-refused", {"process.args": ["/bin/set", "ids", "caps"], "process.user": {"uid": 1000, "gid": 50}},
         prepare="cp rootfs/bin/probe rootfs/bin/set; chmod 6755 rootfs/bin/set"),
    Case("odd-cwd-loop", {"process.cwd": "/loop"}, prepare="ln -s loop rootfs/loop", sees="process"),
    Case("odd-cwd-long", {"process.cwd": "/" + "x" * 300}, sees="process"),
    Case("odd-cwd-climbs", {"process.cwd": "/../../.."}, sees="process"),
    Case("odd-cwd-space", {"process.cwd": "/a b/\u00e9"}, sees="process"),
    Case("odd-cwd-in-tmpfs", {"process.cwd": "/mnt/in", "mounts+": tmpfs()}, sees="process list=/mnt"),
    Case("odd-cwd-in-read-only", {"process.cwd": "/new", "root.readonly": True}, sees="process"),
    Case("odd-cwd-proc", {"process.cwd": "/proc/self/fd"}, sees="ids"),
    # --- names ---
    Case("odd-domainname-without-uts", {"domainname": "d", "linux.namespaces": [{"type": "mount"}, {"type": "pid"}], "hostname": DROP}),
    Case("odd-hostname-dots", {"hostname": "a.b.c."}, sees="process"),
    Case("odd-hostname-newline", {"hostname": "a\nb"}, sees="process"),
    # --- mounts ---
    *one_by_one("tmpfs", {name: {"mounts+": to("/mnt", *options)} for name, options in {
        "sizes": ["size=1m", "mode=0700"], "gig": ["size=1g"], "blocks": ["nr_blocks=10"], "inodes-k": ["nr_inodes=1k"], "size-twice": ["size=1m", "size=2m"], "mode-long": ["mode=01777"],
        "mode-letters": ["mode=rwx"], "mode-0": ["mode=0"], "uid-name": ["uid=user"], "uid-negative": ["uid=-1"], "uid-large": ["uid=4294967295"], "gid": ["gid=50", "uid=1000"], "huge": ["huge=never"],
        "huge-wrong": ["huge=maybe"], "mpol": ["mpol=default"], "inode64": ["inode64"], "inode32": ["inode32"], "size-0": ["size=0"], "size-hex": ["size=0x10000"], "size-half": ["size=5.5k"],
        "size-empty": ["size="], "comma": ["size=64k,mode=700"], "equals": ["mode==700"], "case": ["RO"], "space": [" ro"], "data-unknown": ["foo=bar"], "noswap": ["noswap"]}.items()}, sees="mounts path=/mnt"),
    *one_by_one("flag", {name: {"mounts+": to("/mnt", *name.split("+"))} for name in (
        "async", "sync", "noasync", "dirsync", "nodirsync", "mand", "nomand", "atime", "noatime", "diratime", "nodiratime", "relatime", "norelatime", "strictatime", "nostrictatime", "lazytime", "nolazytime",
        "iversion", "noiversion", "loud", "silent", "suid", "nosuid", "dev", "nodev", "exec", "noexec", "acl", "noacl", "rro", "rnosuid", "rnodev", "rnoexec", "rnoatime", "rsuid", "rrw", "rstrictatime", "rnosymfollow",
        "symfollow", "nosymfollow", "private", "rprivate", "slave", "rslave", "unbindable", "ro+rw", "rw+ro", "noexec+exec", "ro+private+nosuid", "relatime+noatime", "noatime+strictatime", "nofail", "user", "auto", "bind")}, sees="mounts"),
    *one_by_one("overlay", {name: {"mounts+": to("/mnt", *options, kind="overlay", source="overlay"), "process.args": sh("cat /mnt/*; ls -l /mnt | cut -c1-10; echo new >/mnt/x; cat /mnt/x; echo $?")} for name, options in {
        "upper": ["lowerdir=../layers/a", "upperdir=../layers/u", "workdir=../layers/w"], "lowers": ["lowerdir=../layers/a:../layers/b"], "read-only": ["ro", "lowerdir=../layers/b:../layers/a", "upperdir=../layers/u", "workdir=../layers/w"],
        "one-lower": ["lowerdir=../layers/a"], "no-work": ["lowerdir=../layers/a", "upperdir=../layers/u"], "missing": ["lowerdir=../layers/a:../layers/none"], "none": [], "empty": ["lowerdir="], "unknown": ["lowerdir=../layers/a:../layers/b", "foo=1"],
        "value": ["lowerdir=../layers/a:../layers/b", "xino=maybe"], "volatile": ["volatile", "userxattr", "lowerdir=../layers/a", "upperdir=../layers/u", "workdir=../layers/w"]}.items()},
        prepare="mkdir -p layers/a layers/b layers/u layers/w; echo a >layers/a/x; echo b >layers/b/x; echo c >layers/b/y"),
    *one_by_one("bound", {name: {"mounts+": bind("BUNDLE/extra", "/b", *name.split("+"))} for name in (
        "ro+rw", "noexec+exec", "nosuid+private", "relatime", "strictatime", "nodiratime", "sync", "rslave", "slave", "private", "unbindable", "rbind+ro+rslave", "bind+ro+nodev", "bind+rprivate+ro", "silent", "lazytime", "acl")},
        prepare="mkdir -p extra/in; touch extra/x", sees="mounts path=/b path=/b/x"),
    *one_by_one("proc", {name: {"mounts+": to("/p", *options, kind="proc", source="proc")} for name, options in {"ro": ["ro"], "hidepid-name": ["hidepid=invisible"], "hidepid-9": ["hidepid=9"], "gid-x": ["gid=x"], "subset-x": ["subset=x"],
        "flags": ["nosuid", "noexec", "nodev", "noatime"], "size": ["size=5"]}.items()}, sees="mounts"),
    *one_by_one("devpts", {name: {"mounts.2.options": options} for name, options in {"mode": ["mode=620", "gid=0"], "max": ["newinstance", "max=3"], "gid-x": ["gid=x"], "ptmx": ["ptmxmode=000"], "wrong": ["size=5"]}.items()}, sees="mounts path=/dev/pts/ptmx"),
    Case("odd-mqueue", {"mounts+": to("/q", "nosuid", "noexec", "nodev", kind="mqueue", source="mqueue")}, sees="mounts path=/q"),
    Case("odd-mqueue-data", {"mounts+": to("/q", "size=1", kind="mqueue", source="mqueue")}, sees="mounts"),
    Case("odd-sysfs-again", {"mounts+": to("/s", "ro", "nosuid", kind="sysfs", source="sysfs")}, sees="mounts"),
    Case("odd-type-upper", {"mounts+": to("/x", kind="TMPFS")}, sees="mounts"),
    Case("odd-type-empty", {"mounts+": to("/x", kind="", source="x")}, sees="mounts"),
    Case("odd-source-strange", {"mounts+": [to("/a", source="a b\tc"), to("/b", source="\\040"), to("/c", source="\u00e9"), to("/d", source="#x")]}, sees="mounts"),
    Case("odd-point-strange", {"mounts+": [to("/a b"), to("/t\tb"), to("/n\nl"), to("/back\\slash"), to("/\u00e9/#h"), to("/trail///"), to("//twice"), to("/./dot/.")]}, sees="mounts list=/"),
    Case("odd-point-long", {"mounts+": to("/" + "x" * 256)}, sees="mounts"),
    Case("odd-point-deep", {"mounts+": to("/d" * 300)}, sees="ids"),
    Case("odd-mounts-many", {"mounts+": [to(f"/many/{n}") for n in range(120)]}, sees="ids list=/many/119"),
    Case("odd-mounts-stacked", {"mounts+": [to("/s", f"size={n + 1}m") for n in range(20)]}, sees="mounts"),
    Case("odd-mounts-swap", {"mounts+": [to("/a/b"), to("/a"), bind("BUNDLE/extra", "/a/b/c")]}, prepare="mkdir extra; touch extra/x", sees="mounts list=/a list=/a/b"),
    Case("odd-bind-file-on-itself", {"mounts+": bind("BUNDLE/rootfs/etc/passwd", "/etc/passwd", "ro")}, sees="mounts path=/etc/passwd"),
    Case("odd-bind-root-part", {"mounts+": bind("BUNDLE/rootfs/data", "/etc/data", "ro")}, sees="mounts list=/etc/data path=/data/file"),
    Case("odd-bind-socket", {"mounts+": bind("BUNDLE/sock", "/etc/sock")}, prepare="python3 -c 'import socket,os; os.chdir(os.getcwd()); socket.socket(socket.AF_UNIX).bind(\"sock\")'", sees="list=/etc"),
    Case("odd-bind-no-access", {"mounts+": bind("BUNDLE/extra", "/b"), "process.user": {"uid": 1000, "gid": 50}}, prepare="mkdir -m 700 extra", sees="path=/b list=/b"),
    Case("odd-bind-setuid-there", {"mounts+": bind("BUNDLE/extra", "/b", "nosuid"), "process.args": ["/b/set", "ids"], "process.user": {"uid": 1000, "gid": 50}, "process.noNewPrivileges": False},
         prepare="mkdir extra; cp rootfs/bin/probe extra/set; chmod 6755 extra/set"),
    Case("odd-bind-noexec-run", {"mounts+": bind("BUNDLE/extra", "/b", "noexec"), "process.args": ["/b/prog", "ids"]}, prepare="mkdir extra; cp rootfs/bin/probe extra/prog"),
    Case("odd-shm-sizes", {"mounts.3.options": ["nosuid", "size=64k"], "process.args": sh("cat /bin/busybox > /dev/shm/x; echo $?; ls -l /dev/shm/x | tr -s ' ' | cut -d' ' -f5")}),
    # --- hooks ---
    *(Case(f"odd-hook-missing-{kind}", {f"hooks.{kind}": [{"path": "/no/such/hook"}], "process.args": ["/bin/echo", "process"]}, (SAID,)) for kind in EVERY_HOOK),
    *(Case(f"odd-hook-killed-{kind}", {f"hooks.{kind}": [hook("echo one >> $B/order; kill -9 $$"), hook("echo two >> $B/order")], "process.args": ["/bin/echo", "process"]}, (SAID,)) for kind in EVERY_HOOK),
    *(Case(f"odd-hook-slow-{kind}", {f"hooks.{kind}": [hook("exec sleep 30", timeout=1)], "process.args": ["/bin/echo", "process"]}, (SAID,), slow=True) for kind in EVERY_HOOK),
    *(Case(f"odd-hook-not-executable-{kind}", {f"hooks.{kind}": [{"path": "BUNDLE/config.json"}], "process.args": ["/bin/echo", "process"]}, (SAID,)) for kind in EVERY_HOOK[:3]),
    Case("odd-hook-deaf", {"hooks.prestart": [hook("exec <&-; exit 0")], "process.args": ["/bin/echo", "process"]}, (SAID,)),
    Case("odd-hook-loud", {"hooks.prestart": [hook("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; echo done >> $B/order")], "process.args": ["/bin/echo", "process"]}, (SAID,)),
    Case("odd-hook-leaves-a-child", {"hooks.prestart": [hook("sleep 3 > /dev/null 2>&1 < /dev/null & echo done >> $B/order")], "process.args": ["/bin/echo", "process"]}, (SAID,)),
    Case("odd-hook-args-none", {"hooks.prestart": [{"path": "/bin/true"}], "process.args": ["/bin/echo", "process"]}),
    Case("odd-hook-inside-missing", {"hooks.startContainer": [{"path": "/no/such"}], "process.args": ["/bin/echo", "process"]}, ("! rt run c 2>/dev/null; test $? -ne 0; echo $?; rt list -q",)),
    # --- control groups ---
    *one_by_one("group", {name: {**SLEEPS, "linux.cgroupsPath": path} for name, path in {"slashes": "//beside-odd///one//", "dots": "/beside-odd/./two/../three", "climbs": "/../../beside-odd/four", "deep": "/beside-odd" + "/d" * 30,
        "space": "/beside-odd/a b", "unicode": "/beside-odd/\u00e9", "long": "/beside-odd/" + "x" * 256, "colon": "/beside-odd/a:b", "trailing": "/beside-odd/t/"}.items()},
        steps=("create c", "! find /sys/fs/cgroup/pids/ -path '*beside-odd*' -type d | sort", "start c", "says ready", "delete --force c", "! rm -f x; find /sys/fs/cgroup/pids/ -path '*beside-odd/*' -type d; find /sys/fs/cgroup -depth -path '*beside-odd*' -type d -exec rmdir {} +")),
    Case("odd-group-newline", {**SLEEPS, "linux.cgroupsPath": "/beside-odd/a\nb"}, ("create c", "delete --force c", "! find /sys/fs/cgroup -depth -path '*beside-odd*' -type d -exec rmdir {} +")),
    Case("odd-group-relative", {**SLEEPS, "linux.cgroupsPath": "beside-odd-relative/x"}, ("create c", "delete --force c", "! find /sys/fs/cgroup -depth -path '*beside-odd*' -type d -exec rmdir {} +")),
    # --- filters ---
    *(Case(f"odd-seccomp-{op.lower()}", {**filtered("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "kill", errnoRet=40, args=[arg(1, 12, f"SCMP_CMP_{op}", 12 if op == "MASKED_EQ" else 0)])),
        "process.args": sh("trap '' 10 12 14; for n in 10 12 14 28; do kill -$n $$ 2>&1; echo $n $?; done")}) for op in OPERATORS),
    *(Case(f"odd-seccomp-default-{action.lower()}", {**filtered(f"SCMP_ACT_{action}", rule("SCMP_ACT_ALLOW", "execve"))}, (SAID,)) for action in ("KILL_PROCESS", "TRAP")),
    *(Case(f"odd-seccomp-{action.lower()}", {**filtered("SCMP_ACT_ALLOW", rule(f"SCMP_ACT_{action}", "mkdir", "mkdirat")), "process.args": sh("mkdir /x; echo $?")})
      for action in ("KILL", "KILL_THREAD", "KILL_PROCESS", "TRAP", "ERRNO", "TRACE", "LOG", "ALLOW")),
    *(Case(f"odd-seccomp-errno-{number}", {**filtered("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "mkdir", "mkdirat", errnoRet=number)), "process.args": sh("mkdir /x; echo $?")}) for number in (0, 1, 133, 4095, 4096, 65536, -1)),
    Case("odd-seccomp-same-call-twice", {**filtered("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "mkdir", "mkdirat", errnoRet=5), rule("SCMP_ACT_ERRNO", "mkdir", "mkdirat", errnoRet=13)), "process.args": sh("mkdir /x")}),
    Case("odd-seccomp-allow-then-errno", {**filtered("SCMP_ACT_ERRNO", rule("SCMP_ACT_ALLOW", "mkdir")), "linux.seccomp.defaultAction": "SCMP_ACT_ALLOW", "process.args": sh("mkdir /x; echo $?")}),
    Case("odd-seccomp-two-args", {**filtered("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "kill", errnoRet=40, args=[arg(1, 10, "SCMP_CMP_EQ"), arg(0, 1, "SCMP_CMP_EQ")])), "process.args": sh("trap '' 10 12; kill -10 $$ 2>&1; echo $?; kill -12 $$; echo $?")}),
    Case("odd-seccomp-same-arg-twice", {**filtered("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "kill", errnoRet=40, args=[arg(1, 10, "SCMP_CMP_EQ"), arg(1, 12, "SCMP_CMP_EQ")])), "process.args": sh("trap '' 10 12; kill -10 $$ 2>&1; echo $?; kill -12 $$; echo $?")}),
    Case("odd-seccomp-high-bits", {**filtered("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "kill", errnoRet=40, args=[arg(1, (1 << 32) + 10, "SCMP_CMP_EQ")])), "process.args": sh("trap '' 10; kill -10 $$ 2>&1; echo $?")}),
    Case("odd-seccomp-arch-more", {**filtered("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "mkdir", "mkdirat", errnoRet=5), architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]), "process.args": sh("mkdir /x; echo $?")}),
    Case("odd-seccomp-arch-other", {**filtered("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "mkdir", "mkdirat", errnoRet=5), architectures=["SCMP_ARCH_AARCH64"]), "process.args": sh("mkdir /x; echo $?")}),
    Case("odd-seccomp-excess-member", {**filtered("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "mkdir", "mkdirat", comment="x", includes={}, excludes={})), "process.args": sh("mkdir /x; echo $?")}),
    # --- terminals ---
    *one_by_one("terminal", {f"{h}x{w}": {"process.terminal": True, "process.consoleSize": {"height": h, "width": w}} for h, w in ((1, 1), (0, 0), (24, 0), (65535, 65535), (500, 132))}, steps=("console run c",), sees="tty"),
    Case("odd-terminal-size-alone", {"process.consoleSize": {"height": 5, "width": 6}}, sees="tty"),
    # --- devices ---
    Case("odd-device-on-a-file", {"linux.devices": [{"path": "/dev/there", "type": "c", "major": 1, "minor": 3}], "mounts+": bind("BUNDLE/extra", "/dev/there")}, prepare="echo x > extra", sees="dev"),
    Case("odd-device-twice", {"linux.devices": [{"path": "/dev/x", "type": "c", "major": 1, "minor": n, "fileMode": 0o600 + n} for n in (3, 5)]}, sees="dev"),
    Case("odd-device-modes", {"linux.devices": [{"path": f"/dev/m{mode:o}", "type": "c", "major": 1, "minor": 3, "fileMode": mode} for mode in (0, 0o751, 0o666)]}, sees="dev"),
    Case("odd-device-link-way", {"linux.devices": [{"path": "/dev/shm/x", "type": "c", "major": 1, "minor": 3}]}, sees="list=/dev/shm"),
    # --- namespaces ---
    Case("odd-namespaces-all", {"linux.namespaces+": [{"type": "cgroup"}]}, sees="namespaces ids"),
    Case("odd-namespaces-time", {"linux.namespaces+": [{"type": "time"}]}, sees="ids"),
    Case("odd-namespaces-twice", {"linux.namespaces+": [{"type": "pid"}]}, sees="ids"),
    Case("odd-namespaces-path-is-dir", {"linux.namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "network", "path": "/proc/self/ns"}], "hostname": DROP}, sees="ids"),
    Case("odd-no-mount-namespace", {"linux.namespaces": [{"type": "pid"}, {"type": "uts"}]}, sees="ids"),
    # --- masked and read-only paths ---
    Case("odd-masked-many", {"linux.maskedPaths": [f"/etc/{n}" for n in range(50)] + ["/etc/passwd", "/etc/../etc/group", "//data//file"]}, sees="list=/etc list=/data"),
    Case("odd-masked-mount", {"mounts+": tmpfs(), "linux.maskedPaths": ["/mnt"], "linux.readonlyPaths": ["/dev/shm"]}, sees="mounts list=/mnt path=/dev/shm"),
    Case("odd-masked-and-read-only", {"linux.maskedPaths": ["/data"], "linux.readonlyPaths": ["/data", "/data/file"]}, sees="mounts list=/data"),
    Case("odd-read-only-tree", {"mounts+": [tmpfs(to="/t"), tmpfs(to="/t/u")], "linux.readonlyPaths": ["/t"], "process.args": sh("touch /t/x; echo $?; touch /t/u/x; echo $?")}),
    # --- words of commands ---
    Case("odd-kill-words", SLEEPS, (*UP, "kill c ' KILL'", "kill c 65", "kill c 0x9", "kill c -KILL", "kill c ''", "state c", "kill c sigusr1")),
    Case("odd-names", SLEEPS, ("create .", "create ..", "create a/b", "create 'a b'", "create \u00e9", "create " + "x" * 1025, "create -- -x", "state -- -x", "list -q", "delete -f -- -x", "list -q")),
    Case("odd-files-of-pids", SLEEPS, ("create --pid-file / c", "list -q", "create --bundle /dev/null c", "create --console-socket /dev/null c", "list -q")),
    exec_case("odd-files", "exec --process /dev/null c", "exec --process /etc/passwd c", "exec --console-socket /none c echo hi", "exec -d --pid-file /none/x c true", "update --resources /dev/null c", "update --resources /etc/passwd c"),
    # --- annotations ---
    Case("odd-annotations", {**SLEEPS, "annotations": {"a/b.c": "\u00e9", "long": "x" * 20000, "bundle": "mine", "io.x": "{}", "A=B": " "}}, (*UP, "state c", "list -f json")),
    # --- processes that enter ---
    exec_case("odd-process-env", "exec -p process.json c", prepare=process(args=["/bin/probe", "env", "ids"], env=["A=1", "A=2", "PATH=/bin"], user={"uid": 7, "gid": 8, "additionalGids": [9]})),
    exec_case("odd-process-caps", "exec -p process.json c", prepare=process(args=["/bin/probe", "caps"], capabilities={"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"], "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]}, noNewPrivileges=True)),
    exec_case("odd-process-wrong", *(f"exec -p p{n}.json c" for n in range(8)), prepare="".join(f"cat > p{n}.json <<'END'\n{text}\nEND\n" for n, text in enumerate((
        '{}', '[]', '{"args": []}', '{"args": [""]}', '{"args": ["/bin/echo", "x"], "cwd": "data"}', '{"args": ["/bin/echo", "x"], "cwd": "/", "user": {"uid": -1}}', '{"args": ["/bin/echo", "x"], "cwd": "/", "rlimits": [{"type": "X"}]}',
        '{"args": ["/bin/echo", "x"], "cwd": "/", "capabilities": {"effective": ["NO"]}}')))),
    exec_case("odd-flags", "exec --env A=1 --env B=2 c /bin/probe env", "exec --user 0:0 --additional-gids 3 --additional-gids 4 c /bin/probe ids", "exec --additional-gids 70000 c /bin/probe ids", "exec --ignore-paused c /bin/echo x",
              "exec --no-new-privs=false c /bin/probe caps", "exec -d=false c /bin/echo x", "exec --cgroup /x c true", "exec --no-such c true", "exec c -- /bin/echo x"),
]  # fmt: skip
