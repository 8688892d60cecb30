"""A client of CRI (runtime.v1 of k8s.io/cri-api) over gRPC, an image, and a containerd that serves it in namespaces of
its own."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import socket
import tarfile
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator
from urllib.parse import urlsplit

import grpc

from runsc.shim.protobuf import Fields, message
from sandbox.boot import libc
from tests.e2e.conftest import BOUND_S
from tests.e2e.docker.cri_config import CONTAINER as CONTAINER_CONFIG
from tests.e2e.docker.cri_config import POD as POD_CONFIG
from tests.e2e.docker.cri_config import encode
from tests.e2e.docker.engines import Containerd, busybox_root

IMAGE = "docker.io/library/box:1"
POD, CONTAINER = 0, 1  # NamespaceMode
SETTINGS = """
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{image}"
  stream_server_address = "127.0.0.1"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    default_runtime_name = "runsc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runsc]
      runtime_type = "io.containerd.runsc.v1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{directory}/cni"
"""
NETWORK = {
    "cniVersion": "0.4.0",
    "name": "pods",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "cni0",
            "isGateway": True,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.88.7.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]},
        }
    ],
}


def image(rootfs: Path, path: Path) -> None:
    """A Docker archive of one layer; its entry point waits for a signal."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.add(rootfs, ".")
    pause = ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done"]
    config = {"architecture": "amd64", "os": "linux", "config": {"Entrypoint": pause}, "rootfs": {"type": "layers"}}
    import hashlib

    config["rootfs"] = {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer.getvalue()).hexdigest()]}
    manifest = [{"Config": "config.json", "RepoTags": ["box:1"], "Layers": ["layer.tar"]}]
    with tarfile.open(path, "w") as tar:
        for name, data in (
            ("layer.tar", layer.getvalue()),
            ("config.json", json.dumps(config).encode()),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


class Cri(Containerd):
    """With its own network namespace, bridge and pods."""

    def __init__(self, directory: Path, rootfs: Path) -> None:
        (directory / "cni").mkdir()
        network = json.loads(json.dumps(NETWORK))
        network["plugins"][0]["ipam"]["dataDir"] = str(directory / "ipam")
        (directory / "cni" / "pods.conflist").write_text(json.dumps(network))
        settings = SETTINGS.format(image=IMAGE, directory=directory)
        super().__init__(directory, settings, ("-m", "-n"))
        image(rootfs, directory / "image.tar")
        done = self.run(
            "--namespace", "k8s.io", "images", "import", "--snapshotter", "native", str(directory / "image.tar")
        )
        assert done.returncode == 0, done
        self._channel = grpc.insecure_channel(f"unix:{self.address}")

    def call(self, method: str, *fields: Any) -> Fields:
        """One call of the RuntimeService."""
        function = self._channel.unary_unary(f"/runtime.v1.RuntimeService/{method}")
        return Fields(function(message(*fields), timeout=BOUND_S))

    def connect(self, url: str) -> socket.socket:
        """To the streaming server, or a pod: from the other network namespace. OSError."""
        made: list[socket.socket] = []
        failed: list[OSError] = []

        def enter() -> None:
            fd = os.open(f"/proc/{self.process.pid}/ns/net", os.O_RDONLY)
            libc.setns(fd, libc.CLONE_NEWNET)
            os.close(fd)
            parts = urlsplit(url)
            try:
                made.append(socket.create_connection((str(parts.hostname), int(parts.port or 0)), BOUND_S))
            except OSError as error:
                failed.append(error)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]
        return made[0]

    def remove_pods(self) -> None:
        """Those that there are."""
        for data in self.call("ListPodSandbox").all(1):
            self.call("StopPodSandbox", (1, Fields(data).text(1)))
            self.call("RemovePodSandbox", (1, Fields(data).text(1)))

    def close(self) -> None:
        self.remove_pods()
        self._channel.close()
        super().close()


