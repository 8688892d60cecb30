"""Multicast groups with sources to hear, or not to hear (RFC 3678), on the loopback."""

import errno
import socket
import struct

UNBLOCK, BLOCK, ADD, DROP = 37, 38, 39, 40
JOIN, G_BLOCK, G_UNBLOCK, LEAVE, G_JOIN, G_LEAVE = 42, 43, 44, 45, 46, 47
GROUP = "239.7.7.7"


def attempt(text, call, *arguments):
    try:
        print(text, call(*arguments))
    except OSError as error:
        print(text, errno.errorcode[error.errno])


def by_address(source, group=GROUP):
    return socket.inet_aton(group) + socket.inet_aton("127.0.0.1") + socket.inet_aton(source)


def storage(address):
    if ":" in address:
        return struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, address), 0).ljust(
            128, b"\0"
        )
    return struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(address)).ljust(128, b"\0")


def by_number(source, group=GROUP):
    return struct.pack("=I4x", socket.if_nametoindex("lo")) + storage(group) + storage(source)


def receiver():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, 49, 0)
    s.bind((GROUP, 0))
    s.setblocking(False)
    return s


def heard(s):
    """From which of three sources does it hear?"""
    for source in ("127.0.0.1", "127.0.0.2", "127.0.0.3"):
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.bind((source, 0))
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        sender.sendto(b"x", s.getsockname())
    names = []
    while True:
        try:
            names.append(s.recvfrom(10)[1][0])
        except BlockingIOError:
            return names


s = receiver()
attempt("block before joining", s.setsockopt, 0, BLOCK, by_address("127.0.0.2"))
attempt("drop before joining", s.setsockopt, 0, DROP, by_address("127.0.0.2"))
attempt("short", s.setsockopt, 0, ADD, by_address("127.0.0.2")[:8])
attempt("no group", s.setsockopt, 0, ADD, by_address("127.0.0.2", "10.0.0.1"))
attempt("hear two", s.setsockopt, 0, ADD, by_address("127.0.0.2"))
print(heard(s))
attempt("and three", s.setsockopt, 0, ADD, by_address("127.0.0.3"))
print(heard(s))
attempt("again", s.setsockopt, 0, ADD, by_address("127.0.0.3"))
attempt("other kind", s.setsockopt, 0, BLOCK, by_address("127.0.0.3"))
attempt("not two", s.setsockopt, 0, DROP, by_address("127.0.0.2"))
attempt("not two again", s.setsockopt, 0, DROP, by_address("127.0.0.2"))
print(heard(s))
attempt("the last", s.setsockopt, 0, DROP, by_address("127.0.0.3"))
print(heard(s))
attempt("none left", s.setsockopt, 0, DROP, by_address("127.0.0.3"))

s = receiver()
s.setsockopt(0, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + socket.inet_aton("127.0.0.1"))
print(heard(s))
attempt("block", s.setsockopt, 0, BLOCK, by_address("127.0.0.2"))
print(heard(s))
attempt("hear", s.setsockopt, 0, ADD, by_address("127.0.0.2"))
attempt("unblock", s.setsockopt, 0, UNBLOCK, by_address("127.0.0.2"))
attempt("unblock", s.setsockopt, 0, UNBLOCK, by_address("127.0.0.2"))
print(heard(s))
for last in range(1, 12):
    attempt(f"block {last}", s.setsockopt, 0, BLOCK, by_address(f"10.0.0.{last}"))

s = receiver()
attempt("hear one", s.setsockopt, 0, G_JOIN, by_number("127.0.0.1"))
print(heard(s))
attempt("short", s.setsockopt, 0, G_JOIN, by_number("127.0.0.1")[:200])
attempt("other family", s.setsockopt, 0, G_JOIN, by_number("::1"))
attempt("leave", s.setsockopt, 0, G_LEAVE, by_number("127.0.0.1"))
print(heard(s))

s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
attempt("six", s.setsockopt, 41, G_JOIN, by_number("fe80::1", "ff01::7"))
attempt("six again", s.setsockopt, 41, G_JOIN, by_number("fe80::1", "ff01::7"))
attempt("six block", s.setsockopt, 41, G_BLOCK, by_number("fe80::1", "ff01::7"))
attempt("six leave", s.setsockopt, 41, G_LEAVE, by_number("fe80::1", "ff01::7"))
attempt("six leave", s.setsockopt, 41, G_LEAVE, by_number("fe80::1", "ff01::7"))
