"""What the filters of several sockets come to: /proc/net/mcfilter, mcfilter6, igmp and igmp6, on the loopback."""

import errno
import socket
import struct

UNBLOCK, BLOCK, ADD, DROP, MSFILTER = 37, 38, 39, 40, 41
GROUP, GROUP6 = "239.77.1.9", "ff01::77:9"
LO = socket.if_nametoindex("lo")


def aton(*addresses):
    return b"".join(map(socket.inet_aton, addresses))


def source(s, name, addr):
    try:
        s.setsockopt(0, name, aton(GROUP, "127.0.0.1", addr))
    except OSError as error:
        print(name, addr, errno.errorcode[error.errno])


def whole(s, include, *sources):
    s.setsockopt(0, MSFILTER, aton(GROUP, "127.0.0.1") + struct.pack("=II", include, len(sources)) + aton(*sources))


def storage(address):
    return struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, address), 0).ljust(
        128, b"\0"
    )


def source6(s, name, addr):
    s.setsockopt(41, name, struct.pack("=I4x", LO) + storage(GROUP6) + storage(addr))


def show(text):
    print(text)
    group = "%08X" % int.from_bytes(aton(GROUP), "little")
    group6 = socket.inet_pton(socket.AF_INET6, GROUP6).hex()
    for name, wanted in (
        ("mcfilter", "0x" + aton(GROUP).hex()),
        ("mcfilter6", group6),
        ("igmp", group),
        ("igmp6", group6),
    ):
        with open("/proc/net/" + name) as rows:
            print(name, [row for row in rows if wanted in row])


one, two = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
source(one, ADD, "10.0.0.2")
source(one, ADD, "10.0.0.1")
show("one includes")
source(two, ADD, "10.0.0.1")
show("both include")
source(one, DROP, "10.0.0.2")
whole(two, 0, "10.0.0.3", "10.0.0.1")
show("the second excludes")
source(two, BLOCK, "10.0.0.4")
source(two, UNBLOCK, "10.0.0.3")
source(two, ADD, "10.0.0.3")
show("others")
for addr in "10.0.0.1", "10.0.0.4":
    source(two, UNBLOCK, addr)
source(two, ADD, "10.0.0.3")
show("a list that is empty keeps its mode")
whole(one, 1)
show("the first is gone")
two.close()
show("none")
many = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in range(22):
    try:
        many.setsockopt(0, socket.IP_ADD_MEMBERSHIP, aton(f"239.77.2.{n}", "127.0.0.1"))
    except OSError as error:
        print(n, errno.errorcode[error.errno])
for n in range(22):
    try:
        many.setsockopt(0, ADD, aton("239.77.2.1", "127.0.0.1", f"10.0.1.{n}"))
    except OSError as error:
        print(n, errno.errorcode[error.errno])
many.close()
three, four = (socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in range(2))
source6(three, 46, "2001:db8::1")
source6(three, 46, "2001:db8::2")
four.setsockopt(41, 20, socket.inet_pton(socket.AF_INET6, GROUP6) + struct.pack("=i", LO))
source6(four, 43, "2001:db8::2")
show("IPv6")
three.close()
show("IPv6, one less")
four.close()
show("IPv6, none")
for name in "igmp_qrv", "igmp_max_msf", "igmp_max_memberships", "igmp_link_local_mcast_reports":
    print(name, open("/proc/sys/net/ipv4/" + name).read())
for name in "mld_qrv", "mld_max_msf":
    print(name, open("/proc/sys/net/ipv6/" + name).read())
