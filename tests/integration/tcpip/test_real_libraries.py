"""Libraries that know nothing of us, over `tcpip.adapters.sockets` and on an event loop of ours, on a tap, against the
distribution's servers."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Namespace
from .programs import program, start_sshd, tap_for_kernel, wait_for_port

pytestmark = pytest.mark.slow
PORT = 8080
NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log stderr;
events {{ }}
http {{ access_log off; keepalive_requests 100; client_body_temp_path {folder}; proxy_temp_path {folder};
 fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
 server {{ listen {port}; root {folder}/www; }} }}
"""


def run(ns: Namespace, what: str, *more: str, programs: str = "library_programs") -> list[str]:
    """The program's lines."""
    module = f"tests.integration.tcpip.{programs}"
    return ns.run(sys.executable, "-m", module, what, str(PORT), *more, timeout=120).splitlines()


def run_on_loop(ns: Namespace, what: str) -> list[str]:
    return run(ns, what, programs="loop_programs")


def needs(library: str) -> None:
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"needs {library}: .venv/bin/pip install {library}")


@pytest.fixture
def nginx(ns: Namespace, tmp_path: Path) -> bytes:
    """What it serves as /big."""
    path = program("nginx")
    tap_for_kernel(ns)
    (tmp_path / "www").mkdir()
    data = os.urandom(3_000_000)
    (tmp_path / "www/big").write_bytes(data)
    (tmp_path / "conf").write_text(NGINX.format(folder=tmp_path, port=PORT))
    for folder in (tmp_path, *list(tmp_path.parents)[:-2]):
        assert folder.stat().st_mode & 0o400
    ns.start(path, "-c", str(tmp_path / "conf"), "-p", str(tmp_path), "-g", "user root;")
    wait_for_port(ns, PORT)
    return data


def test_http_client_and_nginx(ns: Namespace, nginx: bytes) -> None:
    assert [line.split() for line in run(ns, "http.client")] == [["200", str(len(nginx))], ["404"]]


def test_requests_and_nginx(ns: Namespace, nginx: bytes) -> None:
    needs("requests")
    digest = hashlib.sha256(nginx).hexdigest()
    assert run(ns, "requests") == [f"200 {digest}"] * 3 + ["connections 1", f"threads [{len(nginx)}] 8"]


def test_httpx_and_nginx(ns: Namespace, nginx: bytes) -> None:
    needs("httpx")
    digest = hashlib.sha256(nginx).hexdigest()
    assert run_on_loop(ns, "httpx") == [f"200 {digest}"] * 3 + ["from 10.9.0.2", f"at once {{{len(nginx)}}} 8"]


@pytest.mark.parametrize("programs", ["library_programs", "loop_programs"])
def test_redis(ns: Namespace, tmp_path: Path, programs: str) -> None:
    needs("redis")
    path = program("redis-server")
    tap_for_kernel(ns)
    ns.start(
        path, "--port", str(PORT), "--bind", "10.9.0.1", "--save", "", "--dir", str(tmp_path), "--protected-mode", "no"
    )
    wait_for_port(ns, PORT)
    assert run(ns, "redis", programs=programs) == ["True True", str(sum(range(1000))), "b'said'", "None"]


def test_paramiko_and_sshd(ns: Namespace, tmp_path: Path) -> None:
    needs("paramiko")
    tap_for_kernel(ns)
    key = start_sshd(ns, tmp_path, PORT)
    assert run(ns, "paramiko", str(key)) == ["500000 3", "True 2048000"]


@pytest.fixture
def database() -> Iterator[Path]:
    """A folder that the server's user owns, where it can reach it."""
    folder = Path(tempfile.mkdtemp(prefix="stackbox-postgres-"))
    shutil.chown(folder, "postgres")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("library", ["pg8000", "asyncpg"])
def test_postgres(ns: Namespace, request: pytest.FixtureRequest, library: str) -> None:
    needs(library)
    server, initdb = program("postgres"), program("initdb")
    folder: Path = request.getfixturevalue("database")
    tap_for_kernel(ns)
    user = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
    command = [*user, initdb, "-D", str(folder / "data"), "-A", "trust", "--no-sync", "-E", "UTF8", "--no-locale"]
    subprocess.run(command, check=True, capture_output=True, cwd="/")
    (folder / "data/pg_hba.conf").write_text("host all all 10.9.0.0/24 trust\n")
    ns.start(*user, server, "-D", str(folder / "data"), "-p", str(PORT), "-h", "10.9.0.1", "-k", str(folder), "-F")
    wait_for_port(ns, PORT)
    programs = "loop_programs" if library == "asyncpg" else "library_programs"
    assert run(ns, "postgres", programs=programs) == ["[50, 1225, 49]", "22012", "2000000"]
