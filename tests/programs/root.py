"""A root directory of Debian's, made once in build/programs/, into which each program's packages are installed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[2]
WORK: Final = REPOSITORY / "build" / "programs"
ROOT: Final = WORK / "root"
SUITE: Final = "bookworm"
MIRROR: Final = "http://deb.debian.org/debian"
NO_SERVICES: Final = "#!/bin/sh\nexit 101\n"
INSTALL: Final = """
mount --make-rprivate / && mount --rbind /dev "$1/dev" && mount -t proc proc "$1/proc" &&
cp /etc/resolv.conf "$1/etc/resolv.conf" && exec chroot "$@"
"""


class CannotPrepare(Exception):
    """Why the programs can't be had on this machine."""


def _run(command: list[str]) -> None:
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LANG": "C.UTF-8"}
    environment |= {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotPrepare(f"{' '.join(command[-6:])}: {(done.stderr or done.stdout).strip()[-500:]}")


def _in_root(*words: str) -> None:
    _run(["unshare", "--mount", "--pid", "--fork", "--ipc", "sh", "-c", INSTALL, "sh", str(ROOT), *words])


def _make() -> None:
    if shutil.which("debootstrap", path="/usr/sbin:/usr/bin") is None:
        _run(["apt-get", "update", "-q"])
        _run(["apt-get", "install", "-y", "-q", "--no-install-recommends", "debootstrap"])
    part = ROOT.with_name("root.part")
    shutil.rmtree(part, ignore_errors=True)
    _run(["debootstrap", "--variant=minbase", "--include=ca-certificates", SUITE, str(part), MIRROR])
    (part / "usr/sbin/policy-rc.d").write_text(NO_SERVICES)
    (part / "usr/sbin/policy-rc.d").chmod(0o755)
    (part / "etc/hosts").write_text("127.0.0.1 localhost\n")
    part.rename(ROOT)


def installed() -> dict[str, str]:
    """Name → version of the packages in the root directory."""
    found = {}
    for paragraph in (ROOT / "var/lib/dpkg/status").read_text().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.split("\n") if ": " in line and line[:1].isalpha())
        if fields.get("Status") == "install ok installed":
            found[fields["Package"]] = fields["Version"]
    return found


def prepare(packages: list[str], command: str) -> None:
    """Have the root directory, with `packages` in it; `command` has been run there once, with the network."""
    if os.geteuid() != 0:
        raise CannotPrepare("a root directory of Debian's packages needs root")
    WORK.mkdir(parents=True, exist_ok=True)
    with open(WORK / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ROOT.exists():
            _make()
        missing = sorted(set(packages) - set(installed()))
        if missing:
            _in_root("apt-get", "-q", "update")
            _in_root("apt-get", "-q", "install", "-y", "--no-install-recommends", *missing)
            _in_root("apt-get", "clean")
        stamp = ROOT / "var/lib" / f"prepared-{hashlib.sha256(command.encode()).hexdigest()[:16]}"
        if command and not stamp.exists():
            _in_root("sh", "-ec", command)
            stamp.touch()
