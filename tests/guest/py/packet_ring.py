"""PACKET_RX_RING on the loopback, as libpcap uses it: which shapes are taken, what frames look like in it, when it is
full, what mmap(2) wants, and how it ends."""

import errno
import mmap
import select
import socket
import struct

SOL_PACKET = 263
STATISTICS, RX_RING, COPY_THRESH, VERSION, HDRLEN, RESERVE = 6, 5, 7, 10, 11, 12
TYPE = 0x88B6
HEADER = bytes(12) + TYPE.to_bytes(2, "big")


def attempt(call):
    try:
        return call()
    except OSError as error:
        return errno.errorcode[error.errno]


def packet(kind=socket.SOCK_RAW, version=1):
    s = socket.socket(socket.AF_PACKET, kind, socket.htons(TYPE))
    s.bind(("lo", TYPE))
    s.setsockopt(SOL_PACKET, VERSION, version)
    return s


def shape(block, blocks, frame, frames):
    return struct.pack("=IIII", block, blocks, frame, frames)


def shapes():
    for version in (0, 1):
        with packet(version=version) as s:
            wanted = [
                (4096, 1, 2048, 3),
                (4095, 1, 2048, 1),
                (4096, 1, 8192, 0),
                (4096, 1, 2040, 2),
                (4096, 1, 48, 85),
                (0, 1, 2048, 0),
                (0, 0, 0, 1),
                (4096, 1, 0, 0),
            ]
            print("shapes", [attempt(lambda: s.setsockopt(SOL_PACKET, RX_RING, shape(*w))) for w in wanted])
            print("short", attempt(lambda: s.setsockopt(SOL_PACKET, RX_RING, bytes(15))))
            print("before", attempt(lambda: mmap.mmap(s.fileno(), 4096)))
            print("one", attempt(lambda: s.setsockopt(SOL_PACKET, RX_RING, shape(4096, 2, 1024, 8))))
            print("another", attempt(lambda: s.setsockopt(SOL_PACKET, RX_RING, shape(4096, 2, 1024, 8))))
            print("now", [attempt(lambda: s.setsockopt(SOL_PACKET, name, 1)) for name in (VERSION, RESERVE)])
            print("sizes", [attempt(lambda: mmap.mmap(s.fileno(), size)) for size in (4096, 12288)])
            print("offset", attempt(lambda: mmap.mmap(s.fileno(), 4096, offset=4096)))
            ring = mmap.mmap(s.fileno(), 8192)
            print("mapped", attempt(lambda: s.setsockopt(SOL_PACKET, RX_RING, shape(0, 0, 0, 0))))
            ring.close()
            print("gone", attempt(lambda: s.setsockopt(SOL_PACKET, RX_RING, shape(0, 0, 0, 0))))
            print("again", attempt(lambda: s.setsockopt(SOL_PACKET, RX_RING, shape(4096, 1, 4096, 1))))


def told(ring, at, version):
    """A frame without its time."""
    if version:
        status, length, kept, start, network = struct.unpack_from("=IIIHH", ring, at)
    else:
        status, length, kept, start, network = struct.unpack_from("=QIIHH", ring, at)
    address = struct.unpack_from("=HHiHBB8s", ring, at + 32)
    return status & ~0x20000000, length, kept, start, network, address, bytes(ring[at + start : at + start + kept])


def frames(kind, version, reserve):
    with packet(kind, version) as s, packet() as sender:
        s.setsockopt(SOL_PACKET, RESERVE, reserve)
        s.setsockopt(SOL_PACKET, RX_RING, shape(4096, 2, 1024, 8))
        ring = mmap.mmap(s.fileno(), 8192)
        poll = select.poll()
        poll.register(s, select.POLLIN)
        print("empty", poll.poll(0))
        for n in range(11):
            sender.send(HEADER + b"%02d" % n + bytes(1200 if n == 3 else 10))
        print("ready", [mask for _, mask in poll.poll(1000)], attempt(lambda: s.recv(100, socket.MSG_DONTWAIT)))
        for n in range(8):
            at = n * 1024
            frame = told(ring, at, version)
            print(frame[:6], frame[6][:20].hex(), len(frame[6]))
            ring[at : at + 4] = bytes(4)
        print("statistics", struct.unpack("=II", s.getsockopt(SOL_PACKET, STATISTICS, 8)))
        print("read", poll.poll(0))
        sender.send(HEADER + b"round")
        print("next", [mask for _, mask in poll.poll(1000)], told(ring, 0, version)[6][-5:])
        s.close()
        print("closed", told(ring, 0, version)[6][-5:])
        ring.close()


def copies():
    with packet() as s, packet() as sender:
        s.setsockopt(SOL_PACKET, COPY_THRESH, 1)
        s.setsockopt(SOL_PACKET, RX_RING, shape(4096, 1, 512, 8))
        ring = mmap.mmap(s.fileno(), 4096)
        sender.send(HEADER + bytes(1000))
        sender.send(HEADER + bytes(100))
        for n in range(2):
            print("copy", told(ring, n * 512, 1)[:5])
        print(len(s.recv(2000)), attempt(lambda: s.recv(2000, socket.MSG_DONTWAIT)))
        ring.close()


shapes()
for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM):
    for version in (0, 1):
        for reserve in (0, 4):
            print("---", kind, version, reserve)
            frames(kind, version, reserve)
copies()
