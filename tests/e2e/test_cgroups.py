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


def test_a_bound_of_tasks() -> None:
    out = script(
        f"{MOVE} echo 2 > work/pids.max; cat work/pids.max; python3 -c \"\nimport os\nopen('work/cgroup.procs', 'w').write('0')\n"
        "pid = os.fork()\nif not pid: os.read(os.pipe()[0], 1)\ntry: os.fork()\nexcept OSError as error: print(error.errno)\n"
        "print(open('work/pids.current').read(), open('work/pids.events').read(), end='')\nos.kill(pid, 9)\nos.wait()\nprint(open('work/pids.current').read(), end='')\""
    )
    assert out.split() == ["2", "11", "2", "max", "1", "1"]


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
