"""Ioctls of drivers, which none here has: of tunnels among others."""

import errno
import fcntl
import socket

for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, 16):
    s = socket.socket(family, socket.SOCK_DGRAM)
    for command in (0x89F0, 0x89F1, 0x89F3, 0x89F7, 0x89FF, 0x89EF):
        told = []
        for name in (b"lo", b"nosuch"):
            try:
                fcntl.ioctl(s, command, name.ljust(40, b"\0"))
                told.append("done")
            except OSError as error:
                told.append(errno.errorcode[error.errno])
        print(family, hex(command), told)
