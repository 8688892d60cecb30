"""What fstat(2) tells of sockets of each family: type, owner, number; those that were accepted, too."""

import os
import socket


def show(title, s):
    found = os.fstat(s.fileno())
    number = os.readlink(f"/proc/self/fd/{s.fileno()}") == f"socket:[{found.st_ino}]"
    through = os.stat(f"/proc/self/fd/{s.fileno()}").st_ino == found.st_ino
    print(title, oct(found.st_mode), found.st_nlink, found.st_uid, found.st_gid, found.st_size, number, through)


for family in ("AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_PACKET"):
    kind = socket.SOCK_RAW if family in ("AF_NETLINK", "AF_PACKET") else socket.SOCK_DGRAM
    show(family, socket.socket(getattr(socket, family), kind))
show("pair", socket.socketpair()[1])
child = os.fork()
if not child:
    listener = socket.create_server(("127.0.0.1", 0))
    os.setegid(54321)
    os.seteuid(12345)
    client = socket.socket()
    client.connect(listener.getsockname())
    other = listener.accept()[0]
    os.seteuid(0)
    show("client", client)
    show("accepted", other)
    os._exit(0)
os.waitpid(child, 0)
