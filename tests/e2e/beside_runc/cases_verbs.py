"""Commands: the life of a container, what it is asked, and what does not go."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.e2e.beside_runc.case import Case, sh

SLEEPS: Final[dict[str, Any]] = {"process.args": sh("echo ready; exec sleep 1000")}
UP: Final = ("create c", "start c", "says ready")
USER: Final = {"uid": 1000, "gid": 50}


def exec_case(name: str, *steps: str, prepare: str = "", changes: dict[str, Any] | None = None) -> Case:
    """In a container that runs."""
    return Case(f"exec-{name}", {**SLEEPS, **(changes or {})}, (*UP, *steps), prepare)


def process(**parts: Any) -> str:
    """A script that writes process.json."""
    document = {
        "args": ["/bin/probe", "ids", "env", "caps", "process"],
        "cwd": "/",
        "user": {"uid": 0, "gid": 0},
        **parts,
    }
    return "cat > process.json <<'END'\n" + json.dumps(document) + "\nEND\n"


def hook(script: str, *env: str, **more: Any) -> dict[str, Any]:
    """A hook that is a script of the host's shell."""
    return {"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["B=BUNDLE", "PATH=/usr/bin:/bin", *env], **more}


ALL_HOOKS: Final = {
    f"hooks.{kind}": [hook(f"echo {kind} $(cat | grep -o '\"status\": *\"[a-z]*\"' | tr -d ' ') >> $B/order")]
    for kind in ("prestart", "createRuntime", "createContainer", "poststart", "poststop")
}  # fmt: skip

VERBS: Final = [
    # --- the life of a container ---
    Case("life", SLEEPS, ("create --pid-file pid c", "state c", "list -f json", "list -q", "start c", "state c", "ps -f json c",
        "kill c KILL", "until c stopped", "state c", "ps -f json c", "reap pid", "delete c", "state c", "list -q", "list -f json")),
    Case("created", SLEEPS, ("create c", "create c", "kill c 0", "resume c", "ps -f json c", "kill c KILL",
        "until c stopped", "start c", "kill c KILL", "kill -a c KILL", "exec c true", "pause c", "resume c", "update --memory 64M c",
        "events --stats c", "delete c", "delete c", "delete --force c")),
    Case("created-deleted", SLEEPS, ("create c", "delete c", "list -q")),
    Case("signals-of-real-time", SLEEPS, (*UP, "kill c RTMIN", "kill c SIGRTMIN+3")),
    Case("update-rdt", SLEEPS, (*UP, "update --l3-cache-schema x c", "update --mem-bw-schema x c", "update --l3-cache-schema '' c",
        "update --mem-bw-schema x nope", "! rt ps -f json c | wc -l", "kill c KILL", "until c stopped", "! rt ps -f json c | wc -l")),
    Case("running", SLEEPS, (*UP, "start c", "create c", "run c", "delete c", "resume c", "kill c 0", "kill c NONE", "kill c 99",
        "kill c -1", "kill c SIGWINCH", "kill c winch", "kill c 28", "kill c", "state c", "delete --force c")),
    Case("paused", SLEEPS, (*UP, "pause c", "state c", "pause c", "start c", "exec c true", "ps -f json c", "kill c TERM", "delete c",
        "resume c", "resume c", "state c", "delete -f c", "state c")),
    Case("pause-created", SLEEPS, ("create c", "pause c", "state c", "start c", "resume c", "state c", "start c", "says ready", "state c")),
    Case("exit-by-itself", {"process.args": sh("exit 7")}, ("create --pid-file pid c", "start c", "until c stopped", "reap pid", "state c",
        "start c", "exec c true", "kill c TERM", "kill -a c TERM", "delete c")),
    Case("killed-status", SLEEPS, ("create --pid-file pid c", "start c", "says ready", "kill c 9", "reap pid", "until c stopped")),
    Case("term-without-handler", SLEEPS, (*UP, "kill c TERM", "kill c INT", "kill c HUP", "exec c true", "state c")),
    Case("trap", {"process.args": sh("trap 'echo got it; exit 9' TERM; echo ready; while :; do sleep 0.1; done")},
         ("create --pid-file pid c", "start c", "says ready", "kill c", "reap pid")),
    Case("kill-all", {"process.args": sh("trap '' TERM; (trap 'echo child; exit' TERM; echo ready; while :; do sleep 0.1; done); exit 4")},
         ("create --pid-file pid c", "start c", "says ready", "kill --all c TERM", "reap pid")),
    Case("run-detached", SLEEPS, ("run -d --pid-file pid c", "says ready", "state c", "kill c KILL", "reap pid", "until c stopped", "state c", "delete c")),
    Case("run-keep", {"process.args": sh("exit 5")}, ("run --keep c", "state c", "delete c", "state c")),
    Case("run-no-pivot", steps=("run --no-pivot --no-new-keyring --no-subreaper c",)),
    Case("delete-running", SLEEPS, (*UP, "delete c", "state c", "delete --force c", "list -q")),
    Case("two", SLEEPS, ("create b", "create a", "list -q", "list -f json", "! rt list | cut -d' ' -f1")),
    Case("same-name", SLEEPS, ("create c", "run c", "run -d c")),
    # --- what does not go ---
    Case("no-such", steps=("state x", "start x", "kill x", "delete x", "delete --force x", "exec x true", "ps x", "pause x", "resume x",
        "update --memory 1M x", "events --stats x", "checkpoint x")),
    Case("arguments", steps=("state", "state a b", "start", "start a b", "kill", "delete", "exec", "exec c", "create", "create a b", "run", "ps",
        "pause", "resume", "update", "events", "list x", "frobnicate", "state --no-such c", "! rt --no-such state c >out 2>&1; echo $?", "list -f xml", "ps -f xml c", "spec x y")),
    Case("names-refused", steps=("run a/b", "run ..", "run .", "run a\u00e9", "run -- -x", "run 'a b'", "run a:b", "state a/b", "run ''", f"run {'x' * 300}")),
    Case("names-accepted", {"process.args": ["/bin/true"]}, ("run a_B-9.+", "run .a", "run _", f"run {'x' * 200}")),
    Case("no-bundle", steps=("run -b /no/such c", "run -b BUNDLE/rootfs c", "create --bundle /etc/passwd c")),
    Case("pid-file-nowhere", {"process.args": ["/bin/sleep", "1000"]}, ("create --pid-file /no/such/pid c", "list -q", "run -d --pid-file /no/such/pid c", "list -q")),
    Case("pid-file-there", SLEEPS, ("create --pid-file pid c", "! test $(cat pid) -gt 1 && tail -c 1 pid | tr 0-9 d")),
    Case("flags-as-go-has-them", {"process.args": ["/bin/true"]}, ("run -bundle=BUNDLE c", "run -bundle BUNDLE c", "run --keep=false c", "run -keep=true c", "delete -force c")),
    Case("log-nowhere", steps=("! $(rt --log /no/such/log state c >out 2>err); echo $?; wc -l < out; test -s err; echo $?",)),
    Case("log-text", {"process.args": ["no-such"]}, ("! rt --log text.log run c 2>/dev/null; echo $?; grep -c 'level=error' text.log",)),
    Case("log-to-stderr", {"process.args": ["no-such"]}, ("! rt run c >out 2>err; echo $?; test -s out; echo $?; test -s err; echo $?",)),
    # --- descriptors, terminals ---
    Case("descriptors", {"process.args": ["/bin/probe", "fds"]}, ("create c", "start c", "until c stopped")),
    Case("preserve-fds", {"process.args": ["/bin/probe", "fds", "env"]}, ("! exec 3</etc/passwd 4>out 5</etc/group; rt run --preserve-fds 2 c",
        "! rt run --preserve-fds x c >/dev/null 2>&1; echo $?")),
    Case("preserve-fds-closed", steps=("! exec 3</etc/passwd; rt run --preserve-fds 2 c >/dev/null 2>&1; echo $?",)),
    Case("listen-fds", {"process.args": ["/bin/probe", "fds", "env"]}, ("! exec 3</etc/passwd; LISTEN_FDS=1 rt run c",)),
    Case("terminal", {"process.terminal": True, "process.args": ["/bin/probe", "tty", "fds", "process", "mounts", "dev", "path=/dev/console"]}, ("pty run c",)),
    Case("terminal-size", {"process.terminal": True, "process.consoleSize": {"height": 12, "width": 34}, "process.args": ["/bin/probe", "tty"]},
         ("console create c", "start c", "until c stopped")),
    Case("terminal-of-user", {"process.terminal": True, "process.user": USER, "process.args": ["/bin/probe", "tty", "path=/dev/pts/0", "list=/dev/pts"]},
         ("console create c", "start c", "until c stopped")),
    Case("terminal-missing", {"process.terminal": True}, ("create c", "run -d c", "list -q")),
    Case("terminal-not-asked-for", steps=("console create c", "console run -d c")),
    Case("terminal-socket-nowhere", {"process.terminal": True}, ("create --console-socket /no/such c", "list -q")),
    Case("terminal-at-no-terminal", {"process.terminal": True, "process.args": ["/bin/probe", "tty"]}, ("run c",)),
    Case("lines-of-a-terminal", {"process.terminal": True, "process.args": sh("stty -a 2>/dev/null | tr -s '; ' '\\n\\n' | grep -v -e onlcr -e rows -e columns -e '^[0-9]*$' | sort; echo one; echo two >&2; exit 3")}, ("pty run c",)),
    # --- hooks ---
    Case("hooks", {**ALL_HOOKS, "process.args": sh("echo process")}, ("run c", "! cat order")),
    Case("hooks-steps", {**ALL_HOOKS, **SLEEPS}, ("create c", "! cat order", "start c", "! cat order", "kill c KILL", "until c stopped", "! cat order", "delete c", "! cat order")),
    *(Case(f"hook-fails-{kind}", {**ALL_HOOKS, f"hooks.{kind}": [hook("echo first >> $B/order; exit 3"), hook("echo second >> $B/order")], "process.args": sh("echo process")},
           ("run c", "! cat order", "list -q", "create d", "list -q", "start d", "! cat order", "list -q"))
      for kind in ("prestart", "createRuntime", "createContainer", "poststart", "poststop")),
    Case("hook-start-container", {"hooks.startContainer": [{"path": "/bin/probe", "args": ["probe", "env", "ids", "process", "mounts"], "env": ["A=1"]}]}, ("run c",)),
    Case("hook-start-container-fails", {"hooks.startContainer": [{"path": "/bin/false"}], "process.args": sh("echo process")}, ("run c", "create d", "start d", "state d", "list -q")),
    Case("hook-missing", {"hooks.prestart": [{"path": "/no/such"}]}, ("run c", "list -q")),
    Case("hook-relative", {"hooks.prestart": [{"path": "bin/true"}]}, ("run c", "list -q")),
    Case("hook-timeout", {"hooks.prestart": [hook("exec sleep 50", timeout=1)]}, ("run c", "list -q"), slow=True),
    Case("hook-environment", {"hooks.prestart": [hook("env | sort > $B/env; pwd > $B/cwd; ls /proc/self/fd | wc -l > $B/fds", "X=y")]}, ("run c", "! grep -v -e ^PWD -e ^SHLVL -e ^_ env; cat cwd")),
    Case("hook-state", {"annotations": {"a": "b"}, "hooks.createRuntime": [hook("cat > $B/state.json")]}, ("run c", "! tr -d '\\n' < state.json")),
    # --- exec ---
    exec_case("plain", "exec c /bin/probe ids caps limits process env fds cgroup namespaces"),
    exec_case("flags", "exec --cwd /data --env A=1 --env B=2 --user 1000:50 -g 7 -g 8 c /bin/probe ids caps process env"),
    exec_case("two-forms", "exec -e A=1 --env B=2 c /bin/true"),
    exec_case("user", "exec -u 1000 c /bin/probe ids caps env", "exec -u 1000:1000 c /bin/probe ids caps", "exec -u user c true", "exec -u 1:x c true", "exec -u -1 c true"),
    exec_case("cap", "exec -c CAP_SYS_TIME -c CAP_CHOWN c /bin/probe caps", "exec --cap CAP_SYS_TIME -u 1000 c /bin/probe caps",
              "exec --cap CAP_NO_SUCH c /bin/true", "exec --cap sys_time c /bin/true"),
    exec_case("no-new-privs", "exec --no-new-privs c /bin/probe caps", "exec c /bin/probe caps", changes={"process.noNewPrivileges": False}),
    exec_case("cwd", "exec --cwd /no/such c /bin/probe process", "exec --cwd data c true", "exec --cwd /data/file c true"),
    exec_case("env", "exec -e A c /bin/probe env", "exec -e =x c /bin/probe env", "exec -e PATH=/x c true", "exec -e HOME=/y c /bin/probe env"),
    exec_case("status", "exec c sh -c 'echo out; echo err >&2; exit 3'", "exec c sh -c 'kill -9 $$'", "exec c no-such", "exec c /no/such", "exec c /bin/not-executable",
              "exec c /data"),
    exec_case("not-loaded", "exec c /bin/no-interpreter", "exec c /bin/not-a-program"),
    exec_case("detached", "exec -d --pid-file epid c sh -c 'echo from exec; exit 6'", "reap epid", "exec -d c /no/such", "exec -d --pid-file /no/such/pid c sleep 100"),
    exec_case("detached-killed", "exec -d --pid-file epid c sleep 1000", "! kill -9 $(cat epid)", "reap epid"),
    exec_case("detached-termed", "exec -d --pid-file epid c sleep 1000", "! kill -TERM $(cat epid)", "reap epid"),
    exec_case("process", "exec --process process.json c", "exec -p process.json c /bin/true", "exec -p /no/such c", "exec -d -p process.json --pid-file epid c", "reap epid",
              prepare=process(env=["A=1", "PATH=/bin"], capabilities={"bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"], "effective": ["CAP_KILL"]})),
    exec_case("process-user", "exec --process process.json c", prepare=process(user={"uid": 1000, "gid": 5, "additionalGids": [3]}, noNewPrivileges=True, cwd="/data", rlimits=[{"type": "RLIMIT_NOFILE", "soft": 60, "hard": 60}])),
    exec_case("process-umask", "exec --process process.json c", prepare=process(user={"uid": 0, "gid": 0, "umask": 63})),
    exec_case("process-no-args", "exec --process process.json c", prepare=process(args=[])),
    exec_case("process-no-cwd", "exec --process process.json c", prepare=process(cwd="")),
    exec_case("process-not-json", "exec --process process.json c", prepare="echo '{' > process.json"),
    exec_case("process-oom", "exec --process process.json c", prepare=process(oomScoreAdj=77)),
    exec_case("tty", "pty exec -t c /bin/probe tty fds process", "console exec -d -t --pid-file epid c /bin/probe tty", "reap epid", "exec -t -d c true", "exec -t c true"),
    exec_case("preserve-fds", "! exec 3</etc/passwd; rt exec --preserve-fds 1 c /bin/probe fds env"),
    exec_case("preserve-fds-closed", "! rt exec --preserve-fds 1 c /bin/probe fds >/dev/null 2>&1; echo $?"),
    exec_case("paused", "pause c", "exec c true", "! rt exec --ignore-paused c sh -c 'exit 3' & p=$!; rt resume c; wait $p"),
    exec_case("labels", "exec --apparmor '' --process-label '' c true"),
    exec_case("as-of-container", "exec c /bin/probe ids caps process env limits", changes={"process.user": {**USER, "additionalGids": [9]}, "process.cwd": "/data", "process.oomScoreAdj": 50,
              "process.env": ["A=1"], "process.rlimits": [{"type": "RLIMIT_NPROC", "soft": 200, "hard": 300}]}),
    exec_case("umask-of-container", "exec c /bin/probe ids", changes={"process.user": {**USER, "umask": 63}}),
    exec_case("dashes", "exec c /bin/probe -x --", "exec c -- /bin/probe ids", "exec -- c /bin/probe ids"),
    exec_case("seccomp", "exec c grep Seccomp: /proc/self/status", "exec c mkdir /y", changes={"linux.seccomp": {"defaultAction": "SCMP_ACT_ALLOW",
              "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}}),
    # --- what it is asked ---
    Case("state-rich", {**SLEEPS, "annotations": {"a": "1", "b.c": "x y"}, "linux.cgroupsPath": "/beside-runc/x"}, (*UP, "state c", "list -f json")),
    Case("ps", SLEEPS, (*UP, "exec -d c sleep 100", "ps -f json c", "! rt ps c | wc -l", "! rt ps c -o pid,comm | sed 's/^ *[0-9]* //' | sort", "! rt ps c -o pid,ppid,comm | wc -l",
        "! rt ps c -ef | head -1 | tr -s ' '")),
    Case("events", SLEEPS, (*UP, "! rt events --stats c | grep -o '\"type\":[^,]*,\"id\":[^,]*'")),
    Case("update", {**SLEEPS, "linux.cgroupsPath": "/beside-runc/update"}, (*UP, "update --memory 64000000 --memory-reservation 32000000 c", "update --pids-limit 50 c", "update --cpu-share 512 c", "update --cpu-quota 50000 --cpu-period 100000 c",
        "update --blkio-weight 500 c", "update --memory-swap 128000000 c", "update --no-such c", "update --memory x c", "update c")),
    Case("update-cpuset", {**SLEEPS, "linux.cgroupsPath": "/beside-runc/update", "linux.resources.cpu": {"cpus": "0"}}, (*UP, "update --cpuset-cpus 0-1 --cpuset-mems 0 c")),
    Case("update-cpuset-later", {**SLEEPS, "linux.cgroupsPath": "/beside-runc/update"}, (*UP, "update --cpuset-cpus 0 c")),
    Case("update-without-group", SLEEPS, (*UP, "update --cpu-share 512 c")),
    Case("update-resources", {**SLEEPS, "linux.cgroupsPath": "/beside-runc/update"}, (*UP, "! echo '{\"memory\":{\"limit\":70000000},\"cpu\":{\"shares\":100}}' | rt update -r - c; echo $?", "update -r /no/such c", "! echo '{' | rt update -r - c 2>/dev/null; echo $?",
        "! echo '{}' | rt update -r - c; echo $?", "! echo '[]' | rt update -r - c 2>/dev/null; echo $?")),
    Case("features", steps=("! rt features | grep -o '\"[a-zA-Z]*\": *[\\[{]' | sort -u | head -12",)),
    Case("help-alias", steps=("! rt h >/dev/null; echo $?", "! rt h run >/dev/null; echo $?", "! rt --criu x list -q; echo $?")),
    Case("version", steps=("! rt --version | grep -c spec:", "! rt -v | grep -c spec:")),
    Case("spec", steps=("! mkdir s; cd s; rt spec; echo $?; test -f config.json; echo $?; rt spec 2>/dev/null; echo $?",)),
]  # fmt: skip
