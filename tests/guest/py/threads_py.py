import threading, queue, concurrent.futures as cf, time

q = queue.Queue(3)
out = []


def producer():
    for i in range(100):
        q.put(i)
    q.put(None)


t = threading.Thread(target=producer)
t.start()
while (x := q.get()) is not None:
    out.append(x)
t.join()
print(sum(out))
with cf.ThreadPoolExecutor(8) as ex:
    print(list(ex.map(lambda n: n * n, range(20))))
e = threading.Event()
threading.Timer(0.02, e.set).start()
print(e.wait(5), e.wait(0))
b = threading.Barrier(4)
res = []
ts = [threading.Thread(target=lambda: res.append(b.wait())) for _ in range(4)]
[t.start() for t in ts]
[t.join() for t in ts]
print(sorted(res))
l = threading.Lock()
print(l.acquire(timeout=0.01), l.acquire(timeout=0.01))
c = threading.Condition()
with c:
    print(c.wait(0.01))
s = threading.Semaphore(2)
print(s.acquire(False), s.acquire(False), s.acquire(False))
loc = threading.local()
loc.x = 1
threading.Thread(target=lambda: print(hasattr(loc, "x"))).start()
print(threading.active_count() >= 1)
