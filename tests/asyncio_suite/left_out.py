"""Which modules are run, and which of their tests are not, with the reason."""

from __future__ import annotations

import sys
from typing import Final

MODULES: Final = (
    "test_events",
    "test_streams",
    "test_sslproto",
    "test_ssl",
    "test_sock_lowlevel",
    "test_sendfile",
    "test_server",
    "test_transports",
    "test_buffered_proto",
)

LEFT_OUT: Final[dict[str, str]] = {
    "test_events.*.test_create_server_multiple_hosts_ipv4": "replaces the `socket` of asyncio.base_events, which ours does not use",
    "test_events.*.test_create_server_multiple_hosts_ipv6": "replaces the `socket` of asyncio.base_events, which ours does not use",
    "test_server.SelectorStartServerTests.test_start_server_1": "looks into private attributes of the standard Server",
    "test_sendfile.*.test_sendfile_prevents_bare_write": "of sendfile(2), which cannot write into a stack; the way without it allows writes",
}
if sys.version_info < (3, 13):  # they ask for connections in place of private methods since
    for test in ("test_wait_closed_basic", "test_wait_closed_race"):
        LEFT_OUT[f"test_server.TestServer2.{test}"] = "calls private methods of the standard Server"
