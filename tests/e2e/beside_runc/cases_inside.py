"""What a process in a container sees."""

from __future__ import annotations

from typing import Any, Final

from tests.e2e.beside_runc.case import DROP, Case, sh

SEES: Final = "ids caps limits process env fds mounts dev tty namespaces cgroup list=/ list=/data"
PATHS: Final = " ".join(f"path={p}" for p in ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/scsi", "/sys/firmware",
    "/proc/bus", "/proc/sys/kernel/hostname", "/proc/sysrq-trigger", "/sys/kernel", "/dev/shm", "/dev/mqueue", "/dev/pts"))  # fmt: skip
USER: Final = {"uid": 1000, "gid": 50, "additionalGids": [7, 1000], "umask": 0o27}
ALL_SETS: Final = ("bounding", "effective", "inheritable", "permitted", "ambient")


def tmpfs(*options: str, to: str = "/mnt", **more: Any) -> dict[str, Any]:
    return {"destination": to, "type": "tmpfs", "source": "tmpfs", "options": list(options), **more}


def bind(source: str, to: str, *options: str, kind: str = "bind") -> dict[str, Any]:
    return {
        "destination": to,
        "type": kind,
        "source": source,
        "options": list(options) if {"bind", "rbind"} & set(options) else ["rbind", *options],
    }


def proc(option: Any, **more: Any) -> dict[str, Any]:
    return {f"process.{name}": value for name, value in {**option, **more}.items()}


