import asyncio


async def main():
    async def handle(r, w):
        while line := await r.readline():
            w.write(line[::-1])
            await w.drain()
        w.close()

    srv = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = srv.sockets[0].getsockname()[1]

    async def client(n):
        r, w = await asyncio.open_connection("127.0.0.1", port)
        for i in range(20):
            w.write(b"%d-%d\n" % (n, i))
            await w.drain()
        w.write_eof()
        d = await r.read()
        w.close()
        return len(d)

    print(await asyncio.gather(*(client(i) for i in range(20))))
    srv.close()
    await srv.wait_closed()
    p = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    print(await p.communicate(b"x" * 100000) == (b"x" * 100000, None), p.returncode)
    p = await asyncio.create_subprocess_shell("sleep 100")
    p.kill()
    print(await p.wait())
    try:
        await asyncio.wait_for(asyncio.sleep(10), 0.02)
    except TimeoutError:
        print("timeout")
    print(await asyncio.to_thread(lambda: 42))
    loop = asyncio.get_running_loop()
    f = loop.create_future()

    class P(asyncio.DatagramProtocol):
        def datagram_received(self, d, a):
            f.set_result(d)

    t, _ = await loop.create_datagram_endpoint(P, ("127.0.0.1", 0))
    u, _ = await loop.create_datagram_endpoint(P, remote_addr=t.get_extra_info("sockname"))
    u.sendto(b"dg")
    print(await f)
    t.close()
    u.close()

    async def unix(r, w):
        w.write(await r.read(4))
        w.close()

    s = await asyncio.start_unix_server(unix, "sock")
    r, w = await asyncio.open_unix_connection("sock")
    w.write(b"unix")
    print(await r.read())
    w.close()
    s.close()


asyncio.run(main())
