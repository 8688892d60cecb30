from multiprocessing import shared_memory, Process, Lock, Value, Array, Pipe, Queue
import os


def work(name, lock, v, a, conn):
    s = shared_memory.SharedMemory(name)
    s.buf[0:5] = b"child"
    s.close()
    for i in range(100):
        with lock:
            v.value += 1
    a[2] = 2.5
    conn.send({"k": [1, 2]})
    conn.close()


if __name__ == "__main__":
    s = shared_memory.SharedMemory(create=True, size=5000)
    l, v, a = Lock(), Value("i", 0, lock=False), Array("d", 5)
    r, w = Pipe()
    ps = [Process(target=work, args=(s.name, l, v, a, w)) for _ in range(3)]
    [p.start() for p in ps]
    [p.join() for p in ps]
    print(bytes(s.buf[:5]), v.value, list(a), [r.recv() for _ in range(3)], [p.exitcode for p in ps])
    s.close()
    s.unlink()
    try:
        shared_memory.SharedMemory(s.name)
    except FileNotFoundError:
        print("gone")
