"""Back-quoted commands: recognised, and turned into settings of the stack. What is not recognised fails by name.

`defaults.sh` is answered by this module's own copy of what scripts' authors mean by it (the values that Linux' kselftest
runner sets), wherever the script looks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Final

from tcpip.transport.tcp.congestion import ALGORITHMS
from tools.packetdrill import shell
from tools.packetdrill.errors import ScriptError
from tools.packetdrill.file_space import FileSpace
from tools.packetdrill.host import Host
from tools.packetdrill.net_commands import ip_command, nstat, tc_command
from tools.packetdrill.settings import Settings
from tools.packetdrill.socket_table import SOCKET_TABLES, socket_table
from tools.packetdrill.sysctls import Sysctls

DEFAULTS: Final = """
sysctl -q net.ipv4.tcp_rmem="4096 540000 $((15*1024*1024))"
sysctl -q net.ipv4.tcp_wmem="4096 $((256*1024)) 4194304"
sysctl -q net.ipv4.tcp_timestamps=1 net.ipv4.tcp_syn_retries=5 net.ipv4.tcp_synack_retries=5
sysctl -q net.ipv4.tcp_frto=2 net.ipv4.tcp_sack=1 net.ipv4.tcp_dsack=1 net.ipv4.tcp_fack=0 net.ipv4.tcp_reordering=3
sysctl -q net.ipv4.tcp_congestion_control=cubic net.ipv4.tcp_slow_start_after_idle=0
sysctl -q net.ipv4.tcp_early_retrans=4 net.ipv4.tcp_recovery=1 net.ipv4.tcp_tso_win_divisor=3 net.ipv4.tcp_ecn=0
sysctl -q net.ipv4.tcp_pacing_ss_ratio=200 net.ipv4.tcp_pacing_ca_ratio=120 net.ipv4.tcp_notsent_lowat=4294967295
sysctl -q net.ipv4.tcp_fastopen=0x3 net.ipv4.tcp_fastopen_key=a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4
sysctl -q net.ipv4.tcp_syncookies=1
"""
SCRIPT_PID: Final = "12345"
NOTHING: Final = ("true", ":", "sync", "export", "set", "ulimit", "touch")
Result = tuple[int, str]
"""Exit status and output."""


class Commands:
    """One script's commands. `advance(µs)` lets time pass, for sleep(1)."""

    def __init__(self, settings: Settings, host: Host, files: FileSpace, advance: Callable[[int], None]) -> None:
        self.settings = settings
        self.host = host
        self.files = files
        self.advance = advance
        self.sysctls = Sysctls(host.stack)
        self.variables = {"PPID": SCRIPT_PID, "PACKETDRILL_PID": SCRIPT_PID, "TUN_DEV": "tun0"}

    def run(self, text: str) -> None:
        """ScriptError: a command that is not recognised, or one that failed last."""
        status = 0
        for pipeline in shell.parse(text, self.variables):
            if (pipeline.before == "&&" and status) or (pipeline.before == "||" and not status):
                continue
            output = ""
            for command in pipeline.commands:
                status, output = self._run(command, output)
        if status:
            raise ScriptError(f"non-zero status {status}")

    def run_file(self, path: str) -> None:
        """--init_scripts."""
        if PurePosixPath(path).name == "defaults.sh":
            self.run(DEFAULTS)
            return
        try:
            self.run(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise ScriptError(f"init script {path!r}: {error.strerror}") from None

    def _run(self, command: shell.Simple, given: str) -> Result:
        words = list(command.words)
        while words and "=" in words[0] and words[0].partition("=")[0].isidentifier():
            name, _, value = words.pop(0).partition("=")
            self.variables[name] = value
        if words and words[0] in ("sudo", "exec", "command"):
            words.pop(0)
        if not words:
            return 0, ""
        status, output = self._dispatch(PurePosixPath(words[0]).name, words[0], words[1:], given)
        if command.output.startswith("/proc/sys/"):
            self.sysctls.write(command.output, output.strip())
        elif command.output:
            self.files.make(command.output, output.encode())
        return status, output

    def _dispatch(self, name: str, path: str, args: list[str], given: str) -> Result:
        known: dict[str, Callable[[list[str]], Result]] = {
            "sysctl": self._sysctl,
            "set_sysctls.py": self._set_sysctls,
            "sleep": self._sleep,
            "usleep": self._usleep,
            "echo": lambda words: (0, " ".join(word for word in words if word not in ("-n", "-e")) + "\n"),
            "cat": self._cat,
            "dd": self._dd,
            "rm": self._rm,
            "modprobe": self._modprobe,
            "ethtool": self._ethtool,
            "ip": lambda words: (ip_command(self.host, words), ""),
            "tc": lambda words: (tc_command(self.host, words), ""),
            "nstat": lambda words: nstat(self.host, words),
            "grep": lambda words: grep(words, given, self._contents),
            "egrep": lambda words: grep(["-E", *words], given, self._contents),
        }
        if name == "defaults.sh":
            self.run(DEFAULTS)
            return 0, ""
        if name.startswith("sysctl_restore_"):
            self.sysctls.restore()
            return 0, ""
        if name in NOTHING:
            return 0, ""
        if name == "false":
            return 1, ""
        if name in ("bash", "sh") and args[:1] and not args[0].startswith("-"):
            return self._dispatch(PurePosixPath(args[0]).name, args[0], args[1:], given)
        if name in ("python", "python3") and args[:1] and args[0].endswith("set_sysctls.py"):
            return self._set_sysctls(args[1:])
        if name not in known:
            raise ScriptError(f"unknown command {path!r}")
        return known[name](args)

    # Commands.

    def _sysctl(self, words: list[str]) -> Result:
        output = ""
        for word in words:
            if word in ("-q", "-w", "-e", "-n", "-qw", "-wq", "--quiet", "--write"):
                continue
            if word.startswith("-"):
                raise ScriptError(f"sysctl: option {word!r} is not supported")
            name, equals, value = word.partition("=")
            if equals:
                self.sysctls.write(name, value)
            else:
                output += self.sysctls.read(name) + "\n"
        return 0, output

    def _set_sysctls(self, words: list[str]) -> Result:
        for word in words:
            name, _, value = word.partition("=")
            self.sysctls.write(name, value)
        return 0, ""

    def _sleep(self, words: list[str]) -> Result:
        self.advance(self.host.now + sum(_duration(word) for word in words))
        return 0, ""

    def _usleep(self, words: list[str]) -> Result:
        self.advance(self.host.now + int(words[0]))
        return 0, ""

    def _cat(self, words: list[str]) -> Result:
        return 0, "".join(self._contents(word) for word in words)

    def _contents(self, name: str) -> str:
        """A file's text: sysctls and tables of sockets are the stack's own."""
        if name.startswith("/proc/sys/"):
            return self.sysctls.read(name) + "\n"
        if name in SOCKET_TABLES:
            return socket_table(self.host.stack, SOCKET_TABLES[name])
        try:
            return self.files.read(name).decode(errors="replace")
        except OSError as error:
            raise ScriptError(f"{name!r}: {error.strerror}") from None

    def _dd(self, words: list[str]) -> Result:
        settings = dict(word.partition("=")[::2] for word in words)
        if settings.get("if") not in ("/dev/zero", "/dev/urandom") or not settings.get("of"):
            raise ScriptError("dd: only if=/dev/zero of=FILE is supported")
        size = _size(settings.get("bs", "512")) * _size(settings.get("count", "1"))
        self.files.make(settings["of"], bytes(size))
        return 0, ""

    def _rm(self, words: list[str]) -> Result:
        for word in words:
            if not word.startswith("-"):
                self.files.remove(word)
        return 0, ""

    def _modprobe(self, words: list[str]) -> Result:
        for word in words:
            name = word.removeprefix("tcp_")
            if not word.startswith("-") and name not in ALGORITHMS:
                raise ScriptError(f"modprobe: there is no {word!r}")
        return 0, ""

    def _ethtool(self, words: list[str]) -> Result:
        """Offloads: the link under test has none."""
        if words[:1] not in (["-K"], ["--offload"], ["--features"]):
            raise ScriptError(f"ethtool {' '.join(words[:1])} is not supported")
        for name, value in zip(words[2::2], words[3::2], strict=False):
            if value != "off":
                raise ScriptError(f"ethtool: the link has no offload {name!r}")
        return 0, ""


def _duration(word: str) -> int:
    """sleep(1)'s argument in µs."""
    scale = {"s": 1, "m": 60, "h": 3600}.get(word[-1:], 0)
    return round(float(word[:-1] if scale else word) * (scale or 1) * 1e6)


def _size(word: str) -> int:
    """dd(1)'s numbers."""
    scale = {"k": 1024, "K": 1024, "M": 1 << 20}.get(word[-1:], 0)
    return int(word[:-1] if scale else word) * (scale or 1)


def grep(words: list[str], given: str, contents: Callable[[str], str]) -> Result:
    """grep(1) of a pipe, or of files: -q, -v, -i, -c, -E, -F, -w, -o, -s, -h."""
    import re

    flags = "".join(word[1:] for word in words if word.startswith("-") and len(word) > 1)
    patterns = [word for word in words if not word.startswith("-")]
    if set(flags) - set("qvicEFwosh") or not patterns:
        raise ScriptError(f"grep {' '.join(words)} is not supported")
    if len(patterns) > 1:
        given = "".join(contents(name) for name in patterns[1:])
    pattern = re.escape(patterns[0]) if "F" in flags else patterns[0]
    if "E" not in flags and "F" not in flags:
        pattern = re.sub(r"\\([|+?(){}])", r"\1", re.sub(r"(?<!\\)([|+?(){}])", r"[\1]", pattern))
    if "w" in flags:
        pattern = rf"\b(?:{pattern})\b"
    found = re.compile(pattern, re.IGNORECASE if "i" in flags else 0)
    lines = [line for line in given.splitlines() if bool(found.search(line)) != ("v" in flags)]
    if "c" in flags:
        return int(not lines), f"{len(lines)}\n"
    output = "" if "q" in flags else "".join(line + "\n" for line in lines)
    return int(not lines), output
