"""The manifests of examples/kubernetes, and the script that installs the runtime on a node."""

from __future__ import annotations

import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from runsc.install import containerd
from tests.e2e.conftest import BOUND_S, ROOT, command

EXAMPLES = ROOT / "examples" / "kubernetes"


def manifest(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text())


def test_the_manifests_name_each_other() -> None:
    runtime, installer, pod = map(manifest, ("runtime-class", "installer", "pod"))
    assert runtime["handler"] == containerd.NAME
    assert pod["spec"]["runtimeClassName"] == runtime["metadata"]["name"]
    template = installer["spec"]["template"]
    assert template["spec"]["nodeSelector"] == runtime["scheduling"]["nodeSelector"]
    assert template["metadata"]["labels"] == installer["spec"]["selector"]["matchLabels"]
    (container,) = template["spec"]["containers"]
    volumes = {volume["name"] for volume in template["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
    assert container["volumeMounts"][0]["mountPath"] == "/node"  # where the script looks
    for copied in ("runsc", "install.sh"):
        assert copied in (EXAMPLES / "Dockerfile").read_text()


class Node:
    """A node in a directory: its containerd's configuration, and a restart that is counted."""

    def __init__(self, directory: Path) -> None:
        self.bin, self.config, self.restarts = directory / "bin", directory / "config.toml", directory / "restarts"
        self.image = directory / "image"
        for made in (self.bin, self.image):
            made.mkdir()
        (self.image / "install.sh").write_text((EXAMPLES / "install.sh").read_text())
        (self.image / "restart").write_text(f"#!/bin/sh\necho >> {self.restarts}\n")
        (self.image / "restart").chmod(0o755)
        self.config.write_text("version = 2\n")
        self.new_version("1")

    def new_version(self, text: str) -> None:
        words = " ".join(command())
        (self.image / "runsc").write_text(f'#!/bin/sh\n# {text}\nPYTHONPATH={ROOT} exec {words} "$@"\n')

    def run(self, *words: str) -> str:
        environment = {
            "NODE": "/",
            "BIN": str(self.bin),
            "CONFIG": str(self.config),
            "RESTART": f"{self.image}/restart",
        }
        done = subprocess.run(
            ["sh", str(self.image / "install.sh"), *words],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=BOUND_S,
        )
        assert done.returncode == 0, done
        return done.stdout

    def restarted(self) -> int:
        return self.restarts.read_text().count("\n") if self.restarts.exists() else 0


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_install_upgrade_and_remove(node: Node) -> None:
    """A second time changes nothing; a new version is put in place without a restart; what was there before is there again."""
    assert node.run("once").endswith("ready\n")
    runtimes = tomllib.loads(node.config.read_text())["plugins"]["io.containerd.grpc.v1.cri"]["containerd"]["runtimes"]
    assert runtimes == {"runsc": {"runtime_type": "io.containerd.runsc.v1"}}
    assert os.readlink(node.bin / "containerd-shim-runsc-v1") == "runsc" and node.restarted() == 1
    assert "installed" not in node.run("once") and node.restarted() == 1
    node.new_version("2")
    assert "installed" in node.run("once") and node.restarted() == 1
    assert "# 2" in (node.bin / "runsc").read_text()
    assert node.run("remove").endswith("removed\n")
    assert node.config.read_text() == "version = 2\n" and os.listdir(node.bin) == [] and node.restarted() == 2
