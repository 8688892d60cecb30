"""packetdrill's options: on the command line, and at the top of a script (the command line wins)."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Final

from tcpip.addr import AF_INET, AF_INET6, parse, v4_mapped
from tcpip.transport.tcp.fast_open import cookie_for
from tools.packetdrill.errors import ScriptError

VERSIONS: Final = ("ipv4", "ipv4-mapped-ipv6", "ipv6")
FLAGS: Final = (
    "tcp_ts_ecr_scaled",
    "strict_segments",
    "dry_run",
    "is_anyip",
    "send_omit_free",
    "debug",
    "verbose",
    "native",
)
VALUED: Final = (
    "ip_version",
    "bind_port",
    "connect_port",
    "remote_ip",
    "local_ip",
    "gateway_ip",
    "netmask_ip",
    "speed",
    "mss",
    "mtu",
    "init_scripts",
    "tolerance_usecs",
    "tolerance_percent",
    "tcp_ts_tick_usecs",
    "non_fatal",
    "define",
    "code_command",
    "code_format",
    "code_sockopt",
)
REFUSED: Final = {
    "so_filename": "there is no shared object: the stack under test is tcpip/",
    "so_flags": "there is no shared object: the stack under test is tcpip/",
    "wire_client": "there is no wire: time is virtual",
    "wire_server": "there is no wire: time is virtual",
    "wire_server_ip": "there is no wire: time is virtual",
    "wire_server_at": "there is no wire: time is virtual",
    "wire_server_port": "there is no wire: time is virtual",
    "wire_client_dev": "there is no wire: time is virtual",
    "wire_server_dev": "there is no wire: time is virtual",
}
SINGLE_LETTERS: Final = {"v": "verbose", "D": "define"}


@dataclass(slots=True)
class Settings:
    """Values after all options were read; `defines` of -D."""

    ip_version: str = "ipv4"
    bind_port: int = 8080
    connect_port: int = 8080
    remote_ip: str = ""
    local_ip: str = ""
    gateway_ip: str = ""
    netmask_ip: str = "255.255.0.0"
    mss: int = 0
    mtu: int = 1500
    init_scripts: list[str] = field(default_factory=list)
    tolerance_usecs: int = 4000
    tolerance_percent: float = 12.5
    tcp_ts_ecr_scaled: bool = False
    tcp_ts_tick_usecs: int = 0
    strict_segments: bool = False
    non_fatal: set[str] = field(default_factory=set)
    dry_run: bool = False
    verbose: bool = False
    native: bool = False
    defines: dict[str, str] = field(default_factory=dict)

    def copy(self) -> Settings:
        return copy.deepcopy(self)

    # What follows from the values.

    @property
    def ipv6(self) -> bool:
        """IPv6 is on the wire."""
        return self.ip_version == "ipv6"

    @property
    def domain(self) -> int:
        """Of sockets whose domain is `...`."""
        return AF_INET if self.ip_version == "ipv4" else AF_INET6

    @property
    def local(self) -> bytes:
        """Our address on the wire."""
        return parse(self.local_ip or ("fd3d:fa7b:d17d::1" if self.ipv6 else "192.168.0.1"))

    @property
    def remote(self) -> bytes:
        """The peer's address on the wire."""
        return parse(self.remote_ip.partition("/")[0] or ("2001:db8::1" if self.ipv6 else "192.0.2.1"))

    @property
    def prefix_len(self) -> int:
        """Of our address."""
        return 48 if self.ipv6 else bin(int.from_bytes(parse(self.netmask_ip), "big")).count("1")

    def socket_address(self, addr: bytes) -> bytes:
        """An address on the wire, as a socket of `domain` sees it."""
        return v4_mapped(addr) if len(addr) == 4 and self.domain == AF_INET6 else addr

    def known_symbols(self) -> dict[str, str]:
        """-D, and what runners of scripts usually define."""
        six = self.ipv6
        known = {
            "CMSG_LEVEL_IP": "SOL_IPV6" if six else "SOL_IP",
            "CMSG_TYPE_RECVERR": "IPV6_RECVERR" if six else "IP_RECVERR",
        }
        for name, word in (("TFO_COOKIE", b"\xa1\xb2\xc3\xd4"), ("TFO_COOKIE_ZERO", b"\0\0\0\0")):
            key = b"".join(word[at : at + 1] * 4 for at in range(4))
            known[name] = cookie_for(key, self.remote, self.local).hex()
        return known | self.defines

    # Reading options.

    def apply(self, name: str, value: str | None) -> None:
        """One option. ScriptError: unknown, not supported, or a bad value."""
        if name in REFUSED:
            raise ScriptError(f"option '--{name}' is not supported: {REFUSED[name]}")
        if name in FLAGS:
            if value is not None:
                raise ScriptError(f"option '{name}' forbids an argument")
            if name in ("tcp_ts_ecr_scaled", "strict_segments", "dry_run", "verbose", "native"):
                setattr(self, name, True)
            return
        if name not in VALUED:
            raise ScriptError(f"option '{name}' unknown")
        if value is None:
            raise ScriptError(f"option '{name}' requires an argument")
        try:
            self._apply_value(name, value)
        except ValueError:
            raise ScriptError(f"bad --{name}: {value}") from None

    def _apply_value(self, name: str, value: str) -> None:
        if name == "ip_version":
            if value not in VERSIONS:
                raise ValueError
            self.ip_version = value
        elif name in ("bind_port", "connect_port"):
            setattr(self, name, _between(int(value), 1, 65535))
        elif name in ("mss", "mtu", "tolerance_usecs"):
            setattr(self, name, _between(int(value), 1, 1 << 31))
        elif name == "tcp_ts_tick_usecs":
            self.tcp_ts_tick_usecs = _between(int(value), 0, 1_000_000)
        elif name == "tolerance_percent":
            self.tolerance_percent = float(value)
            _between(int(self.tolerance_percent), 0, 100)
        elif name in ("remote_ip", "local_ip", "gateway_ip", "netmask_ip"):
            parse(value.partition("/")[0])
            setattr(self, name, value)
        elif name == "init_scripts":
            self.init_scripts = [path.strip() for path in value.split(",")]
        elif name == "non_fatal":
            self.non_fatal |= {word for word in value.replace(",", " ").split() if word in ("packet", "syscall")}
        elif name == "define":
            symbol, equals, meaning = value.partition("=")
            if not symbol or not equals:
                raise ValueError
            self.defines[symbol] = meaning
        elif name == "code_format" and value != "python":
            raise ValueError


def _between(number: int, low: int, high: int) -> int:
    if not low <= number <= high:
        raise ValueError
    return number


def split_command_line(words: list[str]) -> tuple[list[tuple[str, str | None]], list[str]]:
    """Options as getopt_long reads them (`--mtu 1500`, `--mtu=1500`, `-D A=1`, `-DA=1`, `-v`), and the scripts."""
    options: list[tuple[str, str | None]] = []
    scripts: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return options, scripts + rest
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            needs = name not in FLAGS and not equals and name in (*VALUED, *REFUSED)
            options.append((name, value if equals else rest.pop(0) if needs and rest else None))
        elif word.startswith("-") and len(word) > 1:
            name = SINGLE_LETTERS.get(word[1], word[1:])
            if name == "define":
                options.append((name, word[2:] or (rest.pop(0) if rest else None)))
            else:
                options.append((name, None))
        else:
            scripts.append(word)
    return options, scripts
