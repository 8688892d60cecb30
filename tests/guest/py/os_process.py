import os, signal, sys, time

pid = os.fork()
if pid == 0:
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
r, w = os.pipe()
if os.fork() == 0:
    os.dup2(w, 1)
    os.execvp("echo", ["echo", "from", "echo"])
os.close(w)
print(os.fdopen(r).read())
os.wait()
pid = os.posix_spawn("/bin/sh", ["sh", "-c", "kill -9 $$"], os.environ)
print(os.waitpid(pid, 0)[1])
pid = os.fork()
if pid == 0:
    os.setsid()
    print(os.getsid(0) == os.getpid())
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGTERM)
print(os.waitpid(pid, 0)[1])
try:
    os.waitpid(-1, 0)
except ChildProcessError as e:
    print("no child")
print(os.system("exit 3") >> 8, os.popen("echo $((6*7))").read())
env = dict(os.environ, X="y z")
os.spawnve(os.P_WAIT, "/bin/sh", ["sh", "-c", 'echo "$X"; exit 5'], env)
print(os.getppid() != os.getpid(), os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0))
print(os.umask(0o22), os.getuid(), os.getgroups() == os.getgroups(), os.uname().sysname, os.cpu_count() >= 1)
print(os.listdir("/proc/self/ns"))
