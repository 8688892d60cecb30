"""What sentences of the runtime specification ask for, one after the other: documents of hooks, what becomes of a changed
bundle, values that reach the host's control groups, and ends that are not as usual."""

from __future__ import annotations

from typing import Any, Final

from tests.e2e.beside_runc.case import Case, sh
from tests.e2e.beside_runc.cases_verbs import SLEEPS, UP, hook

ON_HOST: Final = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")
AT: Final = "/beside-spec/group"
SHOW: Final = "! for f in {}; do p=/sys/fs/cgroup/${{f%%/*}}/beside-spec/group/${{f#*/}}; test -e $p && echo $f: $(sort $p); done; true"
GONE: Final = "! rm -f x; find /sys/fs/cgroup -depth -path '*beside-spec*' -type d -exec rmdir {} + 2>/dev/null; true"


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
]  # fmt: skip
