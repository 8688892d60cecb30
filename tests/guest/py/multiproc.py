import multiprocessing as mp, os, signal
from multiprocessing import shared_memory


def square(n):
    return n * n


def child(conn, sem, val, arr, lock):
    with lock:
        val.value += 1
    arr[0] += 5
    sem.release()
    conn.send(os.getppid() != 0)
    conn.close()


def shm_child(name):
    s = shared_memory.SharedMemory(name)
    s.buf[0] = 77
    s.close()


if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        ctx = mp.get_context(method)
        with ctx.Pool(3) as pool:
            print(method, pool.map(square, range(10)), pool.apply_async(square, (12,)).get(20))
        a, b = ctx.Pipe()
        sem, val, arr, lock = ctx.Semaphore(0), ctx.Value("i", 1), ctx.Array("d", 3), ctx.Lock()
        p = ctx.Process(target=child, args=(b, sem, val, arr, lock))
        p.start()
        print(sem.acquire(timeout=20), a.recv())
        p.join()
        print(val.value, arr[:], p.exitcode)
    s = shared_memory.SharedMemory(create=True, size=4096)
    p = mp.Process(target=shm_child, args=(s.name,))
    p.start()
    p.join()
    print(s.buf[0])
    s.close()
    s.unlink()
    q = mp.Queue()
    [q.put(i) for i in range(5)]
    print([q.get(timeout=5) for _ in range(5)])
    e = mp.Event()
    p = mp.Process(target=e.set)
    p.start()
    print(e.wait(10))
    p.join()
    p = mp.Process(target=signal.pause)
    p.start()
    p.terminate()
    p.join()
    print(p.exitcode)
