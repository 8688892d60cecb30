"""What `runsc doctor` finds on hosts that lack something, and what it comes to."""

from __future__ import annotations

import pytest

from sandbox.boot.host_report import LESS, MISSING, OK, UNKNOWN, Finding, Host, examine, status, sub_ids
from sandbox.boot.trial import Trial, understand

MOUNTS = "30 29 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
FILES = {"/proc/self/status": "Name:\tx\n", "/proc/self/mountinfo": MOUNTS, "/etc/subuid": "ann:100000:65536\n"}
GOOD = Trial(True, "", True, True)


def host(**files: str) -> Host:
    """A good one, of root's; `files` by the end of their paths."""
    made = Host()
    texts = dict(FILES)
    for name, text in files.items():
        texts[next((path for path in PATHS if path.endswith(name)), name)] = text
    made.uid, made.user, made.uname, made.limits = 0, "root", ("Linux", "6.8.0", "x86_64"), (1 << 20, -1)
    made.read = lambda path: texts.get(path, "")
    made.capabilities, made.cpus, made.python = (1 << 41) - 1, 4, (3, 12, 1)
    made.groups, made.readable = list, lambda path: True
    return made


PATHS = (
    *FILES,
    "/proc/sys/kernel/seccomp/actions_avail",
    "/proc/sys/kernel/yama/ptrace_scope",
    "/proc/sys/user/max_user_namespaces",
    "/proc/sys/kernel/unprivileged_userns_clone",
)


def found(made: Host, trial: Trial = GOOD, compiled: bool = False) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(made, trial, compiled)}


def outcome(findings: dict[str, Finding]) -> int:
    return status(list(findings.values()))


def test_a_host_with_everything() -> None:
    findings = found(host(), compiled=True)
    assert {finding.state for finding in findings.values()} == {OK}
    assert not any(finding.needs for finding in findings.values())
    assert outcome(findings) == 0
    assert "compiled" in findings["Python"].found and "interpreted" in found(host())["Python"].found


@pytest.mark.parametrize(
    ("files", "name", "needs"),
    [
        ({"ptrace_scope": "3\n"}, "guest memory", "kernel.yama.ptrace_scope"),
        ({"/proc/self/status": ""}, "procfs", "mount proc"),
    ],
)
def test_files_that_say_nothing_can_run(files: dict[str, str], name: str, needs: str) -> None:
    findings = found(host(**files))
    assert findings[name].state == MISSING and needs in findings[name].needs
    assert outcome(findings) == 2


def test_without_notification_it_is_slower() -> None:
    findings = found(host(actions_avail="trap errno allow"))
    finding = findings["seccomp notification"]
    assert finding.state == LESS and "ptrace" in finding.found and "CONFIG_SECCOMP_FILTER" in finding.needs
    assert outcome(findings) == 1


def test_an_old_kernel_few_files_and_an_old_python() -> None:
    made = host()
    made.uname, made.limits, made.python = ("Linux", "5.15.0", "x86_64"), (64, -1), (3, 10, 2)
    findings = found(made)
    assert "5.19 or later" in findings["kernel"].needs
    assert "ulimit -Hn" in findings["limits"].needs
    assert "3.11" in findings["Python"].needs
    assert [n for n, finding in findings.items() if finding.state == MISSING] == ["kernel", "limits", "Python"]


def test_a_trial_that_fails_early_or_late() -> None:
    findings = found(host(), Trial(False, "user namespaces are off"))
    assert findings["namespaces"].needs == "user namespaces are off"
    assert [findings[name].state for name in ("guest process", "wake-up", "patching")] == [UNKNOWN] * 3
    assert outcome(findings) == 2
    findings = found(host(), Trial(True, "this CPU or kernel lacks FSGSBASE"))
    assert findings["namespaces"].state == OK and findings["guest process"].state == MISSING
    assert outcome(findings) == 2


def test_what_is_slower_or_less() -> None:
    made = host(max_user_namespaces="0\n")
    made.cpus, made.capabilities = 1, 0
    made.groups = lambda: ["no control group for memory: /x: Permission denied"]
    findings = found(made, Trial(True, "", False, False))
    less = {name: finding.needs for name, finding in findings.items() if finding.state == LESS}
    assert less == {
        "wake-up": "Linux 6.6 or later",
        "patching": "a writable procfs, and proc_mem.force_override=always",
        "user namespaces": "set user.max_user_namespaces above 0",
        "control groups": "root, or a delegated group with memory and pids in cgroup.subtree_control",
        "tun": "CAP_NET_ADMIN to make devices",
        "interfaces": "CAP_NET_ADMIN and CAP_NET_RAW",
        "CPUs": "two or more",
    }
    assert "Permission denied" in findings["control groups"].found
    assert outcome(findings) == 1


def test_no_groups_and_no_tun() -> None:
    made = host(mountinfo="29 1 254:0 / / rw - ext4 /dev/vda rw")
    made.readable = lambda path: path != "/dev/net/tun"
    findings = found(made)
    assert findings["control groups"].needs == "a mounted cgroup2"
    assert findings["tun"].state == LESS and "/dev/net/tun" in findings["tun"].needs


def test_sub_ids() -> None:
    text = "ann:100000:65536\n1000:300000:10\nann:1:x\nbob:1:5\nbroken\n"
    assert sub_ids(text, "ann", 1000) == 65546
    assert sub_ids("", "ann", 1000) == 0


@pytest.mark.parametrize(
    ("said", "in_time", "namespaces", "failure"),
    [
        (b"nyps", True, True, ""),
        (b"!user namespaces are off: set a! b", True, False, "user namespaces are off: set a! b"),
        (b"n!no stub", True, True, "no stub"),
        (b"n", True, True, "the first guest process died while it was set up"),
        (b"n", False, True, "it does not come up in time"),
    ],
)
def test_what_a_trial_says(said: bytes, in_time: bool, namespaces: bool, failure: str) -> None:
    trial = understand(said, in_time)
    assert (trial.namespaces, trial.failure) == (namespaces, failure)
    assert trial.synchronous == trial.patches == (b"y" in said.partition(b"!")[0])
