# admin
"""TCPDIAG_GETSOCK: lists of TCP sockets as they were asked for before SOCK_DIAG_BY_FAMILY (linux/inet_diag.h)."""

import os
import socket
import struct
import sys

if sys.argv[1:] != ["inside"]:
    os.execvp("unshare", ["unshare", "-n", sys.executable, __file__, "inside"])

TCPDIAG_GETSOCK, DCCPDIAG_GETSOCK, DONE, ERROR = 18, 19, 3, 2
REQUEST, DUMP = 1, 0x300
os.system("ip link set lo up")
listener = socket.create_server(("127.0.0.1", 5555))
listener6 = socket.create_server(("::1", 5556), family=socket.AF_INET6)
client = socket.create_connection(("127.0.0.1", 5555))
server, _ = listener.accept()
link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4)


def ask(kind: int, family: int, states: int, flags: int = DUMP, ports: tuple[int, int] = (0, 0)) -> None:
    identity = struct.pack(">HH16s16sIII", *ports, b"\x7f\0\0\1", b"\x7f\0\0\1", 0, 0xFFFFFFFF, 0xFFFFFFFF)
    body = struct.pack("BBBB", family, 0, 0, 0) + identity + struct.pack("II", states, 0)
    link.send(struct.pack("IHHII", 16 + len(body), kind, REQUEST | flags, 7, 0) + body)
    rows = []
    while True:
        data = link.recv(1 << 16)
        while data:
            size, which, _, _, _ = struct.unpack_from("IHHII", data)
            if which == DONE:
                print(kind, family, hex(states), sorted(rows))
                return
            if which == ERROR:
                print(kind, family, hex(states), os.strerror(-struct.unpack_from("i", data, 16)[0]))
                return
            found, state, sport, dport = struct.unpack_from(">BBxxHH", data, 16)
            named = {5555: "server", 5556: "server6", 0: "none"}
            rows.append((which, found, state, named.get(sport, "other"), named.get(dport, "other")))
            data = data[(size + 3) & ~3 :]
            if not flags:
                print(kind, rows)
                return


for family in (0, socket.AF_INET, socket.AF_INET6):
    for states in (0xFFF, 1 << 10, 1 << 1, 0):
        ask(TCPDIAG_GETSOCK, family, states)
ask(TCPDIAG_GETSOCK, socket.AF_INET, 0xFFF, 0, (5555, client.getsockname()[1]))
ask(TCPDIAG_GETSOCK, socket.AF_INET, 0xFFF, 0, (1, 2))
ask(DCCPDIAG_GETSOCK, socket.AF_INET, 0xFFF)
ask(17, socket.AF_INET, 0xFFF)
