"""AF_PACKET on the loopback: who may have one, names, options, errors, what is seen of frames of one's own and of UDP,
statistics, filters, bounds. Others may use the loopback natively: only frames of an ethertype or port of ours are told of."""

import ctypes
import errno
import os
import select
import socket
import struct

AF = socket.AF_PACKET
SOL_PACKET = 263
ADD, DROP, STATISTICS, AUXDATA, ORIGDEV = 1, 2, 6, 8, 9
VERSION, HDRLEN, RESERVE, TIMESTAMP, BYPASS, IGNORE_OUTGOING = 10, 11, 12, 17, 20, 23
TYPE = 0x88B5  # for local experiments
HEADER = bytes(12) + TYPE.to_bytes(2, "big")
KINDS = ("host", "broadcast", "multicast", "other", "outgoing")


def attempt(call):
    try:
        return call()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))


def packet(kind=socket.SOCK_RAW, ethertype=TYPE, bound=True):
    s = socket.socket(AF, kind, socket.htons(ethertype))
    if bound:
        s.bind(("lo", ethertype))
    return s


def shown(address):
    return address[0], hex(address[1]), KINDS[address[2]], address[3], address[4].hex()


def making():
    print("types", [attempt(lambda: socket.socket(AF, kind, 0).close()) for kind in (1, 2, 3, 4, 5)])
    with packet(bound=False, ethertype=0) as s:
        options = (socket.SO_TYPE, socket.SO_PROTOCOL, socket.SO_DOMAIN, socket.SO_RCVBUF, socket.SO_ERROR)
        print("at first", s.getsockname(), [s.getsockopt(socket.SOL_SOCKET, o) for o in options])
        calls = (s.listen, s.accept, s.getpeername, lambda: s.shutdown(2), lambda: s.connect(("lo", 3)))
        print("no such calls", [attempt(call) for call in calls])
        print("pair", attempt(lambda: socket.socketpair(AF, socket.SOCK_RAW, 0)))
        for address in (("lo", 0), ("lo", 0x800), ("lo", 0), ("nowhere", 3)):
            print("bind", address, attempt(lambda: s.bind(address)), shown(s.getsockname()))
    libc = ctypes.CDLL(None, use_errno=True)
    with packet(bound=False, ethertype=0) as s:
        for family, size, index in ((17, 20, 1), (17, 19, 1), (2, 20, 1), (17, 20, 9999), (17, 20, 0), (17, 20, -1)):
            raw = struct.pack("=HHiHBB8s", family, 0, index, 0, 0, 0, b"")
            result = libc.bind(s.fileno(), raw, size)
            print("raw bind", family, size, index, errno.errorcode[ctypes.get_errno()] if result else "ok")


