"""TCP fast open as a client, over the loopback, to a listener that does not take it: MSG_FASTOPEN, TCP_FASTOPEN_CONNECT."""

import errno
import socket

TCP_FASTOPEN_CONNECT = 30


def attempt(what, call):
    try:
        print(what, call())
    except OSError as error:
        print(what, errno.errorcode[error.errno])


def client(blocking=True):
    sock = socket.socket()
    sock.setblocking(blocking)
    return sock


listener = socket.create_server(("127.0.0.1", 0))
where = listener.getsockname()

a = client()
attempt("blocking", lambda: a.sendto(b"x" * 100_000, socket.MSG_FASTOPEN, where))
server, _ = listener.accept()
got = 0
while got < 100_000:
    got += len(server.recv(65536))
print("received", got)
attempt("again", lambda: a.sendto(b"y", socket.MSG_FASTOPEN, where))
a.close()
server.close()

b = client()
attempt("no address", lambda: b.send(b"x", socket.MSG_FASTOPEN | socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL) and 0)
c = client()
for value in (0, 1, 2, -1):
    attempt(f"TCP_FASTOPEN_CONNECT {value}", lambda v=value: c.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, v))
attempt("value", lambda: c.getsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT))
attempt("connect", lambda: c.connect(where))
attempt("late", lambda: c.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 0))
attempt("write", lambda: c.send(b"hello"))
server, _ = listener.accept()
print(server.recv(10))
