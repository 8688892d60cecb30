import signal, os, time, threading

got = []
signal.signal(signal.SIGUSR1, lambda s, f: got.append(s))
os.kill(os.getpid(), signal.SIGUSR1)
print(got)
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.01)
n = []
signal.signal(signal.SIGALRM, lambda s, f: n.append(1))
while len(n) < 3:
    signal.pause()
signal.setitimer(signal.ITIMER_REAL, 0)
print(len(n) >= 3)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
os.kill(os.getpid(), signal.SIGUSR2)
print(signal.sigpending(), signal.sigwait([signal.SIGUSR2]))
print(signal.sigtimedwait([signal.SIGUSR2], 0.01))
r, w = os.pipe()
os.set_blocking(w, False)
signal.set_wakeup_fd(w)
os.kill(os.getpid(), signal.SIGUSR1)
print(os.read(r, 1))
signal.set_wakeup_fd(-1)


def handler(s, f):
    raise KeyError


signal.signal(signal.SIGTERM, handler)
try:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(1)
except KeyError:
    print("raised")
t = time.monotonic()
threading.Timer(0.02, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
time.sleep(0.1)
print(time.monotonic() - t >= 0.1)
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)
except KeyboardInterrupt:
    print("interrupt")
print(signal.strsignal(11), signal.SIGRTMAX - signal.SIGRTMIN)
