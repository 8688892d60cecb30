import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); s.settimeout(2)
c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in (0, 1, 1472, 1473, 9000, 65507):
    c.sendto(b"z" * n, s.getsockname()); d, a = s.recvfrom(70000); print(len(d), a[0])
try: c.sendto(b"z" * 65508, s.getsockname())
except OSError as e: print(e.errno)
c.connect(s.getsockname()); c.send(b"x"); d, a = s.recvfrom(10); print(a == c.getsockname()); s.sendto(b"back", a); print(c.recv(10))
print(s.recvmsg_into.__name__, c.recv_into.__name__)
c.sendmsg([b"ab", b"cd"]); print(s.recvmsg(3)[0::2])
m = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); m.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
print(m.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR), m.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE))
u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); u.bind(("::1", 0)); u.settimeout(2)
v = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); v.sendto(b"six", u.getsockname()); print(u.recvfrom(10)[0])
