"""What sentences of the runtime specification ask for, one after the other: documents of hooks, what becomes of a changed
bundle, values that reach the host's control groups, and ends that are not as usual."""

from __future__ import annotations

from typing import Any, Final

from tests.e2e.beside_runc.case import Case, sh
from tests.e2e.beside_runc.cases_inside import bind, tmpfs
from tests.e2e.beside_runc.cases_more import arg, filtered, rule
from tests.e2e.beside_runc.cases_verbs import SLEEPS, UP, exec_case, hook, process

ON_HOST: Final = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")
AT: Final = "/beside-spec/group"
SHOW: Final = "! for f in {}; do p=/sys/fs/cgroup/${{f%%/*}}/beside-spec/group/${{f#*/}}; test -e $p && echo $f: $(sort $p); done; true"
GONE: Final = "! rm -f x; find /sys/fs/cgroup -depth -path '*beside-spec*' -type d -exec rmdir {} + 2>/dev/null; true"


LAST: Final = "! rt {} | tail -c 1 | od -An -c"
LEAVES: Final = """cat > leaves.py <<'END'
import json, sys
def walk(path, value):
    if isinstance(value, dict):
        for key in sorted(value):
            walk(f"{path}.{key}", value[key])
    else:
        print(path, type(value).__name__)
walk("", json.load(sys.stdin))
END
"""


def resources(name: str, files: str, **parts: Any) -> Case:
    """What stands in the host's files after create."""
    changes = {**SLEEPS, "linux.cgroupsPath": AT, "linux.resources": parts}
    return Case(f"spec-resources-{name}", changes, ("create c", SHOW.format(files), "delete --force c", GONE))


