"""Control groups inside: bounds that act, what they tell, who may change them."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.bundles import change, needs_busybox
from tests.e2e.conftest import do, runsc

MOVE = (
    "cd /sys/fs/cgroup; mkdir main work; echo $$ > main/cgroup.procs; echo '+memory +pids' > cgroup.subtree_control; "
)
EAT = (
    "import mmap; m = mmap.mmap(-1, 200 << 20); [m.seek(i << 12) or m.write_byte(1) for i in range(200 << 8)]; input()"
)


def script(text: str, *flags: str) -> str:
    """What a shell inside prints, errors too."""
    done = do(*flags, "bash", "-c", f"exec 2>&1; {text}")
    assert done.status == 0 and "oops" not in done.err, done
    return done.out


def test_a_bound_of_memory() -> None:
    """The process that is over it is killed, the others are not; the group and those above count it."""
    out = script(
        f"{MOVE} mkdir work/a; echo +memory > work/cgroup.subtree_control; echo 50M > work/a/memory.max; cat work/a/memory.max;"
        f" bash -c 'echo $$ > work/a/cgroup.procs; exec python3 -c \"{EAT}\"' >/dev/null 2>&1 </dev/zero; echo $?;"
        " grep -E '^oom_kill|^max' work/a/memory.events work/a/memory.events.local work/memory.events.local memory.events"
    )
    assert [line for line in out.splitlines() if "Killed" not in line] == [
        "52428800",
        "137",
        "work/a/memory.events:max 1",
        "work/a/memory.events:oom_kill 1",
        "work/a/memory.events.local:max 1",
        "work/a/memory.events.local:oom_kill 1",
        "work/memory.events.local:max 0",
        "work/memory.events.local:oom_kill 0",
        "memory.events:max 1",
        "memory.events:oom_kill 1",
    ]


def test_a_group_that_dies_as_one() -> None:
    """memory.oom.group."""
    out = script(
        f"{MOVE} echo 50M > work/memory.max; echo 1 > work/memory.oom.group; sleep 1000 & echo $! > work/cgroup.procs;"
        f" bash -c 'echo $$ > work/cgroup.procs; exec python3 -c \"{EAT}\"' >/dev/null 2>&1 </dev/zero; wait $!; echo $?;"
        " grep oom_ work/memory.events"
    )
    assert out.splitlines()[-3:] == ["137", "oom_kill 2", "oom_group_kill 1"]


def test_a_bound_beyond_which_one_waits() -> None:
    """memory.high: who takes more is slowed down, not killed; the event is told; the others of the group go on."""
    out = script(
        f"{MOVE} echo 50M > work/memory.high; cat work/memory.high;"
        f" bash -c 'echo $$ > work/cgroup.procs; exec python3 -c \"{EAT.replace('200', '900')}\"' >/dev/null 2>&1 </dev/zero & "
        "until grep -q 'high [1-9]' work/memory.events; do sleep 0.1; done; bash -c 'echo $$ > work/cgroup.procs; echo here';"
        " kill -9 $!; wait $!; echo $?; [ $(cat work/memory.peak) -lt 900000000 ] && grep -E 'oom|low|max' work/memory.events"
    )
    assert [line for line in out.splitlines() if "Killed" not in line] == [
        "52428800",
        "here",
        "137",
        *("low 0", "max 0", "oom 0", "oom_kill 0", "oom_group_kill 0"),
    ]


def test_settings_of_memory() -> None:
    """What is kept, what cannot be had back, what there is not."""
    files = "low min high max swap.high swap.max"
    out = script(
        f"{MOVE} cd work; for f in {files}; do cat memory.$f; echo 1M > memory.$f; cat memory.$f; done; echo x > memory.low;"
        " cat memory.swap.current memory.swap.peak memory.swap.events; echo 0 > memory.reclaim; echo 1M > memory.reclaim;"
        " echo max > memory.reclaim; cat memory.reclaim; grep -cE '^[a-z_]+ [0-9]+$' memory.stat; cd ..; echo 1 > memory.high;"
        " cat memory.high"
    )
    error = "bash: line 1: echo: write error: "
    assert out.splitlines() == [
        *("0", "1048576") * 2,
        *("max", "1048576") * 4,
        f"{error}Invalid argument",
        *("0", "0", "high 0", "max 0", "fail 0"),
        f"{error}Resource temporarily unavailable",
        f"{error}Invalid argument",
        "cat: memory.reclaim: Invalid argument",
        "40",
        f"{error}Operation not permitted",
        "max",
    ]


def test_a_bound_of_tasks() -> None:
    out = script(
        f"{MOVE} echo 2 > work/pids.max; cat work/pids.max; python3 -c \"\nimport os\nopen('work/cgroup.procs', 'w').write('0')\n"
        "pid = os.fork()\nif not pid: os.read(os.pipe()[0], 1)\ntry: os.fork()\nexcept OSError as error: print(error.errno)\n"
        "print(open('work/pids.current').read(), open('work/pids.events').read(), end='')\nos.kill(pid, 9)\nos.wait()\nprint(open('work/pids.current').read(), end='')\""
    )
    assert out.split() == ["2", "11", "2", "max", "1", "1"]


def test_settings_of_weights() -> None:
    """Weight and niceness are one setting; an idle group has none."""
    out = script(
        "cd /sys/fs/cgroup; mkdir main a; echo $$ > main/cgroup.procs; echo +cpu > cgroup.subtree_control; cd a;"
        " show() { echo $(cat cpu.weight cpu.weight.nice cpu.idle); }; show; echo 300 > cpu.weight; show; echo -7 > cpu.weight.nice; show;"
        " echo 1 > cpu.weight; show; echo 1 > cpu.idle; show; echo 5 > cpu.weight; echo 0 > cpu.idle; show; echo 10001 > cpu.weight;"
        " echo 20 > cpu.weight.nice; echo 2 > cpu.idle; true"
    )
    error = "bash: line 1: echo: write error: "
    assert out.splitlines() == [
        *("100 0 0", "300 -5 0", "479 -7 0", "1 19 0", "0 19 1"),
        f"{error}Invalid argument",
        "100 0 0",
        *[f"{error}Numerical result out of range"] * 2,
        f"{error}Invalid argument",
    ]


def test_weights_are_kept() -> None:
    """Two threads of a group against four of another, whose weight is a third: processors go to them three to one."""
    out = script(
        "cd /sys/fs/cgroup; mkdir main a b; echo $$ > main/cgroup.procs; echo +cpu > cgroup.subtree_control; echo 300 > a/cpu.weight;"
        ' for g in a b b b b a; do bash -c "echo 0 > $g/cgroup.procs; while :; do :; done" & done;'
        " used() { awk '/^usage/ {print $2}' $1/cpu.stat; }; until [ $(used a) -gt 200000 ]; do sleep 0.1; done; a=$(used a) b=$(used b);"
        " until [ $(used a) -gt $((a + 2000000)) ]; do sleep 0.1; done; echo $(($(used a) - a)) $(($(used b) - b)); kill $(jobs -p); wait"
    )
    a, b = map(int, out.splitlines()[0].split())
    assert 2.2 < a / b < 4, (a, b)


def test_the_top_cannot_be_changed_from_inside() -> None:
    """It shows what bounds the sandbox, and only that."""
    out = script(
        "cd /sys/fs/cgroup; cat memory.max pids.max; echo max > memory.max; echo max > pids.max; echo 1 > cgroup.freeze;"
        " cat /proc/self/cgroup; mkdir a; echo $$ > a/cgroup.procs; cat /proc/self/cgroup; unshare -C cat /proc/self/cgroup;"
        " unshare -C bash -c 'echo 1 > a/cgroup.freeze; echo $$ > cgroup.procs; true'",
        *("--memory", "300M", "--pids", "100", "--cap-add", "ALL"),
    )
    refused = "bash: line 1: echo: write error: Operation not permitted\n"
    assert out.startswith(f"314572800\n100\n{refused * 3}0::/\n0::/a\n0::/\n"), out
    assert "Operation not permitted" in out.splitlines()[-2] and "No such file" in out.splitlines()[-1], out


def test_somebody_to_whom_a_group_was_given() -> None:
    """He makes groups below it and moves his processes between them, but not in from elsewhere."""
    out = script(
        f"{MOVE} mkdir work/in; chown -R 1000 work; setpriv --reuid 1000 bash -c 'mkdir work/b; echo $$ > work/b/cgroup.procs'; sleep 1000 &"
        ' echo $! > work/in/cgroup.procs; setpriv --reuid 1000 bash -c "echo $! > work/b/cgroup.procs && cat /proc/$!/cgroup";'
        " stat -c %u work/b work/b/cgroup.procs; kill $!"
    )
    assert out.splitlines()[0].endswith("write error: Permission denied"), out
    assert out.splitlines()[1:4] == ["0::/work/b", "1000", "1000"], out


@needs_busybox
def test_a_container(bundle: Path) -> None:
    """Its configuration's mount, of either version, is its own group of the second."""
    mount = {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro", "nosuid"]}
    change(bundle, mounts=[{"destination": "/proc", "type": "proc", "source": "proc"}, mount])
    change(
        bundle,
        process__args=["/bin/sh", "-c", "cat /sys/fs/cgroup/memory.max /proc/self/cgroup; mkdir /sys/fs/cgroup/a"],
    )
    change(bundle, linux__resources={"memory": {"limit": 100 << 20}})
    done = runsc("--root", str(bundle / "state"), "run", "--bundle", str(bundle), "c")
    assert done.out == "104857600\n0::/\n" and "Read-only file system" in done.err, done


CPU = "cd /sys/fs/cgroup; mkdir main work; echo $$ > main/cgroup.procs; echo +cpu > cgroup.subtree_control; "
# Computes in a group, alone or with others, until it was held in six periods: what all of it has used by its own clocks, in parts
# of what it may use in the periods that have passed, and in those.
BURN = """
import os, resource, sys, threading, time
group, kind, quota = sys.argv[1], sys.argv[2], int(sys.argv[3])
open(group + '/cgroup.procs', 'w').write('0')
def stat():
    found = dict(line.split() for line in open('work/cpu.stat'))
    return int(found['nr_periods']), int(found['nr_throttled'])
def spent():
    of_children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (time.process_time() + of_children.ru_utime + of_children.ru_stime) * 1e6
begin, base = stat(), spent()
def burn():
    while stat()[1] < begin[1] + 6:
        for _ in range(300000): pass
child = os.fork() if kind == 'process' else -1
if not child: burn(), os._exit(0)
thread = threading.Thread(target=burn)
if kind == 'thread': thread.start()
burn()
if kind == 'thread': thread.join()
if child > 0: os.waitpid(child, 0)
end, used = stat(), spent() - base
print(used / (end[0] - begin[0] + 1) / quota, used / (end[1] - begin[1]) / quota)
"""


def test_a_bound_of_processor_time() -> None:
    """What computes without a call is held, too, with all its threads and children, and gets what it may."""
    out = script(
        f'{CPU} cat work/cpu.max; echo 10000 100000 > work/cpu.max; cat work/cpu.max; python3 -c "{BURN}" work alone 10000;'
        " cat work/cpu.stat; mkdir work/a; echo 20000 > work/cpu.max; "
        f'python3 -c "{BURN}" work/a process 20000; python3 -c "{BURN}" work/a thread 20000'
    )
    lines = out.splitlines()
    assert lines[:2] == ["max 100000", "10000 100000"], out
    stat = {name: int(value) for name, value in (line.split() for line in lines[3:11])}
    assert list(stat) == [
        "usage_usec", "user_usec", "system_usec", "nr_periods", "nr_throttled", "throttled_usec", "nr_bursts", "burst_usec",
    ]  # fmt: skip
    for line in (lines[2], lines[11], lines[12]):
        of_all, of_held = map(float, line.split())
        assert of_all < 1.25 and of_held > 0.75, out
    assert stat["usage_usec"] <= 10000 * (stat["nr_periods"] + 3) and 6 <= stat["nr_throttled"] <= stat["nr_periods"]
    assert stat["throttled_usec"] > 0 and (stat["nr_bursts"], stat["burst_usec"]) == (0, 0)


HELD = """
import ctypes, os, select, signal, time
open('work/cgroup.procs', 'w').write('0')
libc = ctypes.CDLL(None, use_errno=True)
def thread():
    global polled
    polled = libc.poll(None, 0, 700), ctypes.get_errno()
import threading
waits = threading.Thread(target=thread)
waits.start()
child = os.fork()
if not child:
    while True: pass
seen, begin = set(), time.monotonic()
while waits.is_alive():
    seen.add(os.waitpid(child, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)[0])
    time.sleep(0.01)
state = {open(f'/proc/{child}/stat').read().split()[2]}
os.kill(child, signal.SIGKILL)
print(polled, seen, state, os.waitpid(child, 0)[1])
"""


def test_nobody_sees_that_it_is_held() -> None:
    """A call that waits is not interrupted, a parent is told nothing; killing helps at once, and what it has used stays."""
    out = script(
        f'{CPU} echo 10000 50000 > work/cpu.max; python3 -c "{HELD}";'
        " echo max > work/cpu.max; echo 1000 1000000 > work/cpu.max; bash -c 'echo $BASHPID > work/cgroup.procs; while :; do :; done' & "
        " until grep -q 'nr_throttled [^0]' work/cpu.stat && kill -9 $!; do sleep 0.1; done; wait $! 2>/dev/null; echo $?;"
        " cat work/cgroup.procs; rmdir work; grep usage cpu.stat"
    )
    lines = out.splitlines()
    assert lines[0] == "(0, 0) {0} {'R'} 9" and lines[1] == "137" and int(lines[2].split()[1]) > 10000, out


THREADS = """
import hashlib, threading, time
open('cgroup.procs', 'w').write('0')
def stat(): return dict(line.split() for line in open('work/cpu.stat'))
used, ended = {}, []
def burn(name):
    if name: open(name + '/cgroup.threads', 'w').write(str(threading.get_native_id()))
    base = time.thread_time()
    while not ended and (not name or int(stat()['nr_throttled']) < 6): hashlib.pbkdf2_hmac('sha256', b'', b'', 5000)
    ended.append(name)
    used[name] = (time.thread_time() - base) * 1e6
threads = [threading.Thread(target=burn, args=(name,)) for name in ('work', '')]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(used['work'], used[''], stat()['usage_usec'], stat()['nr_periods'], open('work/cgroup.type').read())
"""


def test_one_thread_is_bounded() -> None:
    """cpu.max of a threaded group counts its thread alone, and holds it; another of the same process goes on."""
    out = script(
        "cd /sys/fs/cgroup; echo +cpu > cgroup.subtree_control; cat cgroup.type; mkdir work; cat work/cgroup.type;"
        f' echo threaded > work/cgroup.type; echo 10000 > work/cpu.max; python3 -c "{THREADS}"'
    )
    kind, child, rest = out.split("\n", 2)
    bounded, free, used, periods, threaded = rest.split()
    assert (kind, child, threaded) == ("domain threaded", "domain invalid", "threaded"), out
    assert float(bounded) < 10000 * (int(periods) + 3) and float(free) > float(bounded), out
    assert abs(int(used) - float(bounded)) < 0.2 * float(bounded), out


def test_values_of_the_bound_of_processor_time() -> None:
    """As cpu_max_write takes them."""
    tries = (
        "1000", "999", "20000 100000", "50000 1000001", "50000 999", "max 1000", "max", "x", "", "7000x", "30000 y", "+30000", "-1",
        "18446744073709551615",
    )  # fmt: skip
    put = "; ".join(f'echo "{text}" > work/cpu.max; echo $?; cat work/cpu.max' for text in tries)
    bursts = "; ".join(f"echo {text} > work/cpu.max.burst; echo $?" for text in ("10000", "30000", "30001", "-1", "x"))
    out = script(f"{CPU} exec 2>/dev/null; {put}; echo 30000 100000 > work/cpu.max; {bursts}; cat work/cpu.max.burst")
    lines = out.splitlines()
    assert list(zip(lines[0:28:2], lines[1:28:2], strict=True)) == [
        ("0", "1000 100000"), ("1", "1000 100000"), ("0", "20000 100000"), ("1", "20000 100000"), ("1", "20000 100000"),
        ("0", "max 1000"), ("0", "max 1000"), ("1", "max 1000"), ("1", "max 1000"), ("0", "7000 1000"), ("0", "30000 1000"),
        ("1", "30000 1000"), ("1", "30000 1000"), ("1", "30000 1000"),
    ]  # fmt: skip
    assert lines[28:] == ["0", "0", "1", "1", "1", "30000"], out
