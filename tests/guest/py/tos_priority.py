"""What IP_TOS makes of SO_PRIORITY: every type of service, and that the same one again changes nothing."""

import socket

for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
    s = socket.socket(socket.AF_INET, kind)
    print(s.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY))
    told = []
    for tos in range(0, 256, 2):
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
        told.append(s.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY))
    print(told)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, 5)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 254)
    print(s.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY))
    s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 16)
    print(s.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY))
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, 16)
print(s.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY))
