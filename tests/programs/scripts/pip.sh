#!/bin/bash
# title: pip, numpy, asyncio and multiprocessing
# packages: python3-pip python3-venv python3-numpy python3-setuptools python3-wheel
# what: a wheel built and installed in a venv; linear algebra; an asyncio server with 100 clients; pools; 300 child processes
# memory: 4G
set -u
. /programs/lib.sh
cd /tmp && mkdir -p pkg/thing && echo 'def f(): return 42' >pkg/thing/__init__.py && printf 'from setuptools import setup\nsetup(name="thing", version="1.5", packages=["thing"], entry_points={"console_scripts": ["thing=thing:f"]})\n' >pkg/setup.py
(cd pkg && python3 setup.py -q bdist_wheel 2>/dev/null); ls pkg/dist; python3 -m venv v && v/bin/pip -q --disable-pip-version-check install --no-index pkg/dist/*.whl; echo "status $?"; v/bin/python -c 'import thing; print(thing.f())'; v/bin/thing; echo $?; v/bin/pip --disable-pip-version-check list --format=freeze | grep thing; v/bin/pip -q uninstall -y thing; v/bin/python -c 'import thing' 2>&1 | tail -n 1
cat >all.py <<'P'
import asyncio, concurrent.futures as cf, multiprocessing as mp, subprocess, sys, threading
import numpy as np
def square(x): return x * x
def bump(v, n):
    for _ in range(n):
        with v.get_lock(): v.value += 1
async def handle(r, w):
    while line := await r.readline(): w.write(line[::-1]); await w.drain()
    w.close()
async def client(port, i):
    r, w = await asyncio.open_connection("127.0.0.1", port); n = 0
    for j in range(20):
        w.write(b"%d %d\n" % (i, j)); n += (await r.readexactly(len(b"%d %d\n" % (i, j)))) == (b"%d %d\n" % (i, j))[::-1]
    w.close(); return n
async def network():
    s = await asyncio.start_server(handle, "127.0.0.1", 0); port = s.sockets[0].getsockname()[1]
    print("asyncio", sum(await asyncio.gather(*(client(port, i) for i in range(100)))))
    p = [await asyncio.create_subprocess_exec("sh", "-c", f"cat; exit {i}", stdin=-1, stdout=-1) for i in range(10)]
    print([(await q.communicate(b"x"))[0] for q in p][:2], [q.returncode for q in p]); s.close()
if __name__ == "__main__":
    a = np.arange(90000, dtype=float).reshape(300, 300) % 17 + np.eye(300) * 99; x = np.linalg.solve(a, np.ones(300)); print(np.allclose(a @ x, 1), a.sum(), np.sort(a, axis=None)[:3]); m = np.memmap("m", mode="w+", shape=(1000, 1000), dtype="u4"); m[:] = 5; m.flush(); print(np.fromfile("m", "u4").sum())
    asyncio.run(network())
    for method in ("fork", "spawn", "forkserver"):
        c = mp.get_context(method)
        with c.Pool(4) as pool: print(method, sum(pool.imap_unordered(square, range(1000), 50)))
        v = c.Value("i", 0); ps = [c.Process(target=bump, args=(v, 300)) for _ in range(4)]; [p.start() for p in ps]; [p.join() for p in ps]; print(v.value)
    with cf.ThreadPoolExecutor(8) as t: print(sum(t.map(lambda i: subprocess.run(["sh", "-c", f"exit {i % 7}"]).returncode, range(300))))
    print(len(subprocess.run(["cat"], input=b"x" * 5000000, stdout=-1).stdout))
    ts = [threading.Thread(target=lambda: None) for _ in range(1000)]; [t.start() for t in ts]; [t.join() for t in ts]; print(threading.active_count())
P
python3 all.py
