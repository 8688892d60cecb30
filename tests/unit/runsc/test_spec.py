"""config.json: what is read, and that every problem is listed with its path."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runsc.cli import run_command_line
from runsc.failure import RuntimeFailure
from runsc.spec.decode import decode
from runsc.spec.default import default_spec
from runsc.spec.load import load_bundle
from runsc.spec.reader import Problems
from runsc.spec.validate import validate


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    (tmp_path / "rootfs").mkdir()
    (tmp_path / "config.json").write_text(json.dumps(good()))
    return tmp_path


def good() -> dict[str, Any]:
    return copy.deepcopy(default_spec(["sh", "-c", "true"], "rootfs", False))


def problems_with(bundle: Path, document: object) -> list[str]:
    (bundle / "config.json").write_text(json.dumps(document))
    try:
        load_bundle(str(bundle))
    except RuntimeFailure as failure:
        head = f"{bundle}/config.json: "
        assert all(line.startswith(head) for line in failure.lines)
        return [line.removeprefix(head) for line in failure.lines]
    return []


def test_namespaces_that_are_not_asked_for_are_said(bundle: Path) -> None:
    """Who leaves one out wants the host's, and does not get it."""
    document = good()
    document["linux"]["namespaces"] = [{"type": "mount"}, {"type": "uts"}, {"type": "ipc"}]
    (bundle / "config.json").write_text(json.dumps(document))
    assert load_bundle(str(bundle)).unsupported == ["linux.namespaces: the host's own pid namespace"]


def test_devices_of_a_privileged_container(bundle: Path) -> None:
    """Its engine lists what the host has; the last rule for all is what tells it from one that names a device."""
    document = good()
    host = [("/dev/sda", "b", 8, 0), ("/dev/fuse", "c", 10, 229), ("/dev/ptmx", "c", 5, 2), ("/dev/full", "c", 1, 7)]
    named = [dict(zip(("path", "type", "major", "minor"), row, strict=True)) for row in host]
    document["linux"]["devices"] = [{**device, "fileMode": 0o20640, "uid": 3, "gid": 4} for device in named]
    document["linux"]["resources"] = {"devices": [{"allow": True, "access": "rwm"}]}
    (bundle / "config.json").write_text(json.dumps(document))
    spec = load_bundle(str(bundle))
    assert [(one.path, one.mode, one.uid, one.gid) for one in spec.devices] == [("/dev/full", 0o640, 3, 4)]
    assert spec.unsupported == ["linux.devices (of the host: 2)"]
    document["linux"]["resources"]["devices"].append({"allow": True, "type": "c", "major": 10, "access": "rwm"})
    assert len(problems_with(bundle, document)) == 2


def test_the_default_is_good(bundle: Path) -> None:
    spec = load_bundle(str(bundle))
    assert spec.process is not None
    assert spec.process.args == ["sh", "-c", "true"]
    assert spec.process.rlimits[0].soft == 1024
    assert spec.root_readonly
    assert [mount.kind for mount in spec.mounts][:2] == ["proc", "tmpfs"]


