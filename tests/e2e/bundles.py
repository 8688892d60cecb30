"""OCI bundles of the host's busybox."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

BUSYBOX = shutil.which("busybox", path="/usr/bin:/bin") or ""
needs_busybox = pytest.mark.skipif(not BUSYBOX, reason="the bundle is made of the host's busybox")


def libraries(program: str) -> list[str]:
    """The shared objects that a dynamic program loads, its interpreter included; none of a static one."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True)
    return [word for word in done.stdout.split() if word.startswith("/")] if done.returncode == 0 else []


def make_bundle(tmp_path: Path) -> Path:
    """A bundle of every applet; `runsc spec` has written its config.json."""
    from tests.e2e.conftest import runsc

    programs = tmp_path / "rootfs" / "bin"
    programs.mkdir(parents=True)
    if BUSYBOX:
        shutil.copy(BUSYBOX, programs / "busybox")
        for library in libraries(BUSYBOX):
            place = tmp_path / "rootfs" / library.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, place)
        applets = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split()
        for name in set(applets) - {"busybox"}:
            (programs / name).symlink_to("busybox")
    assert runsc("spec", "--bundle", str(tmp_path), "/bin/sh", "-c", "exit 0").status == 0
    return tmp_path


def change(bundle: Path, **parts: Any) -> None:
    """Set members of config.json; `process__args` is process.args."""
    path = bundle / "config.json"
    document = json.loads(path.read_text())
    for name, value in parts.items():
        place, *keys = document, *name.split("__")
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value
    path.write_text(json.dumps(document))
