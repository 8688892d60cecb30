import queue, subprocess, sys, threading, time

q, out = queue.Queue(), []


def work():
    while (n := q.get()) is not None:
        out.append(n * n)


ts = [threading.Thread(target=work) for _ in range(4)]
[t.start() for t in ts]
[q.put(n) for n in range(100)]
[q.put(None) for _ in ts]
[t.join() for t in ts]
print(sum(out))
e = threading.Event()
c = threading.Condition()
got = []


def waiter():
    with c:
        c.wait(5)
        got.append(1)
    e.set()


t = threading.Thread(target=waiter)
t.start()
while not e.is_set():
    with c:
        c.notify_all()
t.join()
print(got, e.wait(0.01), threading.Lock().acquire(timeout=0.01))
t = threading.Timer(0.01, lambda: out.append("timer"))
t.start()
t.join()
print(out[-1])
print(subprocess.check_output(["echo", "sub"]), subprocess.run(["sh", "-c", "exit 3"]).returncode)
p = subprocess.Popen(["cat"], stdin=-1, stdout=-1)
print(p.communicate(b"x" * 200000)[0] == b"x" * 200000)
try:
    subprocess.run(["sleep", "9"], timeout=0.05)
except subprocess.TimeoutExpired:
    print("timeout")
p = subprocess.Popen(["sleep", "9"])
p.terminate()
print(p.wait())
try:
    subprocess.run(["/nonexistent"])
except FileNotFoundError as x:
    print(x.errno)
print(
    subprocess.run(
        "echo $FOO; pwd | wc -l; exit 5", shell=True, env={"FOO": "bar", "PATH": "/bin:/usr/bin"}, capture_output=True
    )
)
print(subprocess.run([sys.executable, "-c", "import os; os.abort()"], stderr=subprocess.DEVNULL).returncode)
