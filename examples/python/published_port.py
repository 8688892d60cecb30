"""A web server inside, reached from the host by a published port."""

import socket
import time
import urllib.error
import urllib.request

from stackbox import Sandbox

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
with Sandbox(network="user", publish=[f"{port}:8000"]) as box:
    box.write_file("/tmp/www/index.html", "hello from inside\n")
    server = box.popen(["/usr/bin/python3", "-m", "http.server", "8000", "--directory", "/tmp/www"], stderr=-3)
    deadline = time.monotonic() + 60
    while True:
        try:
            print(urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read().decode(), end="")
            break
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
    server.terminate()
    server.wait()