def as_nobody():
    child = os.fork()
    if not child:
        os.setuid(12345)
        os._exit(attempt(lambda: packet(bound=False) and "made") != "EPERM")
    print("as nobody", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def options():
    with packet() as s:
        for name in (AUXDATA, ORIGDEV, VERSION, RESERVE, TIMESTAMP, BYPASS, IGNORE_OUTGOING):
            seen = []
            for value in (1, b"\1", 2, -1, 0):
                if (name, value) == (VERSION, 2):
                    continue  # a version that not everybody has
                seen.append(attempt(lambda: s.setsockopt(SOL_PACKET, name, value)))
                seen.append(attempt(lambda: s.getsockopt(SOL_PACKET, name)))
            print("option", name, seen, attempt(lambda: s.getsockopt(SOL_PACKET, name, 2)))
        for name in (0, ADD, 3, 25, 100):
            print("option", name, attempt(lambda: s.getsockopt(SOL_PACKET, name)))
        print(
            "set",
            attempt(lambda: s.setsockopt(SOL_PACKET, STATISTICS, 1)),
            attempt(lambda: s.setsockopt(SOL_PACKET, 3, 1)),
        )
        for level in (socket.SOL_IP, socket.SOL_TCP, 41):
            print("level", level, attempt(lambda: s.getsockopt(level, 1)), attempt(lambda: s.setsockopt(level, 1, 1)))
        for kind in range(4):

            def request(index, size):
                return struct.pack("=iHH8s", index, kind, size, b"abcdefgh")

            print(
                "membership",
                [
                    attempt(lambda: s.setsockopt(SOL_PACKET, op, request(1, size)))
                    for op in (ADD, DROP)
                    for size in (6, 0)
                ],
                [attempt(lambda: s.setsockopt(SOL_PACKET, ADD, request(1, size))) for size in (7, 8, 9)],
                attempt(lambda: s.setsockopt(SOL_PACKET, ADD, request(9999, 6))),
                attempt(lambda: s.setsockopt(SOL_PACKET, ADD, request(1, 6)[:15])),
            )


def sending():
    with packet() as raw, packet(socket.SOCK_DGRAM) as dgram, packet(bound=False) as loose:
        print("raw", [attempt(lambda: raw.send(bytes(n))) for n in (0, 1, 13, 14, 65550, 65551)])
        tagged = bytes(12) + b"\x81\0"
        print("tagged", [attempt(lambda: raw.send(tagged + bytes(n))) for n in (65540, 65541)])
        print("dgram", [attempt(lambda: dgram.send(bytes(n))) for n in (0, 1, 65536, 65537)])
        print("unbound", attempt(lambda: loose.send(bytes(20))), attempt(lambda: loose.sendto(bytes(20), ("lo", 1))))
        print("flags", [attempt(lambda: raw.send(bytes(20), flag)) for flag in (socket.MSG_MORE, socket.MSG_DONTWAIT)])
        empty = packet()
        flags = (socket.MSG_OOB, socket.MSG_WAITALL, socket.MSG_DONTWAIT, socket.MSG_DONTWAIT | socket.MSG_ERRQUEUE)
        print("receive", [attempt(lambda: empty.recv(9, flag)) for flag in flags])
        empty.close()


def frames():
    with packet() as typed, packet(socket.SOCK_DGRAM) as cooked, packet(ethertype=3) as every, packet() as sender:
        for destination in ("000000000000", "ffffffffffff", "01005e000001", "020000000001"):
            sender.send(bytes.fromhex(destination) + b"source" + HEADER[12:] + b"payload")
            for s in (typed, cooked):
                data, address = s.recvfrom(100)
                print(destination, data.hex(), shown(address))
            for _ in range(2):
                data, address = own(every)
                print("every", data.hex(), shown(address))
        print("own", attempt(lambda: sender.recv(100)[14:]))
        cooked.sendto(b"datagram", ("lo", TYPE, 0, 0, b"abcdef"))
        print(typed.recv(100).hex())
        cooked.send(b"no address")
        print(typed.recv(100).hex())
        sender.send(HEADER + b"truncated")
        print(typed.recvmsg(16, 100, socket.MSG_PEEK)[0::2], typed.recv_into(bytearray(3), 0, socket.MSG_TRUNC))
        print("empty", attempt(lambda: typed.recv(10, socket.MSG_DONTWAIT)))


def own(s):
    """The next frame of ours."""
    while True:
        data, address = s.recvfrom(70000)
        if address[1] == TYPE:
            return data, address


def datagrams():
    with (
        packet(ethertype=3) as every,
        packet(socket.SOCK_DGRAM, 0x800) as ip4,
        packet(socket.SOCK_DGRAM, 0x86DD) as ip6,
    ):
        for family, where, s in ((socket.AF_INET, "127.0.0.1", ip4), (socket.AF_INET6, "::1", ip6)):
            with socket.socket(family, socket.SOCK_DGRAM) as a, socket.socket(family, socket.SOCK_DGRAM) as b:
                b.bind((where, 0))
                port = b.getsockname()[1].to_bytes(2, "big")
                skip = 20 if family == socket.AF_INET else 40
                a.sendto(b"seen", b.getsockname())
                for watcher, times, link in ((every, 2, 14), (s, 1, 0)):
                    left = times
                    while left:
                        data, address = watcher.recvfrom(70000)
                        if data[link + skip + 2 : link + skip + 4] == port and data.endswith(b"seen"):
                            left -= 1
                            print(where, len(data), data[:link].hex(), data[link], shown(address))


def auxiliary():
    with packet() as s, packet() as sender:
        s.setsockopt(SOL_PACKET, AUXDATA, 1)
        s.setsockopt(socket.SOL_SOCKET, 35, 1)
        sender.send(HEADER + b"auxiliary")
        data, control, flags, _ = s.recvmsg(20, 200)
        print(len(data), flags, [(level, kind, len(value)) for level, kind, value in control])
        print(struct.unpack("=IIIHHHH", control[1][2]))
        for program in (
            ((6, 0, 0, 0),),
            ((6, 0, 0, 17),),
            ((0x28, 0, 0, 12), (0x15, 0, 1, TYPE), (6, 0, 0, 99), (6, 0, 0, 0)),
        ):
            code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
            pointer = struct.pack("=HxxxxxxQ", len(program), ctypes.addressof(code))
            s.setsockopt(socket.SOL_SOCKET, 26, pointer)
            sender.send(HEADER + b"filtered")
            got = attempt(lambda: s.recvmsg(100, 200, socket.MSG_DONTWAIT))
            print("filter", got if isinstance(got, str) else (got[0][14:], struct.unpack("=IIIHHHH", got[1][1][2])))
        print("statistics", struct.unpack("=II", s.getsockopt(SOL_PACKET, STATISTICS, 8)))
        print("again", struct.unpack("=II", s.getsockopt(SOL_PACKET, STATISTICS, 8)))


def bounds():
    with packet() as s, packet() as sender:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for _ in range(100):
            sender.send(HEADER + bytes(1000))
        packets, drops = struct.unpack("=II", s.getsockopt(SOL_PACKET, STATISTICS, 8))
        kept = 0
        while attempt(lambda: len(s.recv(2000, socket.MSG_DONTWAIT))) == 1014:
            kept += 1
        print("bounded", packets, 0 < kept < 50, kept + drops)


def outgoing():
    with packet(ethertype=3) as every, packet(ethertype=3) as deaf, packet() as sender, packet() as last:
        deaf.setsockopt(SOL_PACKET, IGNORE_OUTGOING, 1)
        sender.send(HEADER + b"one")
        sender.setsockopt(SOL_PACKET, BYPASS, 1)
        sender.send(HEADER + b"two")
        last.send(HEADER + b"end")
        for s in (every, deaf):
            while True:
                data, address = own(s)
                print("deaf" if s is deaf else "every", data[14:], KINDS[address[2]])
                if data.endswith(b"end") and address[2] == 0:
                    break


def readiness():
    with packet() as s, packet() as sender, select.epoll() as watched:
        watched.register(s, select.EPOLLIN | select.EPOLLOUT)
        print("before", [mask for _, mask in watched.poll(10)])
        sender.send(HEADER + b"ready")
        print("after", [mask for _, mask in watched.poll(10)], select.select([s], [s], [s], 10) == ([s], [s], []))
        with packet(ethertype=0) as nothing:
            sender.send(HEADER + b"not for nobody")
            print("no protocol", attempt(lambda: nothing.recv(100, socket.MSG_DONTWAIT)))


def listed():
    with packet() as s, packet(socket.SOCK_DGRAM, 0, False) as other:
        inodes = {str(os.fstat(x.fileno()).st_ino) for x in (s, other)}
        with open("/proc/net/packet") as file:
            head, *rows = file
        print(head.split())
        print(sorted(row.split()[2:8] for row in rows if row.split()[-1] in inodes))


for part in (making, as_nobody, options, sending, frames, datagrams, auxiliary, bounds, outgoing, readiness, listed):
    print("---", part.__name__)
    part()
