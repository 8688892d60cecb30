# admin
"""RTM_GETQDISC of one interface, without a dump."""

import os
import socket
import struct
import subprocess
import sys

if sys.argv[1:] != ["inside"]:
    os.execvp("unshare", ["unshare", "-n", sys.executable, __file__, "inside"])

ROOT, INGRESS = 0xFFFFFFFF, 0xFFFFFFF1
REQUEST, ACK, ECHO = 1, 4, 8
RTM_NEWQDISC, RTM_GETQDISC = 36, 38


def sh(command: str) -> None:
    subprocess.run(command, shell=True, check=True)


def get(name: str, parent: int, handle: int = 0, flags: int = ECHO, kind: str = "") -> None:
    index = socket.if_nametoindex(name) if name else 0
    body = struct.pack("BxxxiIII", 0, index, handle, parent, 0)
    if kind:
        body += struct.pack("HH16s", 20, 1, kind.encode())
    link.send(struct.pack("IHHII", 16 + len(body), RTM_GETQDISC, REQUEST | ACK | flags, 1, 0) + body)
    while True:
        got = link.recv(65536)
        _, which, what, _, _ = struct.unpack_from("IHHII", got)
        if which != RTM_NEWQDISC:
            print(name, hex(parent), hex(handle), kind, os.strerror(-struct.unpack_from("i", got, 16)[0]))
            return
        print(name, what, got[24:36].hex(), got[40:].split(b"\0")[0].decode())


sh("ip link add v0 type veth peer name v1; ip link set v0 up; ip link set lo up")
link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
link.bind((0, 0))
for name in ("v0", "v1", "lo", ""):
    for parent in (ROOT, 0, INGRESS):
        get(name, parent)
get("v0", ROOT, 0, 0)
sh("tc qdisc add dev v0 root handle 5: tbf rate 1mbit burst 10k latency 10ms")
for parent, handle in ((ROOT, 0), (ROOT, 0x50000), (ROOT, 0x60000), (0, 0x50000), (0, 0x60000), (0x60001, 0)):
    get("v0", parent, handle)
get("v0", ROOT, 0, 0)
get("v0", ROOT, 0, ECHO, "tbf")
get("v0", ROOT, 0, ECHO, "noqueue")
