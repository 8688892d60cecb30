# admin
"""Raw and ping sockets as /proc/net lists them, in a network namespace of their own."""

import ctypes
import socket
import subprocess
from pathlib import Path

if ctypes.CDLL(None, use_errno=True).unshare(0x40000000):
    raise OSError(ctypes.get_errno(), "unshare")
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 0")
for name in ("raw", "raw6", "icmp", "icmp6", "udplite", "packet"):
    print(Path(f"/proc/net/{name}").read_text().rstrip())
echoes, echoes6 = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1), socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58)
echoes.bind(("127.0.0.1", 7)), echoes6.bind(("::1", 9))
echoes6.connect(("::1", 5))
pings, pings6 = (
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1),
    socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, 58),
)
pings.bind(("127.0.0.1", 777)), pings6.bind(("::1", 778))
pings.connect(("127.0.0.1", 9))
lite = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 136)
lite.bind(("127.0.0.1", 779))
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
for name in ("icmp", "icmp6", "raw", "raw6", "udplite"):
    for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
        fields = line.split()
        print(name, line.index(":"), fields[1:4], len(fields))
for line in Path("/proc/net/packet").read_text().splitlines()[1:]:
    print(line[16:45])
