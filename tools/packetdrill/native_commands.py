"""Commands of a script that runs on the host's kernel: given to sh(1), with the usual helper scripts replaced by ours."""

from __future__ import annotations

import re
import subprocess
from typing import Final

from tools.packetdrill.commands import DEFAULTS
from tools.packetdrill.errors import ScriptError
from tools.packetdrill.native import NativeStack

PRELUDE: Final = r"""
set_sysctls() { for a in "$@"; do echo "${a#*=}" > "${a%%=*}"; done; }
sysctl() {
    for a in "$@"; do
        case $a in -*) continue ;; esac
        name=/proc/sys/$(echo "${a%%=*}" | tr . /)
        if [ -e "$name" ]; then echo "${a#*=}" > "$name"; else echo "sysctl: no $name" >&2; fi
    done
}
defaults() {
"""
HELPERS: Final = (
    (re.compile(r"\S*defaults\.sh"), "defaults"),
    (re.compile(r"\S*set_sysctls\.py"), "set_sysctls"),
    (re.compile(r"\S*sysctl_restore_\S*"), "true"),
)


class NativeCommands:
    """As commands.Commands."""

    def __init__(self, stack: NativeStack) -> None:
        self.stack = stack

    def run(self, text: str) -> None:
        """ScriptError with what the shell has said."""
        for pattern, name in HELPERS:
            text = pattern.sub(name, text)
        chosen = re.findall(r"tcp_congestion_control=(\w+)", text)
        if chosen:
            self.stack.congestion = chosen[-1].encode()
        script = f"{PRELUDE}{DEFAULTS}\n}}\n{text}"
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
        if done.returncode:
            raise ScriptError(f"non-zero status {done.returncode}: {done.stderr.strip()}")

    def run_file(self, path: str) -> None:
        self.run(f". {path}")
