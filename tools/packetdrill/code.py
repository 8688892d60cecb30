"""Code blocks: Python that asserts something about the connection under test.

A block is run as it is, with this process's rights, as packetdrill hands it to a Python of its own: run only scripts
that you would run as programs. It knows the fields of TCP_INFO at the time of its event as `tcpi_…`, and names of states
and flags. All blocks of a script share their variables.
"""

from __future__ import annotations

import struct
import traceback
from typing import Any, Final

from tcpip.errors import NetworkError
from tcpip.transport.endpoint import Endpoint
from tools.packetdrill.errors import Difference
from tools.packetdrill.table_symbols import CODE_SYMBOLS, INFO_FIELDS, INFO_LAYOUT

SOL_TCP: Final = 6
TCP_INFO: Final = 11
SOL_SOCKET: Final = 1
_BUFFERS: Final = {"SK_MEMINFO_RCVBUF": 8, "SK_MEMINFO_SNDBUF": 7}


def info_fields(data: bytes) -> dict[str, int]:
    """struct tcp_info by name."""
    names = INFO_FIELDS.split()
    values = dict(zip(names, struct.unpack_from(INFO_LAYOUT, data), strict=True))
    scales, bits = values.pop("wscales"), values.pop("bits")
    values["snd_wscale"], values["rcv_wscale"] = scales & 15, scales >> 4
    values["delivery_rate_app_limited"] = bits & 1
    values["fastopen_client_fail"] = bits >> 1 & 3
    return {f"tcpi_{name}": value for name, value in values.items()}


class CodeBlocks:
    """The variables of one script's blocks."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.variables: dict[str, Any] = dict(CODE_SYMBOLS)

    def run(self, text: str, line: int, endpoint: Endpoint | None) -> None:
        """Difference when it raises."""
        if endpoint is not None:
            self.variables.update(_state_of(endpoint))
        self.variables.update(_file=self.path, _line=line)
        try:
            exec(compile(text + "\n", self.path, "exec"), self.variables)
        except Exception as error:
            what = "".join(traceback.format_exception_only(error)).strip()
            raise Difference(f"error in Python code\n{text}\n{what}") from None


def _state_of(endpoint: Endpoint) -> dict[str, int]:
    known: dict[str, int] = {}
    try:
        info = endpoint.get_option(SOL_TCP, TCP_INFO)
        if isinstance(info, bytes):
            known.update(info_fields(info))
    except NetworkError:
        pass  # not TCP
    for name, option in _BUFFERS.items():
        value = endpoint.get_option(SOL_SOCKET, option)
        if isinstance(value, int):
            known[name] = value
    return known