class Pod:
    """One sandbox; `create` its containers. `config`: fields of cri_config.POD; its namespaces are the containers', too."""

    def __init__(self, cri: Cri, name: str, pid_mode: int = CONTAINER, handler: str = "runsc", **config: Any) -> None:
        self.cri = cri
        self.logs = Path(config.get("logs", cri.directory / "logs"))
        linux = config.pop("linux", {})
        self.namespaces = {"pid": pid_mode, **linux.get("security", {}).get("namespaces", {})}
        values = {
            "metadata": {"name": name, "uid": f"uid-{name}", "namespace": "default"},
            "hostname": f"host-{name}",
            "logs": str(self.logs),
            "linux": {**linux, "security": {**linux.get("security", {}), "namespaces": self.namespaces}},
            **config,
        }
        self.config = encode(POD_CONFIG, values)
        self.id = cri.call("RunPodSandbox", (1, self.config), (2, handler)).text(1)

    def make(self, name: str, *words: str, **config: Any) -> str:
        """One container; its id. `config`: fields of cri_config.CONTAINER, or of RESOURCES and SECURITY in `resources` and
        `security`."""
        security = {"namespaces": self.namespaces, **config.pop("security", {})}
        values = {
            "metadata": {"name": name},
            "image": {"image": IMAGE},
            "command": words,
            "log": f"{name}.log",
            "linux": {"resources": config.pop("resources", {}), "security": security},
            **config,
        }
        config_of = encode(CONTAINER_CONFIG, values)
        return self.cri.call("CreateContainer", (1, self.id), (2, config_of), (3, self.config)).text(1)

    def create(self, name: str, *words: str, mounts: dict[str, str] | None = None, **config: Any) -> str:
        """The same, started. `mounts`: paths outside by those inside."""
        if mounts:
            config["mounts"] = [{"inside": inside, "outside": outside} for inside, outside in mounts.items()]
        made = self.make(name, *words, **config)
        self.cri.call("StartContainer", (1, made))
        return made

    def log(self, name: str) -> list[str]:
        """Lines of a container's log without the time: stream, F for a full line, text."""
        path = self.logs / f"{name}.log"
        return [line.split(" ", 1)[1] for line in path.read_text().splitlines()] if path.exists() else []

    def ended(self, container: str) -> tuple[int, str]:
        """Wait for it: exit code and reason."""
        deadline = time.monotonic() + BOUND_S
        while self.status(container)[0] != 2:
            assert time.monotonic() < deadline, "it does not end"
        status = self.cri.call("ContainerStatus", (1, container)).inner(1)
        return status.number(7), status.text(10)

    def sh(self, container: str, line: str) -> tuple[int, str]:
        """ExecSync of a shell's line."""
        return self.exec(container, "sh", "-c", line)

    def exec(self, container: str, *words: str) -> tuple[int, str]:
        """ExecSync: status and output."""
        done = self.cri.call("ExecSync", (1, container), (2, [word.encode() for word in words]), (3, int(BOUND_S)))
        return done.number(3), done.text(1) + done.text(2)

    def status(self, container: str) -> tuple[int, int]:
        """State (1 running, 2 exited) and exit code."""
        status = self.cri.call("ContainerStatus", (1, container)).inner(1)
        return status.number(3), status.number(7)

    def address(self) -> str:
        return self.cri.call("PodSandboxStatus", (1, self.id)).inner(1).inner(5).text(1)

    def remove(self) -> None:
        self.cri.call("StopPodSandbox", (1, self.id))
        self.cri.call("RemovePodSandbox", (1, self.id))


class WebSocket:
    """A client of the streaming server (RFC 6455); the first byte of each message is the channel."""

    def __init__(self, sock: socket.socket, url: str, protocol: str) -> None:
        self.sock = sock
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        key = base64.b64encode(os.urandom(16)).decode()
        sock.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nOrigin: http://{parts.netloc}\r\n"
            f"Sec-WebSocket-Protocol: {protocol}\r\n\r\n".encode()
        )
        self._file = sock.makefile("rb")
        status = self._file.readline()
        assert b" 101 " in status, status
        while self._file.readline().strip():
            pass

    def send(self, channel: int, data: bytes) -> None:
        payload = bytes([channel]) + data
        mask = os.urandom(4)
        head = bytes([0x82, 0x80 | len(payload)]) if len(payload) < 126 else b""
        assert head
        self.sock.sendall(head + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload)))

    def receive(self) -> tuple[int, bytes] | None:
        """A message; None at the end."""
        while True:
            head = self._file.read(2)
            if len(head) < 2 or head[0] & 0xF == 8:
                return None
            size = head[1] & 0x7F
            if size == 126:
                size = int.from_bytes(self._file.read(2), "big")
            elif size == 127:
                size = int.from_bytes(self._file.read(8), "big")
            data = self._file.read(size)
            if data:
                return data[0], data[1:]

    def close(self) -> None:
        self._file.close()
        self.sock.close()

    def until(self, word: bytes) -> bytes:
        """All that was printed."""
        found = b""
        while word not in found:
            got = self.receive()
            assert got is not None, found
            if got[0] in (1, 2):
                found += got[1]
        return found


@contextmanager
def running(etc: dict[str, str] | None = None) -> Iterator[Cri]:
    """A containerd with CRI in a directory of its own, its image with the files `etc` in /etc; nothing is left."""
    directory = Path(tempfile.mkdtemp(prefix="sbk"))
    rootfs = busybox_root(directory)
    for name, text in (etc or {}).items():
        (rootfs / "etc" / name).write_text(text)
    cri = Cri(directory, rootfs)
    try:
        yield cri
        cri.remove_pods()
        left = directory / "runsc" / "k8s.io"
        assert not left.exists() or os.listdir(left) == []
    finally:
        cri.close()
        shutil.rmtree(directory, ignore_errors=True)
