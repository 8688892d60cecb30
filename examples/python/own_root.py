"""A root directory of one's own in place of the host's: here busybox alone."""

import shutil
import tempfile
from pathlib import Path

from stackbox import Sandbox

with tempfile.TemporaryDirectory() as name:
    programs = Path(name, "bin")
    programs.mkdir()
    busybox = shutil.which("busybox")
    if busybox is None:
        raise SystemExit("busybox-static is needed")
    shutil.copy(busybox, programs / "busybox")
    for word in ("sh", "cat", "ls", "mkdir", "chmod"):
        (programs / word).symlink_to("busybox")
    with Sandbox(root=name, network="none", env={"PATH": "/bin"}) as box:
        box.write_file("/etc/motd", "private\n")
        print(box.run(["ls", "/etc"], capture_output=True, text=True).stdout.strip())
    print("on the host:", Path(name, "etc/motd").exists())
