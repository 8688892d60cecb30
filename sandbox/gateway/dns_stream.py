"""DnsConnection: the name service over TCP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.gateway.dns_service import MAX_QUERY
from sandbox.gateway.stream_service import Connection
from tcpip.errors import NetworkError
from tcpip.sockopt import IPPROTO_TCP

if TYPE_CHECKING:
    from sandbox.gateway.dns_service import DnsService
    from tcpip.transport.endpoint import Endpoint


class DnsConnection(Connection):
    """One connection: each message behind its length (RFC 1035 4.2.2)."""

    def __init__(self, endpoint: Endpoint, service: DnsService) -> None:
        super().__init__(endpoint)
        self._service = service
        self._in = bytearray()
        try:
            self._who = service.asker(IPPROTO_TCP, endpoint.getpeername().port)
        except NetworkError:
            self._who = ""

    def received(self, data: bytes) -> None:
        if not data:
            self.end()
            return
        self._in += data
        while len(self._in) >= 2:
            length = int.from_bytes(self._in[:2], "big")
            if length > MAX_QUERY:
                self.close()
                return
            if len(self._in) < 2 + length:
                return
            query = bytes(self._in[2 : 2 + length])
            del self._in[: 2 + length]
            self._service.query(query, self._reply, self._who, True)

    def _reply(self, answer: bytes) -> None:
        if not self.closed:
            self.write(len(answer).to_bytes(2, "big") + answer)
            self.run()
