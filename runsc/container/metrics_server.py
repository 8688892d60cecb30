"""`runsc metrics --listen`: the same text for Prometheus to fetch."""

from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Callable, Final

from runsc.failure import RuntimeFailure, UsageError

PATH: Final = "/metrics"
TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
CLIENT_S: Final = 10  # so long a client may take to ask or to listen
FORM: Final = "[ADDR:]PORT"


def parse_listen(text: str) -> tuple[str, int]:
    """Address and port; the loopback where there is no address. UsageError."""
    address, colon, port = text.rpartition(":")
    address = address.removeprefix("[").removesuffix("]") if colon else "127.0.0.1"
    if not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise UsageError(f"--listen {text!r}: {port!r} is not a port; the form is {FORM}")
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    except OSError:
        raise UsageError(f"--listen {text!r}: {address!r} is not an address; the form is {FORM}") from None
    return address, int(port)


class Server(ThreadingHTTPServer):
    """`collect` makes the text anew for each request."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], collect: Callable[[], str]) -> None:
        self.collect = collect
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Without the name that http.server looks up."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def url(self) -> str:
        """Where it is."""
        host = f"[{self.server_name}]" if ":" in self.server_name else self.server_name
        return f"http://{host}:{self.server_port}{PATH}"


class Handler(BaseHTTPRequestHandler):
    """GET and HEAD of one page."""

    timeout = CLIENT_S
    server: Server

    def do_GET(self) -> None:
        """The page."""
        self._answer(True)

    def do_HEAD(self) -> None:
        """Its head."""
        self._answer(False)

    def _answer(self, whole: bool) -> None:
        if self.path.partition("?")[0] != PATH:
            self.send_error(404, f"metrics are at {PATH}")
            return
        try:
            body = self.server.collect().encode()
        except RuntimeFailure as failure:
            self.send_error(503, str(failure))
            return
        self.send_response(200)
        self.send_header("Content-Type", TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if whole:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads that."""


def serve(text: str, collect: Callable[[], str], say: Callable[[str], None]) -> None:
    """Until SIGINT or SIGTERM. UsageError, RuntimeFailure."""
    address = parse_listen(text)
    try:
        server = Server(address, collect)
    except OSError as error:
        raise RuntimeFailure(f"--listen {text}: {error.strerror}") from None
    with server:
        say(f"listening on {server.url()}\n")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
