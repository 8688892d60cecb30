"""`--network user`: the host's loopback by name, published ports, and what is said of what is refused."""

from __future__ import annotations

import hashlib
import http.server
import os
import socket
import subprocess
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator

import pytest

from tests.e2e.conftest import BOUND_S, ROOT, Result, command, do, runsc

SIZE = 20_000_000
DATA = os.urandom(1 << 20) * (SIZE >> 20)
DIGEST = hashlib.sha256(DATA).hexdigest()
PYTHON = "/usr/bin/python3"


class Handler(http.server.BaseHTTPRequestHandler):
    """GET gives DATA, PUT answers the digest of what came."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        self.wfile.write(DATA)

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(hashlib.sha256(body).hexdigest().encode())

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def port() -> Iterator[int]:
    """Of a web server on the host's loopback."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join(BOUND_S)
    server.server_close()


def allowed(port: int, script: str) -> Result:
    return runsc(f"--allow=host.stackbox.internal:{port}", "do", "/bin/sh", "-c", script)


def refusals(result: Result) -> list[str]:
    return [line for line in result.err.splitlines() if line.startswith("runsc: denied")]


@pytest.mark.parametrize("host", ["host.stackbox.internal", "10.0.2.2", "[fd53:7461:636b::2]"])
def test_the_hosts_loopback_down_and_up(port: int, host: str) -> None:
    url = f"http://{host}:{port}/"
    result = allowed(
        port, f"curl -sSfg '{url}' -o /tmp/got && sha256sum < /tmp/got && curl -sSfg -T /tmp/got '{url}up'"
    )
    assert result.status == 0 and not result.err, result
    assert result.out == f"{DIGEST}  -\n{DIGEST}", result


def test_another_port_of_it_is_one_line(port: int) -> None:
    result = allowed(port, f"curl -sS --retry 2 http://host.stackbox.internal:{port - 1}/ 2>/dev/null; echo $?")
    assert result.out == "7\n" and len(refusals(result)) == 1, result
    assert f"curl): tcp host.stackbox.internal:{port - 1} (" in result.err, result
    assert f"--allow host.stackbox.internal:{port - 1}" in result.err, result


@pytest.mark.parametrize(("target", "status"), [("192.0.2.1", 7), ("[2001:db8::1]", 7), ("www.example.org", 6)])
def test_a_refused_host_is_one_line_at_once(target: str, status: int) -> None:
    result = do("/usr/bin/curl", "-sSg", f"http://{target}/")
    assert result.status == status and len(refusals(result)) == 1, result
    name = target.strip("[]")
    assert "(curl)" in refusals(result)[0] and name in refusals(result)[0] and "--allow" in refusals(result)[0], result


def test_a_probe_for_a_source_address_is_no_refusal() -> None:
    script = """
import socket
for family, host in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
    print(socket.getaddrinfo(host, 80, type=socket.SOCK_STREAM)[0][4][0])
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 53))
        print(probe.getsockname()[0])
"""
    result = do(PYTHON, "-c", script)
    assert result.out.split() == ["192.0.2.1", "10.0.2.15", "2001:db8::1", "fd53:7461:636b::15"], result
    assert not result.err, result


def test_a_datagram_is_refused_when_it_is_sent() -> None:
    script = """
import errno, socket
probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
probe.connect(("192.0.2.1", 53))
for _ in range(3):
    try:
        probe.send(b"x")
    except OSError as error:
        print(errno.errorcode[error.errno])
"""
    result = do(PYTHON, "-c", script)
    assert result.out.split() == ["EACCES"] * 3 and len(refusals(result)) == 1, result
    assert "--allow udp:192.0.2.1:53" in result.err, result


def test_a_programs_name_makes_no_line_of_its_own() -> None:
    script = """
import ctypes, socket
ctypes.CDLL(None).prctl(15, b"a\\nrunsc: ok\\x1b", 0, 0, 0)
socket.socket().connect_ex(("192.0.2.1", 80))
"""
    result = do(PYTHON, "-c", script)
    assert result.err.count("\n") == 1 and result.err.startswith("runsc: denied: pid 1 (a\\nrunsc: ok\\x1b)"), result


def _burst(port: int, requests: int, at_once: int) -> list[str]:
    """What went wrong with so many requests from so many threads: more than the server's backlog holds."""

    def fetch(number: int) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/small", timeout=BOUND_S) as answer:
                return "" if answer.read() == b"small" else "another text"
        except OSError as error:
            return repr(error)

    with ThreadPoolExecutor(at_once) as pool:
        return [wrong for wrong in pool.map(fetch, range(requests)) if wrong]


def test_a_published_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "data").write_bytes(DATA)
    (tmp_path / "small").write_bytes(b"small")
    server = subprocess.Popen(
        command(
            "do",
            f"--publish={port}:8000",
            f"--volume={tmp_path}:/srv:ro",
            *f"{PYTHON} -u -m http.server --directory /srv 8000".split(),
        ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
    )
    try:
        assert server.stdout is not None and "Serving HTTP" in server.stdout.readline()
        got = subprocess.run(["curl", "-sSf", f"http://127.0.0.1:{port}/data"], capture_output=True, timeout=BOUND_S)
        assert hashlib.sha256(got.stdout).hexdigest() == DIGEST, got.stderr
        assert _burst(port, 120, 40) == []
    finally:
        server.terminate()
        server.communicate(timeout=BOUND_S)
