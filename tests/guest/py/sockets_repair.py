# admin
"""A connection moves from one socket to another one (TCP_REPAIR), while its peer knows nothing of it."""

import ctypes
import errno
import fcntl
import socket
import struct

TCP_REPAIR, QUEUE, SEQ, OPTIONS, WINDOW, TIMESTAMP = 19, 20, 21, 22, 29, 24
NO_QUEUE, RECV, SEND = 0, 1, 2


def own_network():
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.unshare(0x40000000) == 0, ctypes.get_errno()
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 1))


def attempt(text, call, *arguments):
    try:
        print(text, call(*arguments))
    except OSError as error:
        print(text, errno.errorcode[error.errno])


def take_out(s):
    """Everything that a connection is."""
    s.setsockopt(6, TCP_REPAIR, 1)
    state = {"name": s.getsockname(), "peer": s.getpeername(), "mss": s.getsockopt(6, 2)}
    for queue in (RECV, SEND):
        s.setsockopt(6, QUEUE, queue)
        state[queue] = struct.unpack("=I", s.getsockopt(6, SEQ, 4))[0]
        try:
            state[queue, "text"] = s.recv(100000, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            state[queue, "text"] = b""
    state["window"] = s.getsockopt(6, WINDOW, 20)
    info = s.getsockopt(6, 11, 8)
    state["scales"] = info[6] & 15, info[6] >> 4
    state["stamp"] = struct.unpack("=I", s.getsockopt(6, TIMESTAMP, 4))[0]
    s.close()
    return state


def put_in(state):
    s = socket.socket()
    s.setsockopt(6, TCP_REPAIR, 1)
    for queue in (RECV, SEND):
        s.setsockopt(6, QUEUE, queue)
        s.setsockopt(6, SEQ, struct.pack("=I", (state[queue] - len(state[queue, "text"])) & 0xFFFFFFFF))
    s.bind(state["name"])
    s.connect(state["peer"])
    theirs, mine = state["scales"]
    pairs = ((2, state["mss"]), (3, theirs | mine << 16), (4, 0), (8, 0))
    s.setsockopt(6, OPTIONS, b"".join(struct.pack("=II", *pair) for pair in pairs))
    s.setsockopt(6, TIMESTAMP, struct.pack("=I", state["stamp"]))
    for queue in (RECV, SEND):
        s.setsockopt(6, QUEUE, queue)
        if state[queue, "text"]:
            sent = s.send(state[queue, "text"]) == len(state[queue, "text"])
            print("queued", sent) if queue == RECV else None
    s.setsockopt(6, WINDOW, state["window"])
    s.setsockopt(6, TCP_REPAIR, 0)
    return s


def talk(one, two):
    one.sendall(b"to and fro" * 1000)
    print(len(two.recv(10000, socket.MSG_WAITALL)))
    two.sendall(b"back")
    print(one.recv(4, socket.MSG_WAITALL))


def errors():
    s = socket.socket()
    for name in (QUEUE, SEQ, TIMESTAMP):
        attempt("set", s.setsockopt, 6, name, 1)
    attempt("options", s.setsockopt, 6, OPTIONS, bytes(8))
    attempt("window", s.setsockopt, 6, WINDOW, bytes(20))
    attempt("get queue", s.getsockopt, 6, QUEUE)
    attempt("get number", s.getsockopt, 6, SEQ)
    attempt("get window", s.getsockopt, 6, WINDOW, 20)
    attempt("get window", s.getsockopt, 6, WINDOW, 16)
    s.setsockopt(6, TCP_REPAIR, 1)
    attempt("get queue", s.getsockopt, 6, QUEUE)
    attempt("get number", s.getsockopt, 6, SEQ)
    attempt("set number", s.setsockopt, 6, SEQ, 1)
    attempt("bad queue", s.setsockopt, 6, QUEUE, 3)
    attempt("queue", s.setsockopt, 6, QUEUE, SEND)
    attempt("number", s.setsockopt, 6, SEQ, 77)
    attempt("get number", s.getsockopt, 6, SEQ)
    attempt("options", s.setsockopt, 6, OPTIONS, bytes(8))
    attempt("short window", s.setsockopt, 6, WINDOW, bytes(12))
    attempt("bad", s.setsockopt, 6, TCP_REPAIR, 2)
    listener = socket.create_server(("127.0.0.1", 0))
    attempt("listener", listener.setsockopt, 6, TCP_REPAIR, 1)
    c = socket.create_connection(listener.getsockname())
    c.setsockopt(6, TCP_REPAIR, 1)
    attempt("read", c.recv, 5)
    attempt("peek", c.recv, 5, socket.MSG_PEEK)
    attempt("write", c.send, b"x")
    attempt("number", c.setsockopt, 6, SEQ, 77)
    attempt("large scale", c.setsockopt, 6, OPTIONS, struct.pack("=II", 3, 15))
    attempt("large window", c.setsockopt, 6, WINDOW, struct.pack("=5I", 0, 9, 8, 0, 0))
    c.setsockopt(6, TCP_REPAIR, -1)


def moving():
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    talk(client, server)
    client.sendall(b"not read yet")
    server = put_in(take_out(server))
    print(server.recv(100))
    talk(client, server)
    talk(server, client)
    client = put_in(take_out(client))
    talk(client, server)
    talk(server, client)
    for _ in range(2):
        server, client = put_in(take_out(client)), server
        talk(server, client)
    client.shutdown(socket.SHUT_WR)
    print(server.recv(10))
    server.close()
    print(client.recv(10))


def saved():
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(6, 27, 1)
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    attempt("too small", server.getsockopt, 6, 28, 39)
    syn = server.getsockopt(6, 28, 200)
    print(len(syn), syn[0] >> 4, syn[12:20], syn[20:22] == struct.pack("!H", client.getsockname()[1]), syn[33])
    print(server.getsockopt(6, 28, 200), server.getsockopt(6, 27))


own_network()
for part in (errors, moving, saved):
    print("--", part.__name__)
    part()
