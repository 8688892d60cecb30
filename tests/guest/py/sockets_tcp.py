import socket, threading, errno

for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    with socket.create_server((host, 0), family=family) as srv:
        port = srv.getsockname()[1]

        def serve():
            c, a = srv.accept()
            with c:
                while d := c.recv(4096):
                    c.sendall(d.upper())

        t = threading.Thread(target=serve)
        t.start()
        with socket.create_connection((host, port)) as c:
            c.sendall(b"hello ")
            c.sendall(b"world")
            c.shutdown(socket.SHUT_WR)
            got = b""
            while d := c.recv(100):
                got += d
            print(host, got, c.gettimeout())
        t.join()
    try:
        socket.create_connection((host, port), 1)
    except ConnectionRefusedError:
        print("refused")
a, b = socket.socketpair()
a.settimeout(0.05)
try:
    a.recv(1)
except TimeoutError:
    print("timed out")
a.setblocking(False)
try:
    a.recv(1)
except BlockingIOError:
    print("would block")
f = b.makefile("rw")
f.write("line\n")
f.flush()
a.setblocking(True)
print(a.makefile().readline())
socket.send_fds(a, [b"fd"], [0])
print(len(socket.recv_fds(b, 10, 1)[1]))
a.close()
try:
    b.send(b"x")
    b.send(b"y")
except BrokenPipeError:
    print("broken pipe")
print(socket.has_dualstack_ipv6(), socket.gethostbyname("localhost"), socket.getservbyname("http"))
