"""Real libraries over blocking sockets of a stack of ours, run in the namespace: `… WHAT PORT [KEY]`. Prints what a test
wants to see. All but the first know nothing of the stack."""

from __future__ import annotations

import hashlib
import http.client
import io
import sys
import threading
from collections.abc import Callable

from tcpip.adapters.monkey import patched
from tcpip.adapters.sockets import ThreadedStack
from tcpip.addr import parse
from tcpip.clock import MonotonicClock
from tcpip.link.tap import TapLink
from tcpip.stack.stack import Stack

PEER = "10.9.0.1"
NAME = "server.test"
SIZE = 3_000_000


def http_client(host: ThreadedStack, port: int) -> None:
    """The standard library's, given a socket: two requests on one connection."""
    connection = http.client.HTTPConnection(PEER, port, timeout=20)
    connection.sock = host.create_connection((PEER, port), 20)  # type: ignore[assignment]
    for path in ("/big", "/missing"):
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        print(response.status, len(body) if response.status == 200 else "")
    connection.close()


def requests(host: ThreadedStack, port: int) -> None:
    """requests and urllib3, as they are: a pool whose connections are kept alive, eight threads at once."""
    import requests as library
    from requests.adapters import HTTPAdapter

    session = library.Session()
    session.trust_env = False
    session.mount("http://", HTTPAdapter(pool_maxsize=8))
    url = f"http://{NAME}:{port}"
    for _ in range(3):
        print(
            session.get(f"{url}/big", timeout=20).status_code,
            hashlib.sha256(session.get(f"{url}/big").content).hexdigest(),
        )
    print("connections", host.stack.stats.tcp["ActiveOpens"])
    sizes: list[int] = []
    threads = [threading.Thread(target=lambda: sizes.append(len(session.get(f"{url}/big").content))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("threads", sorted(set(sizes)), len(sizes))


def redis(host: ThreadedStack, port: int) -> None:
    """redis-py: values, a pipeline, publish and subscribe, a blocking call that times out."""
    import redis as library

    client = library.Redis(host=NAME, port=port, socket_timeout=20)
    value = bytes(range(256)) * 4000
    print(client.set("k", value), client.get("k") == value)
    with client.pipeline() as pipe:
        for number in range(1000):
            pipe.incrby("n", number)
        print(pipe.execute()[-1])
    channel = client.pubsub()
    channel.subscribe("c")
    channel.get_message(timeout=5)
    client.publish("c", b"said")
    print(channel.get_message(timeout=5)["data"])
    print(client.blpop(["nothing"], timeout=1))


def paramiko(host: ThreadedStack, port: int, key: str) -> None:
    """A command with input and output, and a file there and back by SFTP."""
    import paramiko as library

    client = library.SSHClient()
    client.set_missing_host_key_policy(library.AutoAddPolicy())
    client.connect(NAME, port, "root", key_filename=key, look_for_keys=False, allow_agent=False)
    stdin, stdout, _ = client.exec_command("wc -c; exit 3")
    stdin.write(b"x" * 500_000)
    stdin.channel.shutdown_write()
    print(stdout.read().decode().strip(), stdout.channel.recv_exit_status())
    files = client.open_sftp()
    path = key + ".copy"
    data = bytes(range(256)) * 8000
    files.putfo(io.BytesIO(data), path)
    back = io.BytesIO()
    files.getfo(path, back)
    print(back.getvalue() == data, files.stat(path).st_size)
    client.close()


def postgres(host: ThreadedStack, port: int) -> None:
    """pg8000: rows there and back, an error, a large value."""
    import pg8000.native as library

    connection = library.Connection("postgres", NAME, "postgres", port)
    connection.run("create table t (n int, b bytea)")
    for number in range(50):
        connection.run("insert into t values (:n, :b)", n=number, b=bytes(number))
    print(connection.run("select count(*), sum(n), max(length(b)) from t")[0])
    try:
        connection.run("select 1 / 0")
    except library.DatabaseError as error:
        print(error.args[0]["C"])
    print(len(connection.run("select repeat('x', 2000000)")[0][0]))
    connection.close()


PROGRAMS: dict[str, Callable[..., None]] = {
    "http.client": http_client,
    "requests": requests,
    "redis": redis,
    "paramiko": paramiko,
    "postgres": postgres,
}


def main(what: str, port: str, *more: str) -> None:
    stack, link = Stack(MonotonicClock()), TapLink("tap0")
    stack.add_nic(link, "eth0").add_address(parse("10.9.0.2"), 24)
    with ThreadedStack(stack) as host, patched(host, {NAME: [PEER]}):
        PROGRAMS[what](host, int(port), *more)


if __name__ == "__main__":
    main(*sys.argv[1:])
