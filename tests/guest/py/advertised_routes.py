# admin
"""Routes that a router's advertisement makes (RFC 4861, RFC 4862): how they are listed, and that they go with a lifetime of 0."""

import os
import re
import socket
import struct
import subprocess
import sys
import time

if sys.argv[1:] != ["inside"]:
    os.execvp("unshare", ["unshare", "-n", sys.executable, __file__, "inside"])


def sh(command: str) -> str:
    return subprocess.run(command, shell=True, capture_output=True, text=True).stdout


def until(condition) -> None:
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)


def show() -> None:
    text = sh("ip -6 route show dev v0 proto kernel; ip -6 route show dev v0 proto ra")
    text = re.sub(r"fe80::\S{5,} ", "ROUTER ", text)
    print("".join(sorted(re.sub(r"expires \d+sec", "expires Nsec", text).splitlines(True))), end="")
    with open("/proc/net/ipv6_route") as rows:
        words = [row.split() for row in rows if row.split()[-1] == "v0"]
    print(sorted([row[0], row[1], row[5], hex(int(row[8], 16))] for row in words if row[0].startswith("2001") and row[1] == "40"))
    print([hex(int(row[8], 16)) for row in words if row[1] == "00"])


def advertise(lifetime: int, valid: int) -> None:
    body = struct.pack(">BBHBBHII", 134, 0, 0, 0, 0, lifetime, 0, 0)
    for prefix, flags in (("2001:db8:5::", 0xC0), ("2001:db8:6::", 0x80), ("2001:db8:7::", 0x40)):
        body += struct.pack(">BBBBIII16s", 3, 4, 64, flags, valid, valid, 0, socket.inet_pton(socket.AF_INET6, prefix))
    sender.sendto(body, ("ff02::1", 0, 0, socket.if_nametoindex("v1")))


sh("sysctl -qw net.ipv6.conf.default.accept_dad=0; ip link add v0 type veth peer name v1")
sh("sysctl -qw net.ipv6.conf.v1.accept_ra=0 net.ipv6.conf.v0.accept_dad=0 net.ipv6.conf.v1.accept_dad=0")
sh("ip link set v0 up; ip link set v1 up")
until(lambda: sh("ip -6 addr show").count("scope link") == 2 and "tentative" not in sh("ip -6 addr show"))
sender = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"v1")
advertise(1800, 0xFFFFFFFF)
until(lambda: "default" in sh("ip -6 route show dev v0") and "2001:db8:6" in sh("ip -6 route show dev v0"))
show()
advertise(1800, 3600)
until(lambda: "2001:db8:6::/64" in sh("ip -6 route show dev v0 | grep expires"))
show()
advertise(0, 0)
until(lambda: "default" not in sh("ip -6 route show dev v0"))
show()