CASES: list[tuple[list[str | int], object, str]] = [
    (["ociVersion"], "2.0.0", "ociVersion: '2.0.0' is not a 1.x version"),
    (["ociVersion"], 1, "ociVersion: must be a string, is a number"),
    (["root"], None, "root: is missing"),
    (["root", "path"], "nowhere", "root.path: "),
    (["root", "readonly"], "yes", "root.readonly: must be a boolean, is a string"),
    (["process"], [], "process: must be an object, is an array"),
    (["process", "args"], [], "process.args: there is no command"),
    (["process", "args"], ["a\0b"], "process.args[0]: contains a NUL character"),
    (["process", "args"], ["a", "\ud800"], "process.args[1]: contains half a surrogate pair"),
    (["process", "cwd"], "/\ud800", "process.cwd: contains half a surrogate pair"),
    (["process", "cwd"], "", "process.cwd: is empty"),
    (["process", "rlimits", 0, "type"], "", "process.rlimits[0].type: is empty"),
    (["linux", "seccomp"], {"syscalls": [{}]}, "linux.seccomp.defaultAction: is missing"),
    (["process", "args"], "sh", "process.args: must be an array, is a string"),
    (["process", "cwd"], "tmp", "process.cwd: 'tmp' is not absolute"),
    (["process", "env"], ["A=1", "B"], "process.env[1]: 'B' is not NAME=VALUE"),
    (["process", "user", "uid"], -1, "process.user.uid: -1 is not between"),
    (["process", "user", "uid"], True, "process.user.uid: must be a whole number, is a boolean"),
    (["process", "user", "uid"], 1.5, "process.user.uid: must be a whole number, is a number"),
    (["process", "rlimits", 0, "type"], "RLIMIT_X", "process.rlimits[0].type: unknown limit 'RLIMIT_X'"),
    (["process", "rlimits", 0, "soft"], 2000, "process.rlimits[0]: soft 2000 is above hard 1024"),
    (
        ["process", "capabilities", "inheritable"],
        ["CAP_CHOWN"],
        "process.capabilities.inheritable: CAP_CHOWN is not in the bounding set",
    ),
    (
        ["process", "rlimits", 0],
        {"type": "RLIMIT_NOFILE", "soft": 1, "hard": 1 << 50},
        f"process.rlimits[0]: hard {1 << 50} is above fs.nr_open",
    ),
    (
        ["process", "capabilities", "effective"],
        ["CAP_CHOWN"],
        "process.capabilities.effective: CAP_CHOWN is not permitted",
    ),
    (["hostname"], "x" * 65, "hostname: is longer than 64 bytes"),
    (["mounts", 0, "options"], ["tmpcopyup"], "mounts[0].options[0]: 'tmpcopyup' is for a tmpfs"),
    (["linux", "rootfsPropagation"], "all", "linux.rootfsPropagation: unknown propagation 'all'"),
    (["mounts", 0, "type"], "ext4", "mounts[0].type: unknown kind 'ext4'"),
    (["mounts", 0, "type"], "bind", "mounts[0].source: "),
    (["mounts", 0, "options"], ["frob"], "mounts[0].options[0]: unknown option 'frob'"),
    (["mounts", 0], {"destination": "/x", "type": "tmpfs", "options": ["size=1x"]}, "mounts[0].options[0]: 'size=1x'"),
    (["mounts", 0], {"destination": "/x", "type": "tmpfs", "options": ["mode=9"]}, "mounts[0].options[0]: 'mode=9'"),
    (["mounts", 0, "uidMappings"], [{"size": 1}], "mounts[0].uidMappings: is not supported"),
    (["mounts", 0], 7, "mounts[0]: must be an object, is a number"),
    (["linux", "namespaces", 0, "type"], "pidd", "linux.namespaces[0].type: unknown kind 'pidd'"),
    (["linux", "namespaces", 1], {"type": "pid"}, "linux.namespaces[1].type: pid is there twice"),
    (["linux", "namespaces", 1], {"type": "network", "path": "/no"}, "linux.namespaces[1].path: /no: no such file"),
    (["hooks"], {"prestart": [{"path": "bin/true"}]}, "hooks.prestart[0].path: 'bin/true' is not absolute"),
    (["hooks"], {"poststop": [{"args": ["x"]}]}, "hooks.poststop[0].path: is missing"),
    (["hooks"], {"poststop": [{"path": "/x", "timeout": 0}]}, "hooks.poststop[0].timeout: 0 is not between"),
    (["domainname"], "x" * 65, "domainname: is longer than 64 bytes"),
    (["vm"], {"kernel": {}}, "vm: is not supported"),
    (
        ["linux", "devices"],
        [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229}],
        "linux.devices[0].path: /dev/fuse (c 10:229) is not supported: no device of the host is inside",
    ),
    (
        ["linux", "devices"],
        [{"path": "/dev/null", "type": "b", "major": 1, "minor": 3}],
        "linux.devices[0].path: /dev/null (b 1:3) is not supported",
    ),
    (
        ["linux", "devices"],
        [{"path": "/dev/../null", "type": "c", "major": 1, "minor": 3}],
        "linux.devices[0].path: '/dev/../null' is not supported: devices are made below /dev",
    ),
    (["linux", "devices"], [{"path": "/dev/null"}], "linux.devices[0].type: is missing"),
    (["linux", "uidMappings"], [{"size": 1}], "linux.uidMappings: needs a user namespace in linux.namespaces"),
    (["linux", "namespaces", 1], {"type": "user"}, "linux.uidMappings: is missing, and there is a user namespace"),
    (["linux", "personality"], {"domain": "X"}, "linux.personality.domain: unknown domain 'X'; known: LINUX, LINUX32"),
    (["linux", "personality"], {"flags": []}, "linux.personality.domain: is missing"),
    (["linux", "personality"], {"domain": "LINUX", "flags": ["X"]}, "linux.personality.flags: is not supported"),
    (
        ["mounts"],
        [{"destination": "/p", "type": "proc", "source": "p", "options": ["hidepid=3"]}],
        "mounts[0].options[0]: 'hidepid=3': not a value that this option takes",
    ),
    (["linux", "cgroupsPath"], "/a/../..", "linux.cgroupsPath: '/a/../..' is no group of the container's own"),
    (["linux", "resources"], {"cpu": {"shares": 1}}, "linux.resources.cpu.shares: 1 is not between 2 and"),
    (["linux", "resources"], {"cpu": {"period": 999}}, "linux.resources.cpu.period: 999 is not between 1000 and"),
    (["linux", "resources"], {"cpu": {"quota": 999}}, "linux.resources.cpu.quota: 999 is less than 1000"),
    (["linux", "resources"], {"cpu": {"cpus": "0-99999"}}, "linux.resources.cpu.cpus: '0-99999' is no list"),
    (["linux", "resources"], {"cpu": {"mems": "0,"}}, "linux.resources.cpu.mems: '0,' is no list"),
    (["linux", "resources"], {"cpu": {"mems": "3-1"}}, "linux.resources.cpu.mems: '3-1' is no list"),
    (["linux", "resources"], {"cpu": {"mems": "0-7:1/x"}}, "linux.resources.cpu.mems: '0-7:1/x' is no list"),
    (
        ["linux", "resources"],
        {"memory": {"limit": 1 << 26, "swap": 1 << 20}},
        "linux.resources.memory.swap: is memory and swap together, and less than limit",
    ),
    (["linux", "cgroupsPath"], "/", "linux.cgroupsPath: '/' is no group of the container's own"),
    (["linux", "seccomp"], {"defaultAction": "SCMP_ACT_X"}, "linux.seccomp.defaultAction: unknown action"),
    (
        ["linux", "seccomp"],
        {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["bind"], "action": "SCMP_ACT_NOTIFY"}]},
        "linux.seccomp.syscalls[0].action: SCMP_ACT_NOTIFY is not supported",
    ),
    (
        ["linux", "seccomp"],
        {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["bind"], "action": "SCMP_ACT_KILL", "args": [{"index": 6, "op": "SCMP_CMP_EQ"}]}],
        },
        "linux.seccomp.syscalls[0].args[0].index: 6 is not between",
    ),
]


