"""`runsc install` and `uninstall`: what is written to Docker's and containerd's files, and that it is undone exactly."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any, Callable

import pytest

from runsc.cli import run_command_line
from tools.labels import ROOT

JSON_FILES = [
    None,
    "",
    "{}",
    '{\n\t"debug": true,\n\t"runtimes": {"other": {"path": "/x"}}\n}',
    '{"exec-opts": ["native.cgroupdriver=cgroupfs"], "default-runtime": "other", "é": 1}\n\n',
]
CRI = '[plugins."io.containerd.grpc.v1.cri"]\n  sandbox_image = "x"  # mine\n'
TOML_FILES = [None, "", "version = 2", f"version = 2\n{CRI}", "version = 3\r\nroot = '/r'\r\n"]


class Machine:
    """An executable and both files."""

    def __init__(self, directory: Path) -> None:
        self.runtime = directory / "bin" / "runsc"
        self.runtime.parent.mkdir()
        self.runtime.write_text("#!/bin/sh\n")
        self.runtime.chmod(0o755)
        self.docker = directory / "docker" / "daemon.json"
        self.containerd = directory / "containerd" / "config.toml"
        self.link = self.runtime.parent / "containerd-shim-runsc-v1"

    def call(self, verb: str, *words: str) -> int:
        flags = ["--docker-config", str(self.docker), "--containerd-config", str(self.containerd)]
        return run_command_line([verb, *flags, "--path", str(self.runtime), *words])

    def put(self, file: Path, text: str | None) -> None:
        file.parent.mkdir(exist_ok=True)
        if text is not None:
            file.write_bytes(text.encode())
            file.chmod(0o640)

    def files(self) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for file in (self.docker, self.containerd):
            for entry in os.scandir(file.parent) if file.parent.is_dir() else ():
                found[entry.name] = Path(entry.path).read_bytes()
        return found | ({"link": b""} if self.link.is_symlink() else {})


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("text", JSON_FILES)
def test_docker_and_back(machine: Machine, text: str | None) -> None:
    machine.put(machine.docker, text)
    before = machine.files()
    assert machine.call("install", "--dry-run", "--default", "docker") == 0
    assert machine.files() == before
    assert machine.call("install", "--yes", "--default", "docker") == 0
    document = json.loads(machine.docker.read_text())
    assert document["runtimes"]["runsc"] == {"path": str(machine.runtime)}
    assert document["default-runtime"] == "runsc" and document["exec-opts"] == ["native.cgroupdriver=cgroupfs"]
    assert {**json.loads(text or "{}"), **document}.keys() == document.keys()
    assert text is None or machine.docker.stat().st_mode & 0o777 == 0o640
    after = machine.files()
    assert machine.call("install", "--yes", "--default", "docker") == 0  # once more
    assert machine.files() == after
    assert machine.call("uninstall", "--yes", "docker") == 0
    assert machine.files() == before
    assert machine.call("uninstall", "--yes", "docker") == 0
    assert machine.files() == before


@pytest.mark.parametrize("text", TOML_FILES)
def test_containerd_and_back(machine: Machine, text: str | None) -> None:
    machine.put(machine.containerd, text)
    before = machine.files()
    assert machine.call("install", "--yes", "containerd") == 0
    document = tomllib.loads(machine.containerd.read_bytes().decode())
    plugin = "io.containerd.cri.v1.runtime" if document["version"] == 3 else "io.containerd.grpc.v1.cri"
    entry = document["plugins"][plugin]["containerd"]["runtimes"]["runsc"]
    assert entry == {"runtime_type": "io.containerd.runsc.v1"}
    assert machine.containerd.read_bytes().startswith((text or "").encode())
    assert os.readlink(machine.link) == "runsc"
    after = machine.files()
    assert machine.call("install", "--yes", "containerd") == 0
    assert machine.files() == after
    assert machine.call("uninstall", "--yes", "containerd") == 0
    assert machine.files() == before
    assert machine.call("uninstall", "--yes", "containerd") == 0
    assert machine.files() == before


def test_what_others_have_changed_since_stays(machine: Machine) -> None:
    machine.put(machine.docker, '{"exec-opts": ["a=b"], "default-runtime": "runc"}')
    machine.put(machine.containerd, CRI.join(["version = 2\n", ""]))
    assert machine.call("install", "--yes", "--default", "docker", "containerd") == 0
    document = json.loads(machine.docker.read_text())
    document["debug"] = True
    machine.docker.write_text(json.dumps(document))
    with open(machine.containerd, "a") as file:
        file.write("[debug]\n  level = 'info'\n")
    assert machine.call("install", "--yes", "--default", "docker", "containerd") == 0
    assert machine.call("uninstall", "--yes", "docker", "containerd") == 0
    found = json.loads(machine.docker.read_text())
    assert found == {"exec-opts": ["a=b"], "default-runtime": "runc", "debug": True}
    assert machine.containerd.read_text() == "version = 2\n" + CRI + "[debug]\n  level = 'info'\n"
    assert sorted(machine.files()) == ["config.toml", "daemon.json"]


def test_a_link_that_was_there_stays(machine: Machine) -> None:
    machine.link.symlink_to("runsc")
    assert machine.call("install", "--yes", "containerd") == 0
    assert machine.call("uninstall", "--yes", "containerd") == 0
    assert machine.link.is_symlink()


def test_it_asks(machine: Machine, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    import io

    for answer in ("n\n", ""):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        assert machine.call("install", "docker") == 1
        assert machine.files() == {}
        out, err = capfd.readouterr()
        assert '+    "runsc": {' in out and err == "runsc: nothing is changed: answer y, or give --yes\n"
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert machine.call("install", "docker") == 0
    assert "systemctl restart docker" in capfd.readouterr().out


def test_it_writes_what_the_pages_say(machine: Machine) -> None:
    assert machine.call("install", "--yes", "docker", "containerd") == 0
    page = re.search(r"^```json\n(.*?)^```$", (ROOT / "docs" / "docker.md").read_text(), re.MULTILINE | re.DOTALL)
    assert page is not None
    assert json.loads(machine.docker.read_text()) == json.loads(
        page[1].replace("/usr/local/bin/runsc", str(machine.runtime))
    )
    block = re.search(r"^```toml\n(.*?)^```$", (ROOT / "docs" / "containerd.md").read_text(), re.MULTILINE | re.DOTALL)
    assert block is not None and block[1] in machine.containerd.read_text()


def json_says(text: str) -> Callable[[Machine], None]:
    return lambda machine: machine.put(machine.docker, text)


def toml_says(text: str) -> Callable[[Machine], None]:
    return lambda machine: machine.put(machine.containerd, text)


REFUSED: list[tuple[Callable[[Machine], Any], tuple[str, ...], str]] = [
    (json_says("{"), ("docker",), "Expecting property name"),
    (json_says("[]"), ("docker",), "not a JSON object: it is left alone"),
    (json_says('{"a": 1, "a": 2}'), ("docker",), "a name is there twice: it is left alone"),
    (json_says('{"runtimes": []}'), ("docker",), "runtimes is not what dockerd takes there"),
    (json_says('{"runtimes": {"runsc": {"path": "/other"}}}'), ("docker",), "has another runtime 'runsc'"),
    (json_says('{"exec-opts": ["native.cgroupdriver=systemd"]}'), ("docker",), "systemd is not supported"),
    (json_says("[" * 100_000), ("docker",), "it is left alone"),
    (toml_says("version = "), ("containerd",), "it is left alone"),
    (toml_says("root = '/'"), ("containerd",), "version 1, which is not 2 or 3"),
    (toml_says("version = 2\nplugins = {}"), ("containerd",), "it is left alone"),
    (
        toml_says(f"version = 2\n{CRI}[plugins.'io.containerd.grpc.v1.cri'.containerd]\nruntimes = 3"),
        ("containerd",),
        "",
    ),
    (lambda machine: machine.docker.mkdir(parents=True), ("docker",), "Is a directory"),
    (lambda machine: machine.link.write_text(""), ("containerd",), "and is not the runtime"),
    (lambda machine: machine.runtime.chmod(0o644), ("docker",), "is not an executable file"),
    (lambda machine: None, ("dockr",), "unknown engine 'dockr'; known: docker, containerd"),
    (lambda machine: None, ("--default", "containerd"), "--default is for docker"),
]


@pytest.mark.parametrize(("prepare", "words", "says"), REFUSED)
def test_what_is_refused(
    machine: Machine,
    prepare: Callable[[Machine], None],
    words: tuple[str, ...],
    says: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    prepare(machine)
    assert machine.call("install", "--yes", *words) == 1
    err = capfd.readouterr().err
    assert err.startswith("runsc: ") and says in err and err.count("\n") == 1, err
    names = {
        entry.name
        for place in (machine.docker, machine.containerd)
        if place.parent.is_dir()
        for entry in os.scandir(place.parent)
    }
    assert names <= {"daemon.json", "config.toml"}


def test_a_broken_undo_file(machine: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    assert machine.call("install", "--yes", "docker") == 0
    undo = machine.docker.with_name("daemon.json.runsc-undo")
    for text in ("", "[]", '{"version": 9}', '{"version": 1, "original": 3, "written": "", "link": ""}'):
        undo.write_text(text)
        before = machine.files()
        assert machine.call("uninstall", "--yes", "docker") == 1
        assert "not what this runtime writes: nothing is changed" in capfd.readouterr().err
        assert machine.files() == before
