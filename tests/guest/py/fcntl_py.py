import fcntl, os, struct, array, termios, errno

f = open("f", "w+")
g = open("f", "r+")
fcntl.flock(f, fcntl.LOCK_EX)
try:
    fcntl.flock(g, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("locked")
fcntl.flock(f, fcntl.LOCK_UN)
fcntl.flock(g, fcntl.LOCK_EX | fcntl.LOCK_NB)
fcntl.flock(g, fcntl.LOCK_UN)
fcntl.lockf(f, fcntl.LOCK_EX, 10, 5)
if os.fork() == 0:
    try:
        fcntl.lockf(g, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 7)
    except OSError as e:
        print(errno.errorcode[e.errno])
    fcntl.lockf(g, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 20)
    print("elsewhere", flush=True)
    os._exit(0)
os.wait()
r, w = os.pipe()
os.write(w, b"abc")
a = array.array("i", [0])
fcntl.ioctl(r, termios.FIONREAD, a)
print(a[0])
print(fcntl.fcntl(r, fcntl.F_GETFD), os.get_inheritable(r), os.get_blocking(r))
os.set_blocking(r, False)
os.read(r, 5)
try:
    os.read(r, 1)
except BlockingIOError:
    print("again")
print(fcntl.fcntl(w, 1032) >= 4096)
try:
    termios.tcgetattr(r)
except termios.error as e:
    print(e.args[0] == errno.ENOTTY)
