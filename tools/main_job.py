"""`make run`: unmodified python3 and curl from the host's root in a sandbox, over our own TCP/IP.

Two small web servers on the host's loopback; one is allowed by name, the other is not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from tools.labels import ROOT

CAPTURE: Final = "out/first-light.pcapng"
SYSTEM_PATH: Final = "/usr/local/bin:/usr/bin:/bin"  # what the sandbox shows; not a version manager in a home


class Page(BaseHTTPRequestHandler):
    """One page."""

    def do_GET(self) -> None:
        """The same for every path."""
        body = b"   Hello from a server on the host's loopback.\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quietly."""


def have_programs() -> bool:
    """python3 and curl are on the system; installed through apt when root, else one line says what is missing."""
    missing = [name for name in ("python3", "curl") if shutil.which(name, path=SYSTEM_PATH) is None]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"installing {' '.join(missing)} through apt", flush=True)
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        words = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]
        if subprocess.run(words, env=env, stdout=subprocess.DEVNULL, check=False).returncode:
            subprocess.run(["apt-get", "update", "-q"], env=env, stdout=subprocess.DEVNULL, check=False)
            subprocess.run(words, env=env, stdout=subprocess.DEVNULL, check=False)
        missing = [name for name in missing if shutil.which(name, path=SYSTEM_PATH) is None]
    if missing:
        print(f"make run needs {' and '.join(missing)}: sudo apt-get install {' '.join(missing)}", file=sys.stderr)
    return not missing


def main_job() -> int:
    """0 when everything went as it should."""
    if not have_programs():
        return 1
    (ROOT / "out").mkdir(exist_ok=True)
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Page) for _ in range(2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    allowed, denied = (server.server_address[1] for server in servers)
    line = [sys.executable, "-m", "runsc", "do", "--network=user", f"--allow=tcp:host.stackbox.internal:{allowed}"]
    line += [f"--pcap-log={CAPTURE}", "--summary", f"--volume={ROOT / 'examples'}:/examples:ro"]
    line += ["/bin/sh", "/examples/first_light.sh", str(allowed), str(denied)]
    print("$ runsc " + " ".join(line[3:]), flush=True)
    try:
        status = subprocess.run(line, cwd=ROOT, check=False).returncode
    except KeyboardInterrupt:
        status = 130
    for server in servers:
        server.shutdown()
        server.server_close()
    if status:
        print(f"exit status {status}")
    return 1 if status else 0
