"""systemd as the first process of a sandbox: it boots, runs units with most of its sandboxing, and powers off."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.programs.root import REPOSITORY, ROOT, CannotPrepare, prepare

BOUND_S: Final = 300
BOOT: Final = """
cat >/etc/systemd/system/work.service <<'X'
[Service]
Type=oneshot
StandardOutput=file:/data/out
StandardError=file:/data/err
ExecStart=/bin/bash /data/work.sh
ExecStopPost=/bin/systemctl --no-block poweroff
X
cat >/etc/systemd/system/work.target <<'X'
[Unit]
Requires=basic.target
Wants=work.service dbus.service systemd-logind.service
X
exec /lib/systemd/systemd --unit=work.target
"""
WORK: Final = """
systemctl start dbus systemd-logind && systemctl is-active dbus systemd-journald systemd-logind
run() { systemd-run --wait --quiet --pipe "$@"; }
run echo transient
run -p DynamicUser=yes -p ProtectSystem=strict -p PrivateDevices=yes -p MemoryMax=100M sh -c 'touch /etc/x 2>&1; ls /dev/null'
run -p PrivateNetwork=yes -p RestrictNamespaces=yes -p SystemCallFilter=@system-service sh -c 'ls /sys/class/net; unshare -n true 2>&1'
run -p User=nobody -p AmbientCapabilities=CAP_NET_BIND_SERVICE -p CapabilityBoundingSet=CAP_NET_BIND_SERVICE grep CapEff /proc/self/status
run -p Delegate=yes sh -c 'mkdir "/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)/below" && echo delegated'
mkdir -p /mnt/m && mount -t tmpfs none /mnt/m
until systemctl is-active mnt-m.mount; do :; done
umount /mnt/m; until ! systemctl is-active --quiet mnt-m.mount; do :; done; echo "no mount"
systemd-run --quiet --unit tick --on-active=100ms touch /run/ticked; until [ -e /run/ticked ]; do sleep 0.05; done; echo ticked
echo a line | systemd-cat -t work; until journalctl --no-pager --quiet -t work -o cat; do sleep 0.1; done | head -n 1
hostnamectl hostname
"""
EXPECTED: Final = """active
active
active
transient
touch: cannot touch '/etc/x': Read-only file system
/dev/null
lo
unshare: unshare failed: Operation not permitted
CapEff:\t0000000000000400
delegated
active
no mount
ticked
a line
stackbox
"""


@pytest.mark.slow
def test_systemd_boots_runs_units_and_powers_off(tmp_path: Path) -> None:
    try:
        prepare(["systemd", "systemd-sysv", "dbus"], "")
    except CannotPrepare as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    (tmp_path / "work.sh").write_text(WORK)
    words = [sys.executable, "-m", "runsc", "do", "--rootfs", str(ROOT), "--network", "none", "--hostname", "stackbox"]
    words += ["--cap-add", "ALL", "--tmpfs", "/run", "--tmpfs", "/tmp", "--volume", f"{tmp_path}:/data", "--cwd", "/"]
    words += ["--env", "container=stackbox", "--timeout", str(BOUND_S), "/bin/sh", "-c", BOOT]
    done = subprocess.run(words, cwd=REPOSITORY, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    output = tmp_path / "out"
    assert output.exists(), done.stderr
    assert output.read_text() == EXPECTED, (tmp_path / "err").read_text()
    assert "timed out" not in done.stderr
