"""User-mode networking for a namespace: `python -m tools.bench.peers.through_gateway GATEWAY ROLE SERVES`. A server of
`kernel_server` is in one network namespace and a client of `netstack_peer` in another one, which the gateway serves from the
first; `veth` is none: a cable. Prints what was measured. Everything is made here and removed again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final

from tools import netns
from tools.bench import netstack_peer
from tools.bench.peers import kernel_server, our_gateway

TAP: Final = "tap0"
PATIENCE_S: Final = 40.0
READY_S: Final = 10.0
# For pasta, which gives the namespace the host's own address: an outside that the host has.
HOST_ADDRESS, HOST_ROUTER = "192.168.60.2", "192.168.60.1"
VETH_SERVER, VETH_CLIENT = "10.8.0.1", "10.8.0.2"
SLIRP_HOST: Final = "10.0.2.2"  # the loopback of the host, as slirp4netns and our gateway have it


class Gateway:
    """`command` is run in the host's namespace, with NS in place of the path of the client's. The client finds the server,
    which listens at `listens`, under `target`."""

    def __init__(self, command: tuple[str, ...], target: str, listens: str = "127.0.0.1") -> None:
        self.command = command
        self.target = target
        self.listens = listens


GATEWAYS: Final = {
    "veth": Gateway((), VETH_SERVER, VETH_SERVER),
    "ours": Gateway((sys.executable, "-m", our_gateway.__name__, "NS", TAP), SLIRP_HOST),
    "slirp4netns": Gateway(("slirp4netns", "--configure", "--mtu=65520", "--netns-type=path", "NS", TAP), SLIRP_HOST),
    "pasta": Gateway(
        ("pasta", "--foreground", "--quiet", "--runas", "0", "--config-net", "--ns-ifname", TAP)
        + ("-t", "none", "-u", "none", "-T", "none", "-U", "none", "--netns-only", "--netns", "NS"),
        HOST_ROUTER,
    ),
}


def _ip(*words: str) -> str:
    return subprocess.run(["ip", *words], check=True, stdout=subprocess.PIPE, text=True).stdout


def _in(namespace: str, *words: str) -> list[str]:
    return ["ip", "netns", "exec", namespace, *words]


@contextmanager
def namespaces() -> Iterator[tuple[str, str]]:
    """The host's and the client's; with what is left in them they go away again."""
    made: list[str] = []
    try:
        for _ in range(2):
            made.append(netns.add())
        yield made[0], made[1]
    finally:
        for name in made:
            netns.remove(name)


def connect(gateway: Gateway, host: str, client: str) -> None:
    """Start the gateway, wait for the client's interface; TimeoutError."""
    if not gateway.command:
        _ip("-n", host, "link", "add", TAP, "type", "veth", "peer", "name", TAP, "netns", client)
        for name, address in ((host, VETH_SERVER), (client, VETH_CLIENT)):
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", TAP)
            _ip("-n", name, "link", "set", TAP, "up")
        return
    _ip("-n", host, "link", "add", "eth0", "type", "veth", "peer", "name", "nowhere")
    _ip("-n", host, "addr", "add", f"{HOST_ADDRESS}/24", "dev", "eth0")
    for name in ("eth0", "nowhere"):
        _ip("-n", host, "link", "set", name, "up")
    _ip("-n", host, "route", "add", "default", "via", HOST_ROUTER)
    command = [os.path.join(netns.DIRECTORY, client) if word == "NS" else word for word in gateway.command]
    subprocess.Popen(_in(host, *command), stdout=subprocess.DEVNULL)
    until = time.monotonic() + READY_S
    while "default" not in _ip("-n", client, "route", "show"):
        if time.monotonic() > until:
            raise TimeoutError(f"{command[0]} has configured nothing")
        time.sleep(0.02)


def _wait_ready(output: IO[str]) -> None:
    for line in output:
        if line.startswith("ready"):
            return
    raise RuntimeError("the server has ended")


def main(name: str, role: str, serves: str) -> float:
    """TimeoutExpired when something does not get on."""
    gateway = GATEWAYS[name]
    with namespaces() as (host, client):
        connect(gateway, host, client)
        words = [sys.executable, "-m", kernel_server.__name__, serves, gateway.listens]
        server = subprocess.Popen(_in(host, *words), stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        _wait_ready(server.stdout)
        peer = _in(client, sys.executable, "-m", netstack_peer.__name__, role, gateway.target)
        done = subprocess.run(peer, stdout=subprocess.PIPE, check=True, timeout=PATIENCE_S)
        return float(server.communicate(timeout=PATIENCE_S)[0] if serves == "count" else done.stdout)


if __name__ == "__main__":
    print(main(*sys.argv[1:4]))