@pytest.mark.parametrize(("path", "value", "problem"), CASES)
def test_each_problem_has_its_path(bundle: Path, path: list[str | int], value: object, problem: str) -> None:
    document: Any = good()
    place = document
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    found = problems_with(bundle, document)
    assert any(line.startswith(problem) for line in found), found


MAPS: list[tuple[object, str]] = [
    ([{"containerID": 0}], "linux.uidMappings[0].size: is missing"),
    ([{"size": 0}], "linux.uidMappings[0].size: 0 is not between 1 and"),
    ([{"hostID": -1, "size": 1}], "linux.uidMappings[0].hostID: -1 is not between 0 and"),
    ([{"hostID": 4294967290, "size": 9}], "linux.uidMappings[0]: goes beyond the last id"),
    ([{"size": 9}, {"containerID": 8, "hostID": 9, "size": 1}], "linux.uidMappings[1]: has ids that another has, too"),
    ([{"size": 9}, {"containerID": 9, "hostID": 8, "size": 1}], "linux.uidMappings[1]: has ids that another has, too"),
    ([{"containerID": 1, "size": 1}], "process.user.uid: 0 is not in linux.uidMappings"),
    ("x", "linux.uidMappings: must be an array, is a string"),
]


@pytest.mark.parametrize(("maps", "problem"), MAPS)
def test_maps_of_ids(bundle: Path, maps: object, problem: str) -> None:
    document = good()
    namespaces = [{"type": "pid"}, {"type": "user"}]
    document["linux"] = {"namespaces": namespaces, "uidMappings": maps, "gidMappings": [{"size": 1}]}
    found = problems_with(bundle, document)
    assert any(line.startswith(problem) for line in found), found


