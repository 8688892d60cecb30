import asyncio, os, signal, socket


async def echo(r, w):
    while data := await r.readline():
        w.write(data.upper())
        await w.drain()
    w.close()


async def main():
    for host in ("127.0.0.1", "::1"):
        s = await asyncio.start_server(echo, host, 0)
        port = s.sockets[0].getsockname()[1]

        async def client(n):
            r, w = await asyncio.open_connection(host, port)
            w.write(b"hello %d\n" % n)
            line = await r.readline()
            w.close()
            return line

        print(
            sorted(await asyncio.gather(*(client(n) for n in range(20))))
            == sorted(b"HELLO %d\n" % n for n in range(20))
        )
        r, w = await asyncio.open_connection(host, port)
        w.write((b"x" * 65535 + b"\n") * 20 if False else b"y" * 60000 + b"\n")
        w.write_eof()
        print(len(await r.read()))
        s.close()
        await s.wait_closed()
    s = await asyncio.start_unix_server(echo, "sock")
    r, w = await asyncio.open_unix_connection("sock")
    w.write(b"unix\n")
    print(await r.readline())
    w.close()
    s.close()
    p = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    print(await p.communicate(b"proc"))
    p = await asyncio.create_subprocess_shell("exit 4")
    print(await p.wait())
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, done.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.wait_for(done.wait(), 5)
    print("signal")
    try:
        await asyncio.wait_for(asyncio.sleep(9), 0.02)
    except asyncio.TimeoutError:
        print("timeout")

    class P(asyncio.DatagramProtocol):
        def connection_made(self, t):
            self.t = t

        def datagram_received(self, d, a):
            self.t.sendto(d[::-1], a)

    t, _ = await loop.create_datagram_endpoint(P, local_addr=("127.0.0.1", 0))
    f = loop.create_future()

    class C(asyncio.DatagramProtocol):
        def connection_made(self, t):
            t.sendto(b"abc")

        def datagram_received(self, d, a):
            f.set_result(d)

    await loop.create_datagram_endpoint(C, remote_addr=t.get_extra_info("sockname"))
    print(await asyncio.wait_for(f, 5))
    try:
        await asyncio.open_connection("127.0.0.1", 1)
    except ConnectionRefusedError as e:
        print(e.errno)
    print(
        await loop.run_in_executor(None, sum, range(10)),
        (await loop.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM))[-1][4][1],
    )


asyncio.run(main())
