"""Programs of the distribution that tests run at the stack: found, started, waited for."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from .conftest import Namespace

BOUND = 30.0
PACKAGES = {
    "ab": "apache2-utils",
    "mtr": "mtr-tiny",
    "nc": "netcat-openbsd",
    "nginx": "nginx-light",
    "postgres": "postgresql",
    "redis-server": "redis-server",
    "ssh": "openssh-client",
    "sshd": "openssh-server",
}


def program(name: str) -> str:
    """Its path; the test is skipped without it, and says what to install."""
    places = os.pathsep.join(
        [os.environ.get("PATH", ""), "/usr/sbin", *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
    )
    found = shutil.which(name, path=places)
    if found is None:
        pytest.skip(f"needs {name} (apt-get install {PACKAGES.get(name, name)})")
    return found


def wait_for_port(ns: Namespace, port: int) -> None:
    """Until somebody in the namespace listens there."""
    deadline = time.monotonic() + BOUND
    while f":{port} " not in ns.run("ss", "-Hltn"):
        assert time.monotonic() < deadline, f"nobody listens at port {port}"
        time.sleep(0.02)


def tap_for_kernel(ns: Namespace, address: str = "10.9.0.1/24") -> None:
    """A persistent tap whose host's end is up, so that the kernel's servers can be bound before a stack comes."""
    ns.run("ip", "tuntap", "add", "tap0", "mode", "tap")
    ns.run("ip", "addr", "add", address, "dev", "tap0")
    ns.run("ip", "link", "set", "tap0", "up")


def start_sshd(ns: Namespace, folder: Path, port: int) -> Path:
    """On all addresses; the private key that lets root in."""
    sshd = program("sshd")
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    settings = {
        "Port": port,
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "user.pub",
        "StrictModes": "no",
        "PermitRootLogin": "prohibit-password",
        "UsePAM": "no",
        "PidFile": "none",
        "Subsystem": "sftp internal-sftp",
    }
    config = folder / "sshd_config"
    config.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    ns.start(sshd, "-D", "-e", "-f", str(config))
    wait_for_port(ns, port)
    return folder / "user"
