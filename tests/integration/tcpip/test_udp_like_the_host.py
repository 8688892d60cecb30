"""Calls on datagram sockets end as they do on the host's own, errno for errno (loopback only, in a fresh namespace)."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .conftest import ROOT, Namespace

PROBE = """
import sys
L4, L6, FAR = "127.0.0.1", "::1", "192.0.2.1"

def attempt(call, *arguments):
    try:
        result = call(*arguments)
    except TimeoutError:
        return "timeout"
    except OSError as error:
        return "errno %d" % error.errno if error.errno else "error"
    return result if isinstance(result, (int, bytes)) else "ok"

def probe(make, say):
    def udp(family=2, kind=2, protocol=0):
        sock = make(family, kind, protocol)
        sock.settimeout(2)
        return sock
    s = udp()
    say("unbound name", s.getsockname()[:2] == ("0.0.0.0", 0))
    say("send without peer", attempt(s.send, b"x"))
    say("peer of unconnected", attempt(s.getpeername))
    say("shutdown unconnected", attempt(s.shutdown, 2))
    say("listen", attempt(s.listen, 1))
    s = udp()
    say("sendto far", attempt(s.sendto, b"x", (FAR, 9)))
    say("sendto port 0", attempt(s.sendto, b"x", (L4, 0)))
    say("sendto broadcast", attempt(s.sendto, b"x", ("255.255.255.255", 9)))
    say("too long", attempt(s.sendto, bytes(65508), (L4, 9)))
    say("longest", attempt(s.sendto, bytes(65507), (L4, 9)))
    say("oob", attempt(s.sendto, b"x", 1, (L4, 9)))
    say("bind foreign", attempt(s.bind, (FAR, 0)))
    s = udp()
    s.bind((L4, 7000))
    say("bind twice", attempt(s.bind, (L4, 7001)))
    say("in use", attempt(udp().bind, (L4, 7000)))
    say("in use any", attempt(udp().bind, ("0.0.0.0", 7000)))
    say("other address", attempt(udp().bind, ("127.0.0.2", 7000)))
    say("dual in use", attempt(udp(10).bind, ("::", 7000)))
    six = udp(10); six.setsockopt(41, 26, 1)
    say("v6only beside", attempt(six.bind, ("::", 7000)))
    c = udp()
    say("connect", attempt(c.connect, (L4, 7000)))
    say("connected send", attempt(c.send, b"hello"))
    say("peek", attempt(s.recv, 3, 2))
    say("trunc", attempt(s.recv_into, bytearray(3), 3, 0x20))
    say("nothing left", attempt(s.recv, 10, 0x40))
    say("empty datagram", attempt(c.send, b""))
    say("empty received", attempt(s.recv, 10))
    say("to closed", (attempt(c.connect, (L4, 7999)), attempt(c.send, b"x"), attempt(c.recv, 1), attempt(c.send, b"x")))
    say("so_error", c.getsockopt(1, 4) in (0, 111))
    u = udp()
    say("unconnected to closed", (attempt(u.sendto, b"x", (L4, 7999)), attempt(u.recv, 1, 0x40)))
    six = udp(10); six.bind(("::", 7100))
    four = udp(); four.bind((L4, 7101)); four.sendto(b"m", (L4, 7100))
    say("mapped", six.recvfrom(10)[1][0])
    say("mapped back", attempt(six.sendto, b"n", ("::ffff:127.0.0.1", 7101)))
    say("mapped got", four.recvfrom(10)[1][0])
    only = udp(10); only.setsockopt(41, 26, 1)
    say("v6only to mapped", attempt(only.sendto, b"x", ("::ffff:127.0.0.1", 7101)))
    say("v6only late", attempt(six.setsockopt, 41, 26, 1))
    d = udp(); d.connect((L4, 7000)); d.shutdown(0)
    say("after shut_rd, not waiting", attempt(d.recv, 5, 0x40))
    d.settimeout(None)
    say("after shut_rd", attempt(d.recv, 5))
    d.shutdown(1)
    say("after shut_wr", attempt(d.send, b"x"))
    for level, name, value in ((1, 2, 1), (1, 6, 1), (1, 9, 1), (0, 1, 255), (0, 2, 64), (0, 2, 0), (0, 2, 256), (0, 10, 3),
                               (0, 10, 9), (0, 33, 256), (0, 34, 0), (1, 12, 3), (1, 9999, 1), (0, 9999, 1), (17, 1, 0), (17, 9999, 1)):
        o = udp()
        say("option %d %d %d" % (level, name, value), (attempt(o.setsockopt, level, name, value), attempt(o.getsockopt, level, name)))
    for level, name, value in ((41, 16, 255), (41, 16, 256), (41, 16, -1), (41, 18, -1), (41, 19, 2), (41, 67, 256), (41, 26, 1), (41, 23, 9)):
        o = udp(10)
        say("option6 %d %d %d" % (level, name, value), (attempt(o.setsockopt, level, name, value), attempt(o.getsockopt, level, name)))
    for name in (3, 30, 38, 39):
        say("get %d" % name, udp().getsockopt(1, name))
    o = udp()
    say("join nothing", attempt(o.setsockopt, 0, 35, b"\\x01\\x02\\x03\\x04" + bytes(4)))
    say("leave nothing", attempt(o.setsockopt, 0, 36, b"\\xef\\x01\\x02\\x03" + b"\\x7f\\0\\0\\x01"))
    say("join lo", attempt(o.setsockopt, 0, 35, b"\\xef\\x01\\x02\\x03" + b"\\x7f\\0\\0\\x01"))
    say("join again", attempt(o.setsockopt, 0, 35, b"\\xef\\x01\\x02\\x03" + b"\\x7f\\0\\0\\x01"))
    say("short mreq", attempt(o.setsockopt, 0, 35, b"\\xef\\x01"))
    p = attempt(make, 2, 2, 1)
    say("ping", p)
    say("bad type", attempt(make, 2, 2, 6))

say = lambda name, value: print(name, "=", value)
if sys.argv[1] == "host":
    import socket
    probe(socket.socket, say)
else:
    from random import Random
    from tcpip.adapters.sockets import ThreadedStack
    from tcpip.clock import MonotonicClock
    from tcpip.stack.stack import Stack
    with ThreadedStack(Stack(MonotonicClock(), Random(1))) as host:
        probe(host.socket, say)
"""


def test_datagram_calls_end_alike(ns: Namespace) -> None:
    ns.run("sysctl", "-qw", "net.ipv4.ping_group_range=0 0", check=False)
    theirs = ns.run("env", f"PYTHONPATH={ROOT}", sys.executable, "-c", PROBE, "host").splitlines()
    ours = subprocess.run(
        [sys.executable, "-c", PROBE, "stack"], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert ours.returncode == 0, ours.stderr
    different = [pair for pair in zip(theirs, ours.stdout.splitlines(), strict=True) if pair[0] != pair[1]]
    if different:
        pytest.fail("\n".join(f"host: {a}\nours: {b}" for a, b in different))
