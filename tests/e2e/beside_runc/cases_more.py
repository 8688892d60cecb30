"""Where flags may stand, odd values of them, roots that are not as usual, and filters of calls."""

from __future__ import annotations

from typing import Any, Final

from tests.e2e.beside_runc.case import DROP, Case, sh
from tests.e2e.beside_runc.cases_inside import bind, tmpfs
from tests.e2e.beside_runc.cases_verbs import SLEEPS, UP, USER, exec_case, hook, process

GROUP: Final = {"linux.cgroupsPath": "/beside-runc/more"}
ECHO: Final = {"process.args": ["/bin/echo", "hi"]}
SAID: Final = "! rt run c 2>&1 | grep -o 'hook #[0-9]*: '; rt list -q"


def filtered(default: str, *rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    """linux.seccomp."""
    return {"linux.seccomp": {"defaultAction": default, "syscalls": list(rules), **more}}


def rule(action: str, *names: str, **more: Any) -> dict[str, Any]:
    """One of them."""
    return {"names": list(names), "action": action, **more}


def arg(index: int, value: int, op: str, two: int = 0) -> dict[str, Any]:
    """A condition."""
    return {"index": index, "value": value, "valueTwo": two, "op": op}


MORE: Final = [
    # --- where flags stand ---
    Case("flags-behind", ECHO, ("run c --keep", "kill c KILL --all", "state c --help-me", "delete c --force", "list extra -q", "delete nope -f",
        "kill nope -1", "kill nope -- -1", "run d -- --keep", "state d")),
    Case("flags-behind-running", SLEEPS, (*UP, "update c --pids-limit 70", "pause c", "resume c --no-such", "exec c echo -t --tty -- x")),
    Case("update-odd", {**SLEEPS, **GROUP}, (*UP, "update --pids-limit -1 c", "update --pids-limit 0 c", "update --memory -1 c", "update --memory-swap -1 c",
        "update --cpu-quota -1 c", "update --memory-reservation -1 c", "update --pids-limit x c", "update --pids-limit -2 c", "update --cpu-period 99 c",
        "update --cpu-share 1 c", "update --memory 64M --memory-swap 32M c", "update --memory 1.5G c", "update --memory 64m c", "update --memory '' c",
        "update --cpuset-cpus 99 c", "update --cpuset-cpus x c")),
    Case("wrong-and-unknown", steps=("exec -g x nope true", "exec --additional-gids 5 -g y nope true", "exec -g -1 nope true", "exec -g 5 nope true", "exec --preserve-fds x nope true",
        "kill nope 999", "update --memory nope", "update -r /no/such nope", "events --interval x nope", "events --interval 0s nope", "ps -f xml nope", "restore --lsm-profile apparmor:x nope",
        "restore --lsm-mount-context x nope", "restore --no-such nope", "checkpoint --manage-cgroups-mode bad nope", "start nope more", "pause nope more", "resume nope more", "events nope more",
        "delete nope more", "features more", "state ''", "exec '' true", "! rt --root /dev/null list >/dev/null 2>&1; echo $?", "! rt --root /dev/null/x list >/dev/null 2>&1; echo $?", "! rt --log-format xml list >/dev/null 2>&1; echo $?")),
    # --- what they print ---
    Case("spec-document", steps=("! mkdir s; cd s; rt spec; grep -v -e '\"hostname\"' -e '\"ociVersion\"' config.json",)),
    Case("spec-runs", steps=("! rm config.json; rt spec; sed -i 's/\"terminal\": true/\"terminal\": false/; s/\"sh\"/\"id\"/' config.json; rt run c",)),
    Case("ps-of-host", SLEEPS, (*UP, "! rt ps c -e -x | sed -n 's/ *[0-9]* / N /; 1p; $p' | grep -c .", "! rt ps c aux | wc -l", "! rt ps c -o comm,pid | sed 's/[0-9]//g' | tr -s ' '",
        "! rt ps c -eL | awk '{print $NF}'", "ps c --no-such", "! rt ps c | awk '{print $1}'")),
    Case("list-table", SLEEPS, ("! rt list | head -1 | tr -s ' '", *UP, "! rt list | tail -n +2 | awk '{print $1, $3, NF}'", "! rt list -f json | cut -c1-15")),
    Case("hooks-fail-words", {**ECHO, "hooks": {"prestart": [hook("true"), hook("exit 3")]}}, (SAID,)),
    Case("hooks-fail-words-runtime", {**ECHO, "hooks": {"createRuntime": [hook("exit 3")]}}, (SAID,)),
    Case("hooks-fail-words-container", {**ECHO, "hooks": {"createContainer": [hook("true"), hook("true"), hook("exit 3")]}}, (SAID,)),
    # --- processes ---
    Case("cwd-of-root-only", {"process.cwd": "/secret", "process.user": USER}, prepare="mkdir -m 700 rootfs/secret", sees="process"),
    Case("cwd-of-user-only", {"process.cwd": "/own", "process.user": USER}, prepare="mkdir -m 700 rootfs/own; chown 1000:50 rootfs/own", sees="process"),
    Case("cwd-below-root-only", {"process.cwd": "/secret/open", "process.user": USER}, prepare="mkdir -m 700 rootfs/secret; mkdir rootfs/secret/open", sees="process"),
    Case("cwd-dangling", {"process.cwd": "/gone"}, prepare="ln -s /nowhere rootfs/gone", sees="process"),
    Case("program-is-a-link-out", {"process.args": ["/climb-cat", "/etc/passwd"]}, prepare="ln -s ../../../../bin/cat rootfs/climb-cat"),
    Case("program-of-root-only", {"process.args": ["/bin/mine"], "process.user": USER}, prepare="cp rootfs/bin/busybox rootfs/bin/mine; chmod 700 rootfs/bin/mine"),
    Case("path-has-empty-part", {"process.args": ["probe", "env"], "process.env": ["PATH=:/bin"]}),
    Case("path-missing", {"process.args": ["probe", "env"], "process.env": ["A=1"]}),
    Case("path-file-not-executable", {"process.args": ["file"], "process.env": ["PATH=/data:/bin"]}),
    Case("passwd-odd", {"process.user": {"uid": 1000, "gid": 1000}}, prepare="printf 'bad\\n:::\\nuser:x:x:y::/wrong:\\nuser:x:1000:1000::/second:/bin/sh\\nlast:x:1000:1:::/third' > rootfs/etc/passwd", sees="env ids"),
    Case("passwd-is-a-directory", prepare="rm rootfs/etc/passwd; mkdir rootfs/etc/passwd", sees="env ids"),
    Case("passwd-climbs", prepare="ln -sf ../../../../../etc/passwd rootfs/etc/passwd", sees="env ids"),
    Case("many-arguments", {"process.args": ["/bin/sh", "-c", "echo $#", "x", *map(str, range(2000))]}),
    Case("long-argument", {"process.args": ["/bin/sh", "-c", "echo ${#1}", "x", "y" * 131000]}),
    Case("argument-too-long", {"process.args": ["/bin/sh", "-c", "echo ${#1}", "x", "y" * 132000]}),
    Case("rlimit-of-files-low", {"process.rlimits": [{"type": "RLIMIT_NOFILE", "soft": 3, "hard": 3}]}, sees="limits"),
    Case("rlimit-nproc-low", {"process.rlimits": [{"type": "RLIMIT_NPROC", "soft": 1, "hard": 1}], "process.user": USER}, sees="limits"),
    Case("rlimit-fsize", {"process.rlimits": [{"type": "RLIMIT_FSIZE", "soft": 10, "hard": 10}], "process.args": sh("echo 0123456789abcdef > /tmp/f; echo $?; cat /tmp/f")}),
    # --- processes that enter ---
    exec_case("odd-users", "exec -u 1000 c /bin/probe ids env", "exec -u user c id", "exec -u :50 c id", "exec -u 1000: c id", "exec -u -1 c id", "exec -u 1:2:3 c id", "exec -g x c id", "exec -g -1 c id"),
    exec_case("odd-cwd", "exec --cwd /no/such c pwd", "exec --cwd data c pwd", "exec --cwd /data/file c pwd", "exec --cwd /links/sub c /bin/probe process", "exec --cwd '' c /bin/probe process"),
    exec_case("odd-env", "exec -e A c /bin/probe env", "exec -e =x c /bin/probe env", "exec -e A=1 -e A=2 c /bin/probe env", "exec -e PATH=/nowhere c probe env", "exec -e HOME=/h c /bin/probe env", "exec -e '' c /bin/probe env"),
    exec_case("odd-words", "exec c ''", "exec '' true", "exec nope true", "exec c /data", "exec c /data/file", "exec c no-such", "exec c /no/such", "exec -p /no/such c", "exec -p process.json c extra words", "exec --pid-file /no/such/pid c true",
              prepare=process(args=["/bin/echo", "of the file"])),
    exec_case("status", "exec c sh -c 'exit 0'", "exec c sh -c 'exit 255'", "exec c sh -c 'kill -9 $$'", "exec c sh -c 'kill -15 $$'"),
    exec_case("caps-more", "exec --cap CAP_SYS_ADMIN c /bin/probe caps", "exec --cap CAP_SYS_ADMIN --cap CAP_CHOWN -u 1000:50 c /bin/probe caps", "exec --cap NO_SUCH c /bin/probe caps", "exec --cap cap_chown c /bin/probe caps"),
    exec_case("input", "! echo from outside | rt exec c cat", "! rt exec c cat < /dev/null; echo $?", "! rt exec c sh -c 'echo a; echo b >&2' 2>/dev/null", "! rt exec c sh -c 'exit 3' | cat; rt exec c true >&-; echo $?"),
    Case("hook-inside-is-as-the-process", {"process.user": {**USER, "umask": 0o27}, "process.cwd": "/home", "process.args": sh("cat /tmp/who"), "hooks": {"startContainer": [{"path": "/bin/sh",
        "args": ["sh", "-c", "id; pwd; umask; ulimit -n; grep Cap /proc/self/status; echo $A-$TERM"], "env": ["PATH=/bin", "A=b"]}]}}, prepare="chmod 777 rootfs/tmp; sed -i 's/echo $A-$TERM/&) > \\/tmp\\/who 2>\\&1/; s/\"id; pwd/\"(id; pwd/' config.json"),
    Case("empty-flags", {"process.args": ["/bin/true"]}, ("run --pid-file '' --console-socket '' c", "create --bundle '' c", "run --log '' c")),
    exec_case("empty-flags", "exec --pid-file '' --console-socket '' --user '' --cwd '' --process '' c /bin/probe ids"),
    exec_case("cwd-of-root-only", "exec -u 1000:50 --cwd /secret c /bin/probe process", "exec -u 1000:50 --cwd /secret/open c /bin/probe process", prepare="mkdir -m 700 rootfs/secret; mkdir rootfs/secret/open"),
    # --- roots and mounts ---
    *(Case(f"{name}-is-a-link", prepare=f"mkdir rootfs/elsewhere; ln -s elsewhere rootfs/{name}", sees="mounts list=/elsewhere") for name in ("proc", "sys", "dev")),
    Case("proc-is-a-link-out", prepare="ln -s ../../../../tmp rootfs/proc", sees="ids"),
    Case("dev-is-a-file", prepare="touch rootfs/dev", sees="ids"),
    Case("proc-is-a-file", prepare="touch rootfs/proc", sees="ids"),
    Case("read-only-dev", {"mounts.1.options": ["nosuid", "strictatime", "mode=755", "size=65536k", "ro"]}, sees="mounts dev"),
    Case("read-only-root-new-points", {"root.readonly": True, "mounts+": tmpfs(to="/not/there")}, sees="mounts list=/not"),
    Case("mount-through-links", {"mounts+": tmpfs(to="/one/deep/x")}, prepare="ln -s /two rootfs/one; mkdir rootfs/three; ln -s ../../three rootfs/two", sees="mounts list=/three"),
    Case("mount-loop", {"mounts+": tmpfs(to="/loop/x")}, prepare="ln -s loop rootfs/loop", sees="mounts"),
    Case("mount-on-dangling", {"mounts+": bind("BUNDLE/extra", "/etc/dangling")}, prepare="echo x > extra; ln -s not-yet rootfs/etc/dangling", sees="list=/etc read=/etc/not-yet"),
    Case("bind-of-the-root", {"mounts+": bind("BUNDLE/rootfs", "/again", "ro")}, sees="list=/again path=/again/data/file"),
    Case("bind-in-a-bind", {"mounts+": [bind("BUNDLE/a", "/v"), bind("BUNDLE/b", "/v/in", "ro"), tmpfs(to="/v/in/t")]}, prepare="mkdir -p a b/t; touch b/here", sees="mounts list=/v list=/v/in"),
    Case("bind-not-recursive", {"mounts+": {"destination": "/b", "type": "bind", "source": "BUNDLE/extra", "options": ["bind"]}}, prepare="mkdir -p extra/in; touch extra/in/x", sees="mounts list=/b list=/b/in"),
    Case("bind-same-twice", {"mounts+": [bind("BUNDLE/extra", "/b1"), bind("BUNDLE/extra", "/b2", "ro")], "process.args": sh("echo x > /b1/f; cat /b2/f; echo y > /b2/f; echo $?; mv /b1/f /b2/g; echo $?; ln /b1/f /b2/g; echo $?")}, prepare="mkdir extra"),
    Case("tmpfs-full", {"mounts+": tmpfs("size=64k", "nr_inodes=6"), "process.args": sh("cd /mnt; cat /bin/busybox > big; echo $?; for i in 1 2 3 4 5 6 7; do echo > f$i || echo no $i; done; ls")}),
    Case("masked-again", {"linux.maskedPaths": ["/data", "/data", "/data/sub"], "linux.readonlyPaths": ["/etc", "/etc"]}, sees="mounts list=/data"),
    Case("masked-is-fifo", {"linux.maskedPaths": ["/etc/fifo", "/etc/link"]}, prepare="mkfifo rootfs/etc/fifo; ln -s passwd rootfs/etc/link", sees="list=/etc path=/etc/passwd path=/etc/fifo"),
    Case("masked-writes", {"linux.maskedPaths": ["/data/file", "/data/sub"], "linux.readonlyPaths": ["/etc"], "process.args": sh("cat /data/file; ls /data/sub; echo x > /data/file; echo $?; echo x > /data/sub/y; echo $?; echo x > /etc/z; echo $?; umount /data/file; echo $?; rm -r /data/sub; echo $?; mv /data/sub /data/s; echo $?")}),
    Case("read-only-writes", {"root.readonly": True, "process.args": sh("echo x > /data/file; echo $?; mkdir /n; echo $?; rm /data/file; echo $?; chmod 777 /data; echo $?; touch /tmp/x; echo $?; echo x > /dev/shm/x; echo $?; mount -o remount,rw /; echo $?")}),
    Case("names-of-the-host", {"linux.namespaces": [{"type": "mount"}, {"type": "pid"}], "linux.sysctl": {"kernel.shmmni": "9"}, "hostname": DROP}),
    Case("hostname-of-the-host", {"linux.namespaces": [{"type": "mount"}, {"type": "pid"}]}),
    Case("network-of-the-host-sysctl", {"linux.namespaces": [{"type": kind} for kind in ("mount", "pid", "uts", "ipc")], "linux.sysctl": {"net.ipv4.ip_forward": "1"}}),
    # --- filters ---
    Case("seccomp-default-errno", {**filtered("SCMP_ACT_ERRNO", rule("SCMP_ACT_ALLOW", *"""read write open openat close execve exit exit_group brk mmap munmap mprotect arch_prctl set_tid_address
        set_robust_list rseq prlimit64 getrandom newfstatat fstat stat lstat readlink readlinkat uname ioctl getuid geteuid getgid getegid getpid getppid rt_sigaction rt_sigprocmask futex capget capset
        prctl fcntl getdents64 access faccessat faccessat2 lseek dup dup2 pipe pipe2 wait4 clone vfork sched_getaffinity madvise getcwd chdir fchdir poll epoll_wait epoll_ctl nanosleep sigaltstack
        gettid tgkill setgid setuid setgroups statfs fstatfs sched_yield clock_gettime mount umount2 pivot_root""".split()), defaultErrnoRet=6), "process.args": sh("mkdir /x; echo $?; chmod 700 /tmp; echo $?")},
        ("! rt run c >/dev/null 2>&1; echo $?",)),  # what is printed just before the end runc's copy may lose
    Case("seccomp-conditions", {**filtered("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "kill", errnoRet=4, args=[arg(1, 10, "SCMP_CMP_EQ")]), rule("SCMP_ACT_ERRNO", "kill", errnoRet=28, args=[arg(1, 0xC, "SCMP_CMP_MASKED_EQ", 0xC)]),
        rule("SCMP_ACT_ERRNO", "umask", errnoRet=1, args=[arg(0, 0o70, "SCMP_CMP_GE")])), "process.args": sh("trap '' 10 12 1; kill -10 $$; kill -12 $$; kill -1 $$; umask 077; umask; umask 007; umask")}),
    Case("seccomp-trap", {**filtered("SCMP_ACT_ALLOW", rule("SCMP_ACT_TRAP", "mkdir", "mkdirat")), "process.args": sh("mkdir /x; echo $?")}),
    Case("seccomp-kill-thread", {**filtered("SCMP_ACT_ALLOW", rule("SCMP_ACT_KILL_THREAD", "mkdir", "mkdirat")), "process.args": sh("mkdir /x; echo $?")}),
    Case("seccomp-log-trace", {**filtered("SCMP_ACT_ALLOW", rule("SCMP_ACT_LOG", "mkdir", "mkdirat"), rule("SCMP_ACT_TRACE", "chmod", "fchmodat", errnoRet=3)), "process.args": sh("mkdir /x; echo $?; chmod 700 /x; echo $?")}),
    Case("seccomp-of-hooks", {**filtered("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "mkdir", "mkdirat")), "hooks": {"startContainer": [{"path": "/bin/mkdir", "args": ["mkdir", "/by-hook"]}]}, "process.args": sh("ls -d /by-hook; mkdir /x; echo $?")}, ("! rt run c >out 2>/dev/null; echo $?; cat out",)),
    Case("seccomp-with-new-privileges", {**filtered("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "mkdir", "mkdirat")), "process.noNewPrivileges": False, "process.user": USER, "process.args": sh("mkdir /tmp/x; echo $?; grep -e NoNewPrivs -e Seccomp: /proc/self/status")}),
]  # fmt: skip
