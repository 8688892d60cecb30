"""TCP_MD5SIG: who has the same key may talk, and nobody else."""

import errno
import socket
import struct

MD5SIG, EXT = 14, 32


def key_for(address, key, flags=0, prefix=0, index=0, size=None):
    if ":" in address:
        where = struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, address), 0)
    else:
        where = struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(address))
    return struct.pack("=128sBBHi80s", where, flags, prefix, len(key) if size is None else size, index, key)


def attempt(text, call, *arguments):
    try:
        print(text, call(*arguments))
    except OSError as error:
        print(text, errno.errorcode[error.errno] if error.errno else "nothing")


def talk(text, family, host, theirs, ours):
    """A server with `theirs` and a client with `ours`: (option, structure) each."""
    listener = socket.socket(family)
    listener.bind((host, 0))
    for option, value in theirs:
        listener.setsockopt(6, option, value)
    listener.listen()
    client = socket.socket(family)
    for option, value in ours:
        client.setsockopt(6, option, value)
    client.settimeout(0.3)
    try:
        client.connect(listener.getsockname())
    except TimeoutError:
        print(text, "nothing")
        return
    server, _ = listener.accept()
    client.settimeout(5)
    server.settimeout(5)
    data = bytes(i & 255 for i in range(100_000))
    client.sendall(data[:20_000])
    got = b""
    while len(got) < 20_000:
        got += server.recv(65536)
    print(text, got == data[:20_000], client.getsockopt(6, 11, 8)[5] & 1, server.getsockopt(6, 11, 8)[5] & 1)
    server.sendall(b"back")
    print(client.recv(10))
    client.shutdown(socket.SHUT_WR)
    print(server.recv(10))
    server.close()
    print(client.recv(10))


def errors():
    s = socket.socket()
    attempt("short", s.setsockopt, 6, MD5SIG, key_for("127.0.0.1", b"k")[:-1])
    attempt("none there", s.setsockopt, 6, MD5SIG, key_for("127.0.0.1", b""))
    attempt("set", s.setsockopt, 6, MD5SIG, key_for("127.0.0.1", b"k" * 80))
    attempt("again", s.setsockopt, 6, MD5SIG, key_for("127.0.0.1", b"other"))
    attempt("too long", s.setsockopt, 6, MD5SIG, key_for("127.0.0.1", b"k" * 80, size=81))
    attempt("other family", s.setsockopt, 6, MD5SIG, key_for("::1", b"k"))
    attempt("prefix", s.setsockopt, 6, EXT, key_for("10.0.0.0", b"k", 1, 8))
    attempt("long prefix", s.setsockopt, 6, EXT, key_for("10.0.0.0", b"k", 1, 33))
    attempt("no interface's", s.setsockopt, 6, EXT, key_for("10.0.0.0", b"k", 3, 8, 1))
    attempt("remove", s.setsockopt, 6, EXT, key_for("10.0.0.0", b"", 1, 8))
    attempt("remove", s.setsockopt, 6, MD5SIG, key_for("127.0.0.1", b""))
    attempt("remove", s.setsockopt, 6, MD5SIG, key_for("127.0.0.1", b""))
    attempt("get", s.getsockopt, 6, MD5SIG, 216)


errors()
for family, host, net, bits in ((socket.AF_INET, "127.0.0.1", "127.0.0.0", 8), (socket.AF_INET6, "::1", "::", 64)):
    good, bad = [(MD5SIG, key_for(host, b"secret"))], [(MD5SIG, key_for(host, b"wrong"))]
    talk("both", family, host, good, good)
    talk("prefix", family, host, [(EXT, key_for(net, b"secret", 1, bits))], good)
    talk("longest prefix", family, host, [(EXT, key_for(net, b"wrong", 1, bits)), *good], good)
    talk("other key", family, host, good, bad)
    talk("client only", family, host, [], good)
    talk("server only", family, host, good, [])