def test_all_problems_are_listed(bundle: Path) -> None:
    found = problems_with(bundle, {"root": {}, "process": {"args": [1], "cwd": "x", "terminal": 3}, "hostname": 4})
    assert [line.partition(":")[0] for line in found] == [
        "ociVersion",
        "root.path",
        "process.terminal",
        "process.args[0]",
        "hostname",
        "process.args",
        "process.cwd",
    ]


@pytest.mark.parametrize("text", ["", "{", "[1,2", "\xff", "[" * 100_000, "nul"])
def test_what_is_not_json(bundle: Path, text: str, capfd: pytest.CaptureFixture[str]) -> None:
    (bundle / "config.json").write_bytes(text.encode("latin-1"))
    assert run_command_line(["run", "--bundle", str(bundle), "x"]) == 1
    err = capfd.readouterr().err
    assert err.startswith(f"runsc: {bundle}/config.json: not JSON: ") and err.count("\n") == 1


def test_missing_bundle_and_missing_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["run", "--bundle", str(tmp_path / "no"), "x"]) == 1
    assert run_command_line(["run", "--bundle", str(tmp_path), "x"]) == 1
    err = capfd.readouterr().err.splitlines()
    assert err == [
        f"runsc: bundle {tmp_path}/no: no such directory",
        f"runsc: {tmp_path}/config.json: No such file or directory",
    ]


def test_spec_writes_a_file_that_run_accepts(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rootfs").mkdir()
    assert run_command_line(["spec", "--bundle", str(tmp_path), "echo", "hi"]) == 0
    spec = load_bundle(str(tmp_path))
    assert spec.process is not None and spec.process.args == ["echo", "hi"]
    assert run_command_line(["spec", "--bundle", str(tmp_path)]) == 1
    assert "exists" in capfd.readouterr().err


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "ociVersion",
                    "root",
                    "path",
                    "process",
                    "args",
                    "env",
                    "cwd",
                    "user",
                    "uid",
                    "rlimits",
                    "type",
                    "soft",
                    "hard",
                    "mounts",
                    "destination",
                    "source",
                    "options",
                    "linux",
                    "namespaces",
                    "resources",
                    "memory",
                    "limit",
                    "hooks",
                    "prestart",
                    "maskedPaths",
                    "capabilities",
                    "bounding",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(JSON)
def test_no_document_surprises_the_reader(document: object) -> None:
    problems = Problems()
    validate(decode(document, problems), "/nonexistent", problems)
    assert problems.found


def test_lists_of_processors(bundle: Path) -> None:
    """As the kernel takes them."""
    document = json.loads((bundle / "config.json").read_text())
    for text in ("0", "0-0", " 0 ", "0,0", "0-0:1/2"):
        document["linux"]["resources"] = {"cpu": {"cpus": text, "mems": "0-7:1/2,9"}}
        assert problems_with(bundle, document) == []


def test_spec_of_an_ordinary_user(tmp_path: Path) -> None:
    """What runc writes for one: its own id is root's, no network and no group of terminals."""
    assert run_command_line(["spec", "--rootless", "--bundle", str(tmp_path)]) == 0
    linux = json.loads((tmp_path / "config.json").read_text())["linux"]
    assert linux["uidMappings"] == [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]
    assert linux["gidMappings"] == [{"containerID": 0, "hostID": os.getegid(), "size": 1}]
    kinds = [one["type"] for one in linux["namespaces"]]
    assert "user" in kinds and "network" not in kinds and "resources" not in linux