SPEC: Final = [
    *(Case(f"spec-hook-state-{kind}", {**SLEEPS, "annotations": {"a": "b"}, f"hooks.{kind}": [hook("cat > $B/state.json")]},
           (*UP, "kill c KILL", "until c stopped", "delete c", "! tr -d '\\n' < state.json")) for kind in ON_HOST),
    *(Case(f"spec-hook-no-environment-{kind}", {f"hooks.{kind}": [{"path": "/bin/sh", "args": ["sh", "-c", "env | sort > BUNDLE/env; pwd > BUNDLE/cwd; id > BUNDLE/id; umask > BUNDLE/umask; readlink /proc/self/fd/1 > BUNDLE/out"]}]},
           ("! STRANGE=yes rt run c; grep -e STRANGE env; cat cwd id umask",)) for kind in ON_HOST),
    *(Case(f"spec-hook-namespaces-{kind}", {f"hooks.{kind}": [hook("for n in mnt net uts ipc pid cgroup user; do test $(readlink /proc/self/ns/$n) = $(cat $B/own.$n) && echo own $n || echo other $n; done > $B/spaces; hostname >> $B/spaces; ls / | wc -l > $B/root")]},
           ("! for n in mnt net uts ipc pid cgroup user; do readlink /proc/self/ns/$n > own.$n; done; rt run c; cat spaces",)) for kind in ON_HOST),
    Case("spec-hook-argv", {"hooks.prestart": [{"path": "/bin/sh", "args": ["other name", "-c", "echo $0 > BUNDLE/name; cat /proc/$$/cmdline | tr '\\0' ' ' >> BUNDLE/name", "zero"]}]}, ("run c", "! cat name")),
    Case("spec-hook-start-stdin", {"hooks.startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "cat; pwd; env"], "env": ["A=1"]}], "process.cwd": "/data", "annotations": {"x": "y"}}, ("run c",)),
    Case("spec-hook-start-order", {"hooks.startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "echo one"]}, {"path": "/bin/sh", "args": ["sh", "-c", "echo two; touch /made"]}], "process.args": sh("ls /made")}, ("create c", "start c", "until c stopped")),
    Case("spec-hook-start-user", {"hooks.startContainer": [{"path": "/bin/probe", "args": ["probe", "ids", "caps"]}], "process.user": {"uid": 1000, "gid": 50, "umask": 0o27, "additionalGids": [7]}}, ("run c",)),
    Case("spec-hook-start-program-missing", {"hooks.startContainer": [{"path": "/bin/touch", "args": ["touch", "/made"]}], "process.args": ["/none"]}, ("! rt run c 2>/dev/null; ls rootfs | grep made",)),
    Case("spec-hooks-all-order", {**{f"hooks.{kind}": [hook(f"echo {kind} {n} >> $B/order") for n in (1, 2)] for kind in ON_HOST}, "process.args": ["/bin/true"]}, ("run c", "! grep -v poststart order")),
    # --- what is changed later ---
    Case("spec-config-changed", SLEEPS, ("create c", "! sed -i 's/ready/changed/; s/beside/other/' config.json", "start c", "says ready", "exec c hostname", "state c")),
    Case("spec-config-removed", SLEEPS, ("create c", "! rm config.json", "start c", "says ready", "exec c hostname", "state c", "kill c KILL", "until c stopped", "delete c")),
    Case("spec-bundle-removed", SLEEPS, ("create c", "start c", "says ready", "kill c KILL", "until c stopped", "! rm -r config.json", "state c", "delete c", "list -q")),
    Case("spec-bundle-link", SLEEPS, ("! ln -s . link; rt create --bundle link c >/dev/null 2>&1; rt state c | grep -c link; rt start c", "! rt state c | grep bundle | sed \"s,$BUNDLE,B,\"")),
    Case("spec-bundle-relative", {"process.args": ["/bin/echo", "hi"]}, ("! cd rootfs; rt run --bundle .. c 2>/dev/null",)),
    Case("spec-same-bundle-twice", SLEEPS, ("create a", "create b", "start a", "start b", "! rt list -q", "kill a KILL", "until a stopped", "state b")),
    # --- life ---
    Case("spec-kill-stopped", {"process.args": ["/bin/true"]}, ("create c", "start c", "until c stopped", "kill c", "kill c KILL", "kill c 0", "kill c 9", "kill --all c KILL", "state c", "delete c", "kill c")),
    *(Case(f"spec-kill-words-{word}", {"process.args": sh("trap 'echo got; exit 5' USR2; echo ready; while :; do sleep 0.05; done")}, ("create --pid-file pid c", "start c", "says ready", f"kill c {word}", "reap pid"))
      for word in ("USR2", "SIGUSR2", "usr2", "sigusr2", "12", "Usr2")),
    Case("spec-kill-created", SLEEPS, ("create --pid-file pid c", "kill c TERM", "state c", "kill c USR1", "kill c KILL", "reap pid", "until c stopped", "delete c")),
    Case("spec-kill-paused", SLEEPS, ("create --pid-file pid c", "start c", "says ready", "pause c", "kill c KILL", "resume c", "reap pid", "until c stopped", "state c")),
    Case("spec-delete-force-created", SLEEPS, ("create c", "delete --force c", "list -q", "create c", "delete -f c", "list -q")),
    Case("spec-delete-twice", {"process.args": ["/bin/true"]}, ("create c", "start c", "until c stopped", "delete c", "delete c", "delete -f c", "create c", "list -q")),
    Case("spec-start-twice", {"process.args": ["/bin/true"]}, ("create c", "start c", "until c stopped", "start c", "state c")),
    Case("spec-state-of-killed-init", SLEEPS, ("create --pid-file pid c", "start c", "says ready", "! kill -9 $(cat pid)", "reap pid", "until c stopped", "state c", "list -f json", "ps -f json c", "exec c true", "pause c", "kill c", "delete c")),
    Case("spec-state-of-killed-created", SLEEPS, ("create --pid-file pid c", "! kill -9 $(cat pid)", "reap pid", "until c stopped", "state c", "start c", "delete c")),
    Case("spec-root-gone", SLEEPS, ("create c", "start c", "says ready", "! mv rootfs gone; mkdir rootfs", "exec c /bin/echo hi", "kill c KILL", "until c stopped", "delete c")),
    # --- annotations, names, versions ---
    *(Case(f"spec-version-{version}", {**SLEEPS, "ociVersion": version}, ("create c", "! rt state c | grep -c ociVersion", "delete -f c")) for version in ("1.0.0", "1.0.0-rc1", "1.1.0", "1.2.0", "1.2.1", "1.0.2-dev", "1.3.0", "1.0.2+build")),
    Case("spec-unknown-everywhere", {"x": 1, "process.x": {}, "root.x": 1, "linux.x": [], "linux.resources": {"x": 1, "memory": {"x": 1}}, "hooks": {"x": []}, "mounts.0.x": 1, "process.user": {"uid": 0, "gid": 0, "x": 1}}, sees="ids"),
    # --- the host's control groups ---
    resources("shares", "cpu/cpu.shares cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us cpuset/cpuset.cpus cpuset/cpuset.mems", cpu={"shares": 777, "quota": 40000, "period": 50000, "cpus": "0-1", "mems": "0"}),
    resources("quota-none", "cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us", cpu={"quota": -1, "period": 50000}),
    resources("realtime", "cpu/cpu.rt_runtime_us cpu/cpu.rt_period_us", cpu={"realtimePeriod": 1000000, "realtimeRuntime": 0}),
    resources("burst", "cpu/cpu.cfs_burst_us", cpu={"quota": 40000, "period": 50000, "burst": 10000}),
    resources("idle", "cpu/cpu.idle cpu/cpu.shares", cpu={"idle": 1}),
    resources("memory", "memory/memory.soft_limit_in_bytes memory/memory.swappiness", memory={"limit": 1 << 28, "reservation": 1 << 27, "swappiness": 30}),
    resources("memory-swap", "memory/memory.soft_limit_in_bytes", memory={"limit": 1 << 28, "swap": 1 << 29}),
    resources("memory-swap-alone", "memory/memory.soft_limit_in_bytes", memory={"swap": 1 << 29}),
    resources("memory-swap-none", "memory/memory.soft_limit_in_bytes", memory={"limit": 1 << 28, "swap": -1}),
    resources("memory-all-none", "memory/memory.limit_in_bytes", memory={"limit": -1, "swap": -1, "reservation": -1}),
    resources("memory-kernel", "memory/memory.kmem.limit_in_bytes", memory={"kernel": 1 << 27, "kernelTCP": 1 << 26}),
    resources("memory-oom", "memory/memory.oom_control", memory={"disableOOMKiller": True}),
    resources("memory-oom-limit", "memory/memory.oom_control", memory={"limit": 1 << 28, "disableOOMKiller": True}),
    resources("memory-hierarchy", "memory/memory.use_hierarchy", memory={"limit": 1 << 28, "useHierarchy": True}),
    resources("pids-0", "pids/pids.max", pids={"limit": 0}),
    resources("pids-none", "pids/pids.max", pids={"limit": -1}),
    resources("blkio", "blkio/blkio.bfq.weight blkio/blkio.weight", blockIO={"weight": 500}),
    resources("blkio-leaf", "blkio/blkio.leaf_weight", blockIO={"leafWeight": 500}),
    resources("blkio-device", "blkio/blkio.bfq.weight_device", blockIO={"weightDevice": [{"major": 254, "minor": 0, "weight": 300}]}),
    resources("blkio-throttle", "blkio/blkio.throttle.read_bps_device blkio/blkio.throttle.write_bps_device blkio/blkio.throttle.read_iops_device blkio/blkio.throttle.write_iops_device",
              blockIO={f"throttle{name}Device": [{"major": 254, "minor": 0, "rate": 1000000 + n}] for n, name in enumerate(("ReadBps", "WriteBps", "ReadIOPS", "WriteIOPS"))}),
    resources("devices", "devices/devices.list", devices=[{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"}, {"allow": True, "type": "b", "major": 8, "access": "r"}]),
    resources("hugepages-size", "hugetlb/hugetlb.2MB.limit_in_bytes", hugepageLimits=[{"pageSize": "3MB", "limit": 4194304}]),
    resources("network", "net_cls/net_cls.classid", network={"classID": 1, "priorities": [{"name": "lo", "priority": 3}]}),
    resources("rdma", "rdma/rdma.max", rdma={"mlx5_1": {"hcaHandles": 3, "hcaObjects": 100}}),
    resources("unified", "pids/pids.max", unified={"pids.max": "33"}),
    Case("spec-group-shared", {**SLEEPS, "linux.cgroupsPath": AT}, ("create a", "create b", "list -q", GONE)),
    Case("spec-group-left", {**SLEEPS, "linux.cgroupsPath": AT}, ("! mkdir -p /sys/fs/cgroup/pids/beside-spec/group/mine", "create a", "delete -f a", "! find /sys/fs/cgroup/pids -path '*beside-spec*' -type d | sort", GONE)),
    # --- updates ---
    Case("spec-update-swap", {**SLEEPS, "linux.cgroupsPath": AT, "linux.resources": {"memory": {"limit": 1 << 28}}}, (*UP, "update --memory 300M --memory-swap 200M c", "update --memory-swap 100M c", "update --memory-swap -1 c", "update --memory 1G c", "update --memory -1 --memory-swap -1 c")),
    Case("spec-update-swap-set", {**SLEEPS, "linux.cgroupsPath": AT, "linux.resources": {"memory": {"limit": 1 << 28, "swap": 1 << 28}}}, (*UP, "update --memory 300M c", "update --memory 100M c", "update --memory 100M --memory-swap 200M c")),
    Case("spec-update-file", {**SLEEPS, "linux.cgroupsPath": AT}, (*UP, *(f"! echo '{text}' | rt update -r - c 2>/dev/null; echo $?" for text in (
        '{"cpu":{"shares":300,"quota":30000,"period":60000}}', '{"memory":{"limit":100000000,"swap":50000000}}', '{"memory":{"reservation":1000000}}', '{"blockIO":{"weight":300}}', '{"pids":{"limit":44}}', '{"pids":{"limit":-1}}',
        '{"unified":{"memory.max":"1"}}', '{"cpu":{"cpus":"0"}}', '{"cpu":{"shares":"x"}}', '{"nothing":1}', '{"cpu":{"realtimeRuntime":0}}', '{"memory":{"kernel":100000000}}')), SHOW.format("cpu/cpu.shares cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us memory/memory.soft_limit_in_bytes pids/pids.max"))),
    Case("spec-update-stopped", {"process.args": ["/bin/true"], "linux.cgroupsPath": AT}, ("create c", "update --cpu-share 300 c", SHOW.format("cpu/cpu.shares"), "start c", "until c stopped", "update --cpu-share 300 c")),
    Case("spec-update-paused", {**SLEEPS, "linux.cgroupsPath": AT}, (*UP, "pause c", "update --cpu-share 333 c", "state c", "resume c", SHOW.format("cpu/cpu.shares"))),
    Case("spec-update-flags", {**SLEEPS, "linux.cgroupsPath": AT}, (*UP, "update --cpu-rt-period 1000000 --cpu-rt-runtime 0 c", "update --kernel-memory 100M c", "update --kernel-memory-tcp 100M c", "update --cpu-idle 1 c", "update --cpu-burst 1000 c", "update --blkio-weight 9 c", "update --blkio-weight 1001 c", "update --cpu-period 1000001 c", "update --cpu-quota 999 c")),
    # --- events ---
    Case("spec-events-shape", {**SLEEPS, "linux.cgroupsPath": AT, "linux.resources": {"memory": {"limit": 1 << 28}, "pids": {"limit": 50}}},
         (*UP, "! rt events --stats c | python3 leaves.py | grep -v -e hugetlb -e blkio -e raw. -e percpu -e interfaces"), prepare=LEAVES),
    Case("spec-events-pids", {**SLEEPS, "linux.cgroupsPath": AT, "linux.resources": {"pids": {"limit": 50}}}, (*UP, "! rt events --stats c | grep -o '\"pids\":{[^}]*}'")),
    # --- process.json of exec, field by field ---
    exec_case("spec-everything", "exec -p process.json c", prepare=process(args=["/bin/probe", "ids", "env", "caps", "process", "limits"], cwd="/data/sub", env=["A=1", "PATH=/bin"],
              user={"uid": 1000, "gid": 50, "additionalGids": [7, 8]}, capabilities={name: ["CAP_KILL", "CAP_CHOWN"] for name in ("bounding", "effective", "permitted", "inheritable", "ambient")}, noNewPrivileges=True, rlimits=[{"type": "RLIMIT_CORE", "soft": 3, "hard": 4}])),
    exec_case("spec-privileges", "exec -p process.json c", changes={"process.noNewPrivileges": False}, prepare=process(args=["/bin/probe", "caps"], noNewPrivileges=True)),
    exec_case("spec-privileges-off", "exec -p process.json c", changes={"process.noNewPrivileges": True}, prepare=process(args=["/bin/probe", "caps"], noNewPrivileges=False)),
    exec_case("spec-caps-missing", "exec -p process.json c", prepare=process(args=["/bin/probe", "caps"])),
    exec_case("spec-caps-more-than-container", "exec -p process.json c", changes={"process.capabilities": {}}, prepare=process(args=["/bin/probe", "caps"], capabilities={name: ["CAP_SYS_ADMIN"] for name in ("bounding", "effective", "permitted")})),
    exec_case("spec-caps-of-a-user", "exec -p process.json c", prepare=process(args=["/bin/probe", "caps"], user={"uid": 5, "gid": 5}, capabilities={name: ["CAP_KILL"] for name in ("bounding", "effective", "permitted")})),
    exec_case("spec-cwd-missing", "exec -p process.json c", prepare=process(args=["/bin/probe", "process"], cwd="/no/such/cwd")),
    exec_case("spec-cwd-of-root", "exec -p process.json c", prepare=process(args=["/bin/probe", "process"], cwd="/private", user={"uid": 5, "gid": 5}) + "mkdir -m 700 rootfs/private\n"),
    exec_case("spec-env-none", "exec -p process.json c", prepare=process(args=["/bin/probe", "env"])),
    exec_case("spec-by-path", "exec -p process.json c", prepare=process(args=["probe", "ids"], env=["PATH=/nowhere:/bin"])),
    exec_case("spec-by-no-path", "exec -p process.json c", prepare=process(args=["probe", "ids"], env=["A=1"])),
    exec_case("spec-by-path-of-container", "exec -p process.json c", prepare=process(args=["probe", "ids"])),
    exec_case("spec-directory", "exec -p process.json c", prepare=process(args=["/data"])),
    exec_case("spec-terminal", "console exec -d -p process.json --pid-file epid c", "reap epid", prepare=process(args=["/bin/probe", "tty"], terminal=True, consoleSize={"height": 11, "width": 22})),
    exec_case("spec-terminal-none", "exec -p process.json c", prepare=process(args=["/bin/probe", "tty"], terminal=True)),
    exec_case("spec-labels", "exec -p process.json c", prepare=process(args=["/bin/probe", "ids"], apparmorProfile="", selinuxLabel="")),
    exec_case("spec-unknown", "exec -p process.json c", prepare=process(args=["/bin/probe", "ids"], unknown=1, user={"uid": 0, "gid": 0, "username": "x"})),
    exec_case("spec-group-of-user", "exec -u 0:50 -g 5 -g 6 c /bin/probe ids", "exec -u 1000 -g 5 c /bin/probe ids", "exec -u 1000 -g 5 c /bin/probe env"),
    exec_case("spec-cap-flags", "exec --cap CAP_KILL --cap CAP_SYS_ADMIN c /bin/probe caps", "exec --cap cap_kill c /bin/probe caps", "exec --cap KILL c /bin/probe caps", "exec --cap ALL c /bin/probe caps", "exec --cap CAP_KILL -u 7 c /bin/probe caps"),
    exec_case("spec-status", "exec c sh -c 'exit 0'", "exec c sh -c 'exit 255'", "exec c sh -c 'kill -TERM $$; exit 9'", "exec c sh -c 'exit 126'", "exec c sh -c 'kill -SEGV $$'", "exec c sh -c '(sleep 100 > /dev/null 2>&1 & ) ; exit 5'"),
    exec_case("spec-in-created", "delete -f c", "create d", "exec d /bin/probe ids", "start d", "delete -f d"),
    exec_case("spec-pid-files", "exec -d --pid-file BUNDLE/p c sleep 1000", "! test $(cat p) -gt 1; echo $?; rt ps -f json c | grep -c $(cat p)", "! kill -9 $(cat p)", "reap p", "state c"),
    exec_case("spec-init-ends", "exec -d --pid-file epid c sleep 1000", "kill c KILL", "reap epid", "until c stopped", "exec c true"),
    # --- the root, mounts ---
    Case("spec-root-read-only", {"root.readonly": True, "process.args": sh("touch /x; echo $?; touch /tmp/x; echo $?; mkdir /data/y; echo $?; touch /dev/x; echo $?; touch /dev/shm/x; echo $?; rm /etc/passwd; echo $?")}),
    Case("spec-root-read-only-mounts", {"root.readonly": True, "mounts+": [tmpfs(to="/new/point"), bind("BUNDLE/extra", "/data/there")]}, prepare="mkdir extra; mkdir rootfs/data/there", sees="mounts"),
    Case("spec-masked-kinds", {"linux.maskedPaths": ["/data", "/etc/passwd", "/dev/null", "/no/such", "/proc/version", "/dev/shm", "/fifo", "/links"], "process.args": sh("ls -A /data | wc -l; wc -c < /etc/passwd; wc -c < /proc/version; touch /data/x; echo $?; echo x > /etc/passwd; echo $?; ls /dev/shm; touch /dev/shm/x; echo $?; stat -c %F /fifo")}, prepare="mkfifo rootfs/fifo"),
    Case("spec-readonly-kinds", {"linux.readonlyPaths": ["/data", "/etc/passwd", "/no/such", "/dev/shm", "/proc/sys", "/links"], "mounts+": [tmpfs(to="/data/deep")], "process.args": sh("touch /data/x; echo $?; echo x > /etc/passwd; echo $?; touch /dev/shm/x; echo $?; echo 5 > /proc/sys/kernel/msgmax; echo $?; touch /data/sub/x; echo $?; cat /etc/passwd")}),
    Case("spec-default-devices", sees="dev path=/dev/fd path=/dev/stdin path=/dev/stdout path=/dev/stderr path=/dev/ptmx path=/dev/null path=/dev/tty path=/dev/core path=/dev/console"),
    Case("spec-default-devices-work", {"process.args": sh("(echo x > /dev/null; od -N 4 /dev/zero; od -N 1 /dev/random | wc -l; od -N 1 /dev/urandom | wc -l; echo x > /dev/full; echo $?; echo x > /dev/tty; echo $?; "
         "for n in fd stdin stdout stderr ptmx; do readlink /dev/$n; done; echo via > /dev/stdout; echo e > /dev/stderr) 2>&1 | cat")}),
    Case("spec-devices-types", {"linux.devices": [{"path": "/dev/a", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600, "uid": 3, "gid": 4}, {"path": "/dev/b", "type": "u", "major": 1, "minor": 5, "fileMode": 0o644}, {"path": "/dev/p", "type": "p", "fileMode": 0o620, "uid": 1000}, {"path": "/dev/full2", "type": "c", "major": 1, "minor": 7}]}, sees="dev"),
    Case("spec-mount-kinds", {"mounts+": [{"destination": "/p", "type": "proc", "source": "proc", "options": ["ro", "nosuid"]}, {"destination": "/s", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
         {"destination": "/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "mode=0600", "ptmxmode=0666"]}, {"destination": "/q", "type": "mqueue", "source": "mqueue", "options": ["nosuid"]}]}, sees="mounts path=/p path=/s path=/pts path=/q path=/pts/ptmx"),
    Case("spec-bind-recursive", {"mounts+": [bind("BUNDLE/extra", "/one", "bind", "ro"), bind("BUNDLE/extra", "/two", "rbind", "ro"), bind("BUNDLE/extra", "/three", "rbind", "rro"), bind("BUNDLE/extra", "/four", "rbind", "nosuid", "nodev", "noexec")]}, prepare="mkdir -p extra/in; touch extra/x extra/in/y", sees="mounts list=/one list=/two list=/three"),
    Case("spec-bind-without-type", {"mounts+": {"destination": "/b", "source": "BUNDLE/extra", "options": ["rbind", "rprivate"]}}, prepare="mkdir extra; touch extra/x", sees="mounts list=/b"),
    Case("spec-bind-into-tmpfs", {"mounts+": [tmpfs(to="/t"), bind("BUNDLE/extra", "/t/file"), bind("BUNDLE", "/t/dir", "bind", "ro")]}, prepare="echo content > extra", sees="read=/t/file path=/t/dir path=/t/file"),
    Case("spec-tmpfs-sizes", {"mounts+": [tmpfs("size=4k", to="/a"), tmpfs("nr_inodes=3", to="/b"), tmpfs("nr_blocks=2", to="/c"), tmpfs("mode=000", to="/d")], "process.args": sh("head -c 8192 /dev/zero > /a/x; echo $?; touch /b/1; echo $?; touch /b/2; echo $?; touch /b/3; echo $?; head -c 9000 /dev/zero > /c/x; echo $?; stat -c %a /d")}),
    Case("spec-copy-up", {"mounts+": tmpfs("tmpcopyup", "size=1m", to="/data"), "process.args": sh("ls -lR /data | grep -v total | tr -s ' ' | cut -d' ' -f1-5,9; cat /data/sub/deep; echo new > /data/new; stat -c '%a %u %g' /data /data/file /data/sub"), "process.user": {"uid": 0, "gid": 0}}, prepare="chown 5:6 rootfs/data/file; chmod 711 rootfs/data/sub; ln -s sub rootfs/data/link"),
    Case("spec-console", {"process.terminal": True, "process.consoleSize": {"height": 40, "width": 100}}, ("console run c",), sees="tty path=/dev/console list=/dev/pts"),
    # --- names, limits, settings ---
    Case("spec-sysctl-many", {"linux.sysctl": {"kernel.msgmnb": "20000", "kernel.msgmni": "55", "kernel.sem": "100 2000 50 60", "kernel.shmall": "999999", "kernel.shmmax": "88888888", "kernel.shm_rmid_forced": "1", "fs.mqueue.queues_max": "20", "fs.mqueue.msgsize_max": "4096",
         "net.ipv4.ip_local_port_range": "2000 3000", "net.ipv4.tcp_syncookies": "0", "net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.tcp_keepalive_time": "77", "net.ipv4.tcp_fin_timeout": "33", "net.ipv6.conf.all.disable_ipv6": "1", "net.ipv4.conf.all.rp_filter": "2"}},
         sees=" ".join(f"read=/proc/sys/{name}" for name in ("kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall", "kernel/shmmax", "kernel/shm_rmid_forced", "fs/mqueue/queues_max", "fs/mqueue/msgsize_max", "net/ipv4/ip_local_port_range", "net/ipv4/tcp_syncookies",
              "net/ipv4/ip_unprivileged_port_start", "net/ipv4/tcp_keepalive_time", "net/ipv4/tcp_fin_timeout", "net/ipv6/conf/all/disable_ipv6", "net/ipv4/conf/all/rp_filter"))),
    *(Case(f"spec-sysctl-{name}", {"linux.sysctl": {name: value}}) for name, value in {"kernel.threads-max": "100", "vm.overcommit_memory": "1", "fs.file-max": "1000", "net.ipv4.no_such": "1", "kernel.msgmax": "-1", "kernel.msgmni": "x", "kernel.shmmni": "99999999999", "kernel": "1", "net": "1", ".": "1", "net..x": "1", "kernel.randomize_va_space": "0", "net.ipv4": "1"}.items()),
    Case("spec-sysctl-shared-ipc", {"linux.sysctl": {"kernel.msgmax": "5000"}, "linux.namespaces": [{"type": kind} for kind in ("pid", "network", "uts", "mount")]}),
    Case("spec-hostname-without-uts", {"linux.namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "mount")]}),
    Case("spec-rlimits-soft-above", {"process.rlimits": [{"type": "RLIMIT_CORE", "soft": 9, "hard": 3}]}),
    Case("spec-cap-lower", {"process.capabilities": {name: ["cap_kill"] for name in ("bounding", "effective", "permitted")}}, sees="caps"),
    # --- filters ---
    Case("spec-seccomp-default-errno", {**filtered("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "mkdir", "mkdirat")), "process.args": sh("mkdir /x 2>&1; echo $?")}),
    Case("spec-seccomp-trace-errno", {**filtered("SCMP_ACT_ALLOW", rule("SCMP_ACT_TRACE", "mkdir", "mkdirat", errnoRet=9)), "process.args": sh("mkdir /x 2>&1; echo $?")}),
    Case("spec-seccomp-kill-errno", {**filtered("SCMP_ACT_ALLOW", rule("SCMP_ACT_KILL", "mkdir", "mkdirat", errnoRet=9)), "process.args": sh("mkdir /x 2>&1; echo $?")}),
    Case("spec-seccomp-ranges", {**filtered("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "kill", errnoRet=40, args=[arg(1, 11, "SCMP_CMP_GT"), arg(1, 15, "SCMP_CMP_LT")])), "process.args": sh("trap '' 10 12 14 15; for n in 10 12 14 15; do kill -$n $$ 2>&1; echo $n $?; done")}),
    Case("spec-seccomp-names-unknown", {**filtered("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "no_such_call", "mkdir", "mkdirat", "open_tree_attr", errnoRet=5)), "process.args": sh("mkdir /x 2>&1; echo $?")}),
    Case("spec-seccomp-listener", {**filtered("SCMP_ACT_ALLOW", listenerPath="/no/such/socket")}, sees="ids"),
    Case("spec-seccomp-flags-tsync", {**filtered("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "mkdir", "mkdirat"), flags=["SECCOMP_FILTER_FLAG_TSYNC"])}, sees="ids"),
    Case("spec-seccomp-and-privileges", {**filtered("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "mkdir", "mkdirat", errnoRet=33)), "process.noNewPrivileges": False, "process.user": {"uid": 1000, "gid": 1000}, "process.capabilities": {}, "process.args": sh("grep -e Seccomp: -e NoNew /proc/self/status; mkdir /tmp/x 2>&1")}),
    # --- listings ---
    Case("spec-list-many", SLEEPS, ("create a", "create b", "start b", "pause b", "create c", "kill c KILL", "until c stopped", "list -f json", "! rt list | awk '{print $1, $3}'", "resume b", "! rt list -q | wc -l")),
    Case("spec-list-null", steps=("list -f json", "list", "list -q", "! rt list --format=json", LAST.format("list -f json"), LAST.format("list"), LAST.format("--version"))),
    Case("spec-last-bytes", {**SLEEPS, "linux.cgroupsPath": AT}, (*UP, *(LAST.format(words) for words in ("list -f json", "list -q", "list", "ps -f json c", "ps c", "events --stats c", "features")))),
    Case("spec-ps-options", SLEEPS, (*UP, "! rt ps -f table c | wc -l", "! rt ps -f table c | head -1 | tr -s ' '", "ps -f json nope", "ps nope")),
    Case("spec-state-shape", {**SLEEPS, "annotations": {"b": "2", "a": "1"}}, (*UP, "! rt state c | python3 -c 'import json,sys; d=json.load(sys.stdin); print(sorted(d), type(d[\"pid\"]).__name__, sorted(d[\"annotations\"].items()))'")),
    Case("spec-spec-flags", steps=("! mkdir s; rt spec --bundle s; test -f s/config.json; echo $?", "! mkdir r; rt spec -b r --rootless; python3 -c 'import json; d=json.load(open(\"r/config.json\")); print(sorted(n[\"type\"] for n in d[\"linux\"][\"namespaces\"]), d[\"linux\"].get(\"uidMappings\"), [m for m in d[\"mounts\"] if m[\"destination\"] == \"/sys\"])'", "! rt spec --bundle /no/such 2>/dev/null; echo $?")),
    # --- what a bind mount has of its source's ---
    Case("spec-bind-inherits", {"mounts+": [bind("BUNDLE/extra", "/plain"), bind("BUNDLE/extra", "/private", "rbind", "rprivate"), bind("BUNDLE/extra", "/rw", "rbind", "rw"), bind("BUNDLE/extra", "/ro", "rbind", "ro"), bind("BUNDLE/extra", "/nodev", "rbind", "nodev"), bind("BUNDLE/extra", "/strict", "rbind", "ro", "strictatime"), bind("BUNDLE/extra", "/rel", "rbind", "relatime")],
         "process.args": sh("grep -e ' /plain ' -e ' /private ' -e ' /r' -e ' /nodev ' -e ' /strict ' /proc/self/mountinfo | cut -d' ' -f5,6")},
         ("! mkdir extra; mount -t tmpfs -o nosuid,nodev,noexec,noatime x extra", "run c", "! umount extra")),
    Case("spec-bind-inherits-read-only", {"mounts+": bind("BUNDLE/extra", "/plain"), "process.args": sh("grep -c ' /plain .* ro' /proc/self/mounts; touch /plain/x; echo $?")},
         ("! mkdir extra; mount -t tmpfs -o ro x extra", "run c", "! umount extra")),
    *(Case(f"spec-memory-{limit}", {"linux.resources": {"memory": {"limit": limit}}, "linux.cgroupsPath": AT}, ("run c", GONE)) for limit in (1, 1000, 4096, 100000)),
]  # fmt: skip