INSIDE: Final = [
    Case("usual", sees=SEES),
    Case("paths", sees=PATHS),
    Case("user", {"process.user": USER}, sees="ids caps env list=/ list=/data"),
    Case("user-not-privileged", {"process.user": USER, "process.noNewPrivileges": False, "process.capabilities": DROP},
         sees="ids caps"),
    Case("caps-none", {"process.capabilities": DROP}, sees="caps ids"),
    Case("caps-empty", {"process.capabilities": {}}, sees="caps"),
    Case("caps-all-sets", {"process.capabilities": {name: ["CAP_KILL", "CAP_SYS_TIME", "CAP_CHOWN"] for name in ALL_SETS}},
         sees="caps"),
    Case("caps-ambient-of-user", {"process.user": USER, "process.capabilities": {n: ["CAP_KILL", "CAP_CHOWN"] for n in ALL_SETS}},
         sees="caps"),
    Case("caps-ambient-not-inheritable", {"process.user": USER, "process.capabilities": {
        "bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"], "effective": ["CAP_KILL"], "ambient": ["CAP_KILL"]}}, sees="caps"),
    Case("caps-effective-less", {"process.capabilities": {"bounding": ["CAP_KILL", "CAP_CHOWN"], "permitted": ["CAP_KILL"],
        "effective": []}}, sees="caps"),
    Case("rlimits", {"process.rlimits": [{"type": "RLIMIT_" + name, "soft": n + 10, "hard": n + 1000}
        for n, name in enumerate("CPU CORE MSGQUEUE SIGPENDING LOCKS RTTIME MEMLOCK RSS".split())]},
         sees="limits"),
    Case("rlimits-none", {"process.rlimits": DROP}, sees="limits"),
    Case("rlimits-unlimited", {"process.rlimits": [{"type": "RLIMIT_STACK", "soft": (1 << 64) - 1, "hard": (1 << 64) - 1}]},
         sees="limits"),
    Case("cwd-is-made", {"process.cwd": "/new/one"}, sees="process list=/new"),
    Case("cwd-of-a-user", {"process.cwd": "/home/user/x", "process.user": USER}, sees="process list=/home/user"),
    Case("cwd-through-a-link", {"process.cwd": "/links/sub"}, sees="process"),
    Case("cwd-with-dots", {"process.cwd": "/data/../data/./sub/"}, sees="process"),
    Case("cwd-is-a-file", {"process.cwd": "/data/file"}, sees="process"),
    Case("env-twice", {"process.env": ["PATH=/bin", "A=1", "B=2", "A=3", "E="]}, sees="env"),
    Case("empty-name", {"process.args": [""]}),
    Case("env-none", {"process.env": DROP, "process.args": ["/bin/probe", "env"]}),
    Case("env-home-kept", {"process.env": ["HOME=/x"]}, sees="env"),
    Case("env-of-user", {"process.user": {"uid": 1000, "gid": 1000}}, sees="env"),
    Case("env-of-nobody", {"process.user": {"uid": 77, "gid": 77}}, sees="env ids"),
    Case("read-only-root", {"root.readonly": True}, sees="mounts list=/ path=/data/file"),
    Case("no-new-privileges-off", {"process.noNewPrivileges": False}, sees="caps"),
    Case("oom", {"process.oomScoreAdj": 321}, sees="process"),
    Case("names", {"hostname": "other", "linux.namespaces+": {"type": "cgroup"}}, sees="process cgroup namespaces"),
    Case("no-hostname", {"hostname": DROP, "process.args": sh("test $(hostname) = x; echo")}),
    Case("domainname", {"domainname": "example"}, sees="process"),
    Case("sysctl", {"linux.sysctl": {"net.ipv4.ip_forward": "1", "kernel.shmmni": "77", "net.core.somaxconn": "99",
        "fs.mqueue.msg_max": "12", "kernel.msgmax": "4096", "net.ipv4.ping_group_range": "0 5"}},
        sees="read=/proc/sys/net/ipv4/ip_forward read=/proc/sys/kernel/shmmni read=/proc/sys/net/core/somaxconn "
        "read=/proc/sys/fs/mqueue/msg_max read=/proc/sys/kernel/msgmax read=/proc/sys/net/ipv4/ping_group_range"),
    Case("sysctl-of-the-host", {"linux.sysctl": {"kernel.panic": "1"}}),
    Case("sysctl-unknown", {"linux.sysctl": {"net.no.such": "1"}}),
    Case("sysctl-wrong", {"linux.sysctl": {"net.ipv4.ip_forward": "many"}}),
    Case("sysctl-hostname", {"linux.sysctl": {"kernel.hostname": "x"}}),
    Case("sysctl-domainname", {"linux.sysctl": {"kernel.domainname": "x"}}, sees="process"),
    Case("seccomp", {"linux.seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]},
        "process.args": sh("mkdir /x; grep Seccomp: /proc/self/status")}),
    Case("seccomp-kill", {"linux.seccomp": {"defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL_PROCESS"}]}, "process.args": ["/bin/mkdir", "/x"]}),
    Case("seccomp-unknown-call", {"linux.seccomp": {"defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["no_such_call"], "action": "SCMP_ACT_ERRNO"}]}}, sees="caps"),
    Case("personality", {"linux.personality": {"domain": "LINUX"}}, sees="process"),
    # --- mounts ---
    Case("tmpfs-options", {"mounts+": tmpfs("mode=1711", "size=100k", "uid=5", "gid=6", "nosuid")}, sees="mounts path=/mnt"),
    Case("tmpfs-without-mode", {"mounts+": tmpfs(to="/data")}, sees="mounts list=/ list=/data"),
    Case("tmpfs-no-options", {"mounts+": {"destination": "/a/b/c", "type": "tmpfs", "source": "x"}}, sees="mounts list=/a"),
    Case("tmpfs-copy-up", {"mounts+": tmpfs("tmpcopyup", to="/data")}, sees="mounts path=/data list=/data list=/data/sub"),
    Case("tmpfs-ro-copy-up", {"mounts+": tmpfs("tmpcopyup", "ro", to="/data")}, sees="mounts list=/data"),
    Case("tmpfs-flags", {"mounts+": [tmpfs("ro", to="/m1"), tmpfs("noexec", "nodev", to="/m2"), tmpfs("noatime", to="/m3"),
        tmpfs("nodiratime", "norelatime", to="/m4"), tmpfs("sync", "dirsync", to="/m5"), tmpfs("strictatime", to="/m6"),
        tmpfs("lazytime", "silent", to="/m7"), tmpfs("rw", "suid", "dev", "exec", to="/m8"),
        tmpfs("nosuid", "suid", to="/m9")]}, sees="mounts"),
    Case("dev-bare", {"mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]}]}, sees="list=/dev"),
    Case("proc-hidden", {"mounts+": {"destination": "/x", "type": "proc", "source": "proc",
        "options": ["hidepid=2", "gid=5", "subset=pid"]},
        "process.args": sh("grep ' /x ' /proc/mounts; ls /x | grep -vx '[1-9]*'; cat /x/version /x/1/comm")}),
    Case("tmpfs-defaults", {"mounts+": tmpfs("defaults")}),
    Case("tmpfs-percent", {"mounts+": tmpfs("size=1%", "nr_inodes=100")}, sees="path=/mnt"),
    Case("mount-order", {"mounts+": [tmpfs(to="/a"), tmpfs(to="/a/b"), bind("BUNDLE/extra", "/a/b/c")]},
         prepare="mkdir extra; echo x > extra/y", sees="mounts list=/a/b/c"),
    Case("mount-over-mount", {"mounts+": [tmpfs("size=1m", to="/a"), tmpfs("size=2m", to="/a")]}, sees="mounts"),
    Case("mount-relative", {"mounts+": tmpfs(to="rel/path")}, sees="mounts list=/rel"),
    Case("mount-dots", {"mounts+": tmpfs(to="/data/../other")}, sees="mounts list=/"),
    Case("mount-climbs", {"mounts+": tmpfs(to="/../../above")}, sees="mounts list=/"),
    Case("mount-on-link", {"mounts+": tmpfs(to="/links/new")}, sees="mounts list=/data"),
    Case("mount-on-climbing-link", {"mounts+": tmpfs(to="/climbs/new")}, sees="mounts list=/"),
    Case("mount-on-file", {"mounts+": tmpfs(to="/data/file")}, sees="mounts"),
    Case("mount-through-file", {"mounts+": tmpfs(to="/data/file/x")}, sees="mounts"),
    Case("mount-on-root", {"mounts+": tmpfs(to="/")}, sees="mounts"),
    Case("mount-on-proc", {"mounts+": tmpfs(to="/proc/self")}, sees="mounts"),
    Case("mount-below-proc", {"mounts+": tmpfs(to="/proc/x")}, sees="mounts"),
    Case("mount-below-sys", {"mounts+": tmpfs(to="/sys/fs/cgroup")}, sees="mounts"),
    Case("bind-file-over-dir", {"mounts+": bind("/etc/hostname", "/data")}, sees="mounts"),
    Case("bind-dir-over-file", {"mounts+": bind("BUNDLE/extra", "/data/file")}, prepare="mkdir extra", sees="mounts"),
    Case("bind-file", {"mounts+": bind("BUNDLE/extra", "/etc/new/file")}, prepare="echo x > extra",
         sees="mounts list=/etc read=/etc/new/file"),
    Case("bind-file-ro", {"mounts+": bind("BUNDLE/extra", "/etc/passwd", "ro")}, prepare="echo root:x:0:0:root:/elsewhere:/bin/sh > extra",
         sees="mounts list=/etc read=/etc/passwd env"),
    Case("bind-options", {"mounts+": [bind("BUNDLE/extra", "/b1", "ro", "nosuid", "noexec", "nodev"), bind("BUNDLE/extra", "/b2", "rbind"),
        bind("BUNDLE/extra", "/b3", "bind", "noatime"), bind("BUNDLE/extra", "/b4", "rbind", "rprivate"),
        bind("BUNDLE/extra", "/b5", "rbind", "rro"), bind("BUNDLE/extra", "/b6", "bind", "noexec", "rw", kind=""),
        bind("BUNDLE/extra", "/b7", "bind", kind="none"), bind("BUNDLE/extra", "/b8", "rbind", kind="tmpfs")]},
        prepare="mkdir extra; cp rootfs/bin/probe extra", sees=
        "mounts " + " ".join(f"path=/b{n} path=/b{n}/probe" for n in range(1, 9))),
    Case("bind-relative-source", {"mounts+": bind("extra", "/b")}, prepare="mkdir extra; touch extra/x", sees="mounts list=/b"),
    Case("bind-missing", {"mounts+": bind("BUNDLE/no-such", "/b")}, sees="mounts"),
    Case("bind-dangling-link", {"mounts+": bind("BUNDLE/dangling", "/b")}, prepare="ln -s nowhere dangling", sees="mounts"),
    Case("bind-of-link", {"mounts+": bind("BUNDLE/link", "/b")}, prepare="mkdir extra; ln -s extra link", sees="mounts list=/"),
    Case("bind-dev", {"mounts+": bind("/dev/null", "/etc/null")}, sees="mounts list=/etc", slow=True),
    Case("bind-fifo", {"mounts+": bind("BUNDLE/fifo", "/etc/fifo")}, prepare="mkfifo fifo", sees="list=/etc"),
    Case("bind-proc", {"mounts+": bind("/proc/self/ns/net", "/etc/net")}, sees="list=/etc", slow=True),
    *(Case(f"propagation-{kind}", {"linux.rootfsPropagation": kind, "mounts+": [tmpfs(kind, to="/mnt"), tmpfs("r" + kind, to="/mnt2")]},
           sees="mounts") for kind in ("private", "slave", "shared", "unbindable")),
    *(Case(f"propagation-{kind}", {"linux.rootfsPropagation": kind}, sees="mounts")
      for kind in ("rprivate", "rslave", "rshared", "runbindable")),
    Case("no-mounts", {"mounts": []}, sees="ids list=/ dev"),
    Case("no-dev", {"mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}]}, sees="mounts list=/ dev"),
    Case("dev-bound", {"mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}, bind("BUNDLE/dev", "/dev")]},
         prepare="mkdir dev", sees="mounts dev"),
    Case("cgroup-mount", {"mounts+": {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
         "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]}}, sees="path=/sys/fs/cgroup"),
    Case("devpts-options", {"mounts.2.options": ["newinstance", "ptmxmode=0600", "mode=0600", "gid=7", "nosuid"]},
         sees="mounts dev path=/dev/pts/ptmx"),
    Case("devpts-none", {"mounts.2.options": DROP}, sees="mounts path=/dev/pts/ptmx"),
    # --- devices ---
    Case("devices", {"linux.devices": [{"path": "/dev/mynull", "type": "c", "major": 1, "minor": 3, "fileMode": 0o640, "uid": 5, "gid": 6},
         {"path": "/dev/dir/zero", "type": "c", "major": 1, "minor": 5}, {"path": "/dev/tty", "type": "c", "major": 5, "minor": 0}]},
         sees="dev list=/dev/dir"),
    Case("devices-default-again", {"linux.devices": [{"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600}]},
         sees="dev"),
    Case("devices-fifo", {"linux.devices": [{"path": "/dev/pipe", "type": "p", "fileMode": 0o640}]}, sees="dev"),
    Case("devices-elsewhere", {"linux.devices": [{"path": "/data/null", "type": "c", "major": 1, "minor": 3}]}, sees="list=/data"),
    Case("devices-relative", {"linux.devices": [{"path": "null", "type": "c", "major": 1, "minor": 3}]}, sees="list=/"),
    Case("devices-type", {"linux.devices": [{"path": "/dev/x", "type": "q", "major": 1, "minor": 3}]}),
    # --- masked paths ---
    Case("masked", {"linux.maskedPaths": ["/data/file", "/data/sub", "/no/such", "/links"], "linux.readonlyPaths": ["/etc", "/no/such"]},
         sees="mounts list=/data path=/data/sub/deep path=/etc path=/etc/passwd"),
    Case("masked-relative", {"linux.maskedPaths": ["data/file"]}, sees="mounts list=/data"),
    Case("read-only-relative", {"linux.readonlyPaths": ["data"]}, sees="mounts"),
    Case("read-only-file", {"linux.readonlyPaths": ["/data/file"]}, sees="mounts path=/data/file"),
    # --- programs ---
    Case("exit-status", sees="ids err exit=3"),
    Case("by-path", {"process.args": ["probe", "env"]}),
    Case("by-path-in-cwd", {"process.args": ["./probe", "env", "process"], "process.cwd": "/bin"}),
    Case("not-found", {"process.args": ["no-such-program"]}),
    Case("not-found-absolute", {"process.args": ["/no/such"]}),
    Case("not-executable", {"process.args": ["/bin/not-executable"]}),
    Case("no-interpreter", {"process.args": ["/bin/no-interpreter"]}),
    Case("not-a-program", {"process.args": ["/bin/not-a-program"]}),
    Case("a-directory", {"process.args": ["/data"]}),
    Case("not-allowed", {"process.args": ["/home/private/x"], "process.user": USER}, prepare="mkdir -m 700 rootfs/home/private"),
    Case("killed-by-itself", {"process.args": sh("kill -9 $$; echo still; kill -TERM $$; echo here")}),
    Case("child-killed", {"process.args": sh("(kill -9 $$; sh -c 'kill -9 $$'; echo $?); exit 200")}),
    Case("no-namespaces", {"linux.namespaces": [{"type": "mount"}, {"type": "pid"}], "hostname": DROP}, sees="namespaces list=/data"),
]  # fmt: skip
