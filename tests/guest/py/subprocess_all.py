import subprocess as s, sys

print(s.run(["sh", "-c", "cat; echo err >&2; exit 4"], input=b"in", capture_output=True))
print(s.run("echo $0 | tr a-z A-Z", shell=True, capture_output=True, text=True).stdout)
try:
    s.run(["sleep", "10"], timeout=0.1)
except s.TimeoutExpired:
    print("timeout")
try:
    s.run(["/none"])
except FileNotFoundError:
    print("not found")
try:
    s.run(["/etc/passwd"])
except PermissionError:
    print("permission")
p = s.Popen(["cat"], stdin=s.PIPE, stdout=s.PIPE)
big = b"x" * 500000
print(p.communicate(big)[0] == big, p.returncode)
p = s.Popen(["sleep", "100"])
p.terminate()
print(p.wait())
p = s.Popen(["sh", "-c", "trap '' TERM; echo r; sleep 100"], stdout=s.PIPE, start_new_session=True)
p.stdout.read(1)
p.terminate()
p.kill()
print(p.wait())
import os, signal

try:
    os.killpg(p.pid, signal.SIGKILL)
except ProcessLookupError:
    pass
a = s.Popen(["seq", "1000"], stdout=s.PIPE)
b = s.Popen(["tail", "-1"], stdin=a.stdout, stdout=s.PIPE)
a.stdout.close()
print(b.communicate()[0], a.wait())
print(s.check_output([sys.executable, "-c", "import sys; print(sys.argv)", "a b", ""]))
print(
    s.getstatusoutput("false"),
    s.run(["pwd"], cwd="/tmp", capture_output=True).stdout,
    s.run(["env"], env={"A": "1"}, capture_output=True).stdout,
)
