"""What the OCI runtime specification asks of a runtime, sentence by sentence; each test names its section."""

from __future__ import annotations

import json
import os
import pwd
import socket
import subprocess
from pathlib import Path
from typing import Any, Iterator

import pytest

from tests.e2e.bundles import change, needs_busybox
from tests.e2e.conftest import BOUND_S, ROOT, command, runsc
from tests.e2e.containers import Shim

pytestmark = needs_busybox
BASE = [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["mode=1777", "size=64k"]},
]


@pytest.fixture
def shim(bundle: Path) -> Iterator[Shim]:
    shim = Shim(bundle)
    yield shim
    shim.close()


def run(bundle: Path, script: str, **parts: Any) -> str:
    """What a script in a container prints."""
    change(bundle, process__args=["/bin/sh", "-c", script], **parts)
    result = runsc("--root", str(bundle / "state"), "run", "--bundle", str(bundle), "c")
    assert result.status == 0, result
    return result.out


def refusal(bundle: Path, **parts: Any) -> str:
    """The one line with which `create` fails."""
    change(bundle, **parts)
    result = runsc("--root", str(bundle / "state"), "create", "--bundle", str(bundle), "c")
    assert result.status == 1, result
    return result.err


def test_mounts_are_made_in_order_as_they_are_named(bundle: Path) -> None:
    """config.md, mounts: in the listed order; their type and source are seen by who looks at /proc/self/mountinfo."""
    out = run(
        bundle, "cat /proc/self/mountinfo", mounts=[*BASE, {"destination": "/mnt", "type": "tmpfs", "source": "a"}]
    )
    found = []
    for line in out.splitlines():
        before, _, after = line.partition(" - ")
        found.append((before.split()[4], *after.split()[:3]))
    assert found[1:] == [
        ("/proc", "proc", "proc", "rw"),
        ("/dev", "tmpfs", "tmpfs", "rw,size=65536k,mode=755"),
        ("/dev/shm", "tmpfs", "shm", "rw,size=64k"),
        ("/mnt", "tmpfs", "a", "rw"),
    ]


def test_a_relative_destination_begins_at_the_root(bundle: Path) -> None:
    """config.md, mounts: a relative destination MUST be interpreted as relative to "/"."""
    mounts = [*BASE, {"destination": "a/b", "type": "tmpfs", "source": "tmpfs"}]
    assert run(bundle, "cd /home 2>/dev/null; grep -c ' /a/b tmpfs' /proc/mounts", mounts=mounts) == "1\n"


def test_mount_options(bundle: Path) -> None:
    """config.md, Linux mount options: the options that a runtime MUST or SHOULD know."""
    rows: list[tuple[list[str], str]] = [
        (["rw", "noatime", "nodiratime", "nosymfollow"], "rw,noatime,nodiratime,nosymfollow"),
        (["strictatime", "nosuid", "nodev", "noexec"], "rw,nosuid,nodev,noexec"),
        (
            ["norelatime", "sync", "dirsync", "mand", "lazytime", "silent", "iversion"],
            "rw,sync,dirsync,mand,lazytime,relatime",
        ),
        (["async", "nomand", "nolazytime", "loud", "noiversion", "defaults", "nosuid", "suid"], "rw,relatime"),
        (["rro", "rnosuid", "rnodev", "rnoexec", "rnoatime"], "ro,nosuid,nodev,noexec,noatime"),
        (["rnodiratime", "rdiratime", "rrelatime", "rsuid", "rdev", "rexec", "rrw"], "rw,relatime"),
    ]
    mounts = [
        {"destination": f"/m{n}", "type": "tmpfs", "source": "t", "options": row[0]} for n, row in enumerate(rows)
    ]
    out = run(bundle, "grep -o '^t /m.*' /proc/mounts", mounts=[*BASE, *mounts])
    assert [line.split()[3] for line in out.splitlines()] == [row[1] for row in rows]


def test_a_tmpfs_may_begin_with_what_lies_below(bundle: Path) -> None:
    """config.md, Linux mount options: tmpcopyup."""
    below = bundle / "rootfs" / "data"
    (below / "sub").mkdir(parents=True)
    (below / "sub" / "file").write_text("x" * 3_000_000)
    (below / "link").symlink_to("sub/file")
    os.chmod(below / "sub" / "file", 0o640)
    os.chmod(below, 0o711)
    mounts: list[Any] = [*BASE, {"destination": "/data", "type": "tmpfs", "source": "t", "options": ["tmpcopyup"]}]
    script = "stat -c '%a %F' /data; stat -c '%a %s' /data/sub/file; wc -c < /data/link; rm -r /data/*; ls /data"
    assert run(bundle, script, mounts=mounts) == "711 directory\n640 3000000\n3000000\n"
    assert (below / "sub" / "file").stat().st_size == 3_000_000
    mounts[-1]["options"] += ["size=1m"]
    assert "mount /data: No space left on device" in refusal(bundle, mounts=mounts)


@pytest.mark.parametrize(
    ("kind", "shown"), [("shared", "shared:"), ("rshared", "shared:"), ("unbindable", "unbindable"), ("private", "- ")]
)
def test_propagation_of_the_root(bundle: Path, kind: str, shown: str) -> None:
    """config-linux.md, Rootfs Mount Propagation; and of one mount: config.md, Linux mount options."""
    mounts = [*BASE, {"destination": "/mnt", "type": "tmpfs", "source": "t", "options": [kind]}]
    script = "grep -e ' / / ' -e ' /mnt ' -e ' /proc ' /proc/self/mountinfo"
    out = run(bundle, script, mounts=mounts, linux__rootfsPropagation=kind)
    fields = {line.split()[4]: line.split(" ", 6)[6] for line in out.splitlines()}
    assert fields["/"].startswith(shown) and fields["/mnt"].startswith(shown)
    assert fields["/proc"].startswith("shared:") == (kind == "rshared")


def test_a_container_that_is_created_is_not_deleted(shim: Shim) -> None:
    """runtime.md, Delete: a container that is not stopped MUST NOT be touched, and MUST generate an error."""
    pid = shim.create("c", "/bin/true")
    assert shim.call("delete", "c").status == 1
    assert shim.last_error() == "cannot delete container c that is not stopped: created"
    assert shim.status("c") == "created"
    assert shim.call("kill", "c", "0").status == 0  # kill(2): there is somebody
    assert shim.call("kill", "c", "KILL").status == 0
    assert shim.reap(pid) == 137
    assert shim.call("kill", "c", "0").status == 1 and shim.last_error() == "container not running"
    assert shim.call("delete", "c").status == 0


def test_a_namespace_of_another_type(bundle: Path) -> None:
    """config-linux.md, Namespaces: an error if the path is no namespace of that type."""
    namespaces = [{"type": "network", "path": "/proc/self/ns/pid"}, {"type": "mount"}, {"type": "uts"}]
    line = refusal(bundle, linux__namespaces=namespaces)
    assert "linux.namespaces[0].path: /proc/self/ns/pid: not a network namespace" in line


def test_what_runc_adds_to_the_state(shim: Shim) -> None:
    """`rootfs`, cleaned, and `owner`, which programs read."""
    shim.create("c", "/bin/true", root__path="./rootfs/.")
    state = json.loads(shim.call("state", "c").out)
    assert state["rootfs"] == str(shim.bundle / "rootfs")
    assert state["owner"] == pwd.getpwuid(os.getuid()).pw_name


def test_default_devices(bundle: Path) -> None:
    """config-linux.md, Default Devices: the runtime MUST supply them, whatever is mounted; Dev symbolic links likewise
    (runtime-linux.md)."""
    script = "cd /dev; stat -c '%n %t:%T' null zero full random urandom tty; for n in fd stdin stdout stderr ptmx; do readlink $n; done; [ -e kmsg ] || echo no log"
    nodes = ["null 1:3", "zero 1:5", "full 1:7", "random 1:8", "urandom 1:9", "tty 5:0"]
    links = ["/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2", "pts/ptmx"]
    assert run(bundle, script, mounts=BASE[:1]).splitlines() == [*nodes, *links, "no log"]


def test_sysctl(bundle: Path) -> None:
    """config-linux.md, Sysctl: kernel parameters that are modified at runtime."""
    settings = {"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1", "kernel.domainname": "example"}
    script = "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/all/forwarding; echo 0 > /proc/sys/net/ipv4/ip_forward"
    script += "; cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding /proc/sys/kernel/domainname"
    out = run(bundle, script, linux__sysctl=settings, linux__readonlyPaths=[])
    assert out.split() == ["1", "1", "0", "1", "example"]
    line = refusal(bundle, linux__sysctl={"net.ipv4.ip_forward": "yes"})
    assert "linux.sysctl.net.ipv4.ip_forward: cannot be set to 'yes'" in line


def test_a_capability_of_exec_is_not_inherited_by_files(shim: Shim) -> None:
    """capabilities(7): what root is given beside its own has no need to be inheritable; another user has it in the
    bounding set only, as with runc."""
    shim.start("c", "/bin/sh", "-c", "echo ready; read x < /dev/zero", process__capabilities={})
    words = ["/bin/sh", "-c", "grep Cap /proc/self/status | cut -f2"]
    zero, sys_time = "0" * 16, f"{1 << 25:016x}"
    root = shim.call("exec", "--cap", "CAP_SYS_TIME", "c", *words).out.split()
    assert root == [zero, sys_time, sys_time, sys_time, zero]
    other = shim.call("exec", "--cap", "CAP_SYS_TIME", "--user", "7:7", "c", *words).out.split()
    assert other == [zero, zero, zero, sys_time, zero]


def test_home_is_what_passwd_says(bundle: Path) -> None:
    """As runc has it: for who is given none, or an empty one; a number that nobody has is at home in /."""
    (bundle / "rootfs" / "etc").mkdir()
    (bundle / "rootfs" / "etc" / "passwd").write_text(
        "broken\nroot:x:0:0::/root:/bin/sh\nuser:x:7:7::/home/user:/bin/sh\n"
    )
    script = "tr '\\0' '\\n' </proc/self/environ | grep HOME"
    assert run(bundle, script, process__env=["PATH=/bin"]) == "HOME=/root\n"
    assert run(bundle, script, process__env=["HOME=", "PATH=/bin"]) == "HOME=/root\n"
    assert run(bundle, script, process__env=["HOME=/own", "PATH=/bin"]) == "HOME=/own\n"
    assert run(bundle, script, process__env=["PATH=/bin"], process__user={"uid": 7, "gid": 7}) == "HOME=/home/user\n"
    assert run(bundle, script, process__user={"uid": 8, "gid": 8}) == "HOME=/\n"
    (bundle / "rootfs" / "etc" / "passwd").unlink()
    os.mkfifo(bundle / "rootfs" / "etc" / "passwd")
    assert run(bundle, script) == "HOME=/\n"


def test_a_missing_working_directory_is_made(bundle: Path, tmp_path: Path) -> None:
    """As runc does, also where the root is read-only afterwards; not in a volume that is."""
    volume = tmp_path / "volume"
    volume.mkdir()
    bind = {"destination": "/v", "type": "bind", "source": str(volume), "options": ["bind", "ro"]}
    assert run(bundle, "pwd; touch x || true", process__cwd="/new/one", root__readonly=True) == "/new/one\n"
    assert (bundle / "rootfs" / "new" / "one").is_dir()
    change(bundle, process__cwd="/v/new/one", mounts=[*BASE, bind])
    result = runsc("--root", str(bundle / "state"), "run", "--bundle", str(bundle), "c")
    assert (
        result.status == 1
        and 'chdir to cwd ("/v/new/one") set in config.json failed: no such file or directory' in result.err
    ), result
    assert list(volume.iterdir()) == []


HOST_MOUNTS = """
v=$1; shift; cd "$v"
mount --make-rshared / || exit 9
for d in p one s; do mount -t tmpfs none $d/early && echo > $d/early/inner || exit 9; done
"$@" & while ! [ -e c/up ]; do :; done
for d in p one s; do mount -t tmpfs none $d/late && echo > $d/late/later; done
umount p/late p/early && echo "not held"
echo > c/go; wait $!
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts in a namespace of its own")
def test_a_private_bind_mount_is_as_it_was(bundle: Path, tmp_path: Path) -> None:
    """With rprivate what the host mounts later is not seen, and what it unmounts is not held; with bind and private there
    is nothing of what is mounted below; with rslave the host's later mounts are seen."""
    for path in ("p/early", "p/late", "one/early", "one/late", "s/early", "s/late", "c"):
        (tmp_path / path).mkdir(parents=True)
    options = {"p": ["rbind", "rprivate"], "one": ["bind", "private"], "s": ["rbind", "rslave"], "c": ["bind"]}
    binds = [
        {"destination": f"/{name}", "type": "bind", "source": str(tmp_path / name), "options": words}
        for name, words in options.items()
    ]
    script = (
        "echo > /c/up; while ! [ -e /c/go ]; do :; done; ls -A /p/early /p/late /one/early /one/late /s/early /s/late"
    )
    change(bundle, process__args=["/bin/sh", "-c", script], mounts=[*BASE, *binds])
    words = command("--root", str(bundle / "state"), "run", "--bundle", str(bundle), "c")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", HOST_MOUNTS, "sh", str(tmp_path), *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=BOUND_S,
    )  # fmt: skip
    assert done.returncode == 0, done
    assert done.stdout == (
        "not held\n/one/early:\n\n/one/late:\n\n/p/early:\ninner\n\n/p/late:\n\n/s/early:\ninner\n\n/s/late:\nlater\n"
    )


def test_the_personality_is_every_process_s(bundle: Path, shim: Shim) -> None:
    """config-linux.md, Personality: the domain is that of the process, and of those that exec starts."""
    shim.start("c", "/bin/sh", "-c", "uname -m; exec sleep 100", linux__personality={"domain": "LINUX32"})
    shim.says("c", "i686")
    done = shim.call("exec", "c", "/bin/sh", "-c", "uname -m; cat /proc/1/personality")
    assert done.out == "i686\n00000008\n", done


def test_a_proc_hides_what_its_options_say(bundle: Path) -> None:
    """mounts[].options: what mount(8) lists for the file system."""
    proc = {"destination": "/proc", "type": "proc", "source": "proc", "options": ["hidepid=2", "gid=7", "subset=pid"]}
    script = "grep ' /proc ' /proc/self/mounts; ls /proc | grep -v '[1-9]'; ls -d /proc/version"
    out = run(bundle, f"{script} || echo hidden", mounts=[proc, *BASE[1:]])
    assert out == "proc /proc proc rw,relatime,gid=7,hidepid=invisible,subset=pid 0 0\nself\nthread-self\nhidden\n"


def test_dev_has_what_is_mounted_there(bundle: Path) -> None:
    """config-linux.md, Default Devices: nodes and links; of directories only mount points (Docker's --ipc=none has no shm)."""
    assert run(bundle, "ls -d /dev/shm /dev/mqueue || ls /dev/null", mounts=BASE[:2]).endswith("/dev/null\n")
    assert run(bundle, "stat -c %a /dev/shm; ls -d /dev/mqueue || true", mounts=BASE) == "1777\n"


def test_how_a_process_is_scheduled(shim: Shim) -> None:
    """Also processes of `exec`, whose processors execCPUAffinity names."""
    scheduler = {"policy": "SCHED_BATCH", "nice": 7, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}
    io = {"class": "IOPRIO_CLASS_BE", "priority": 6}
    last = max(os.sched_getaffinity(0))
    show = "echo $(cut -d ' ' -f 19,41 /proc/$$/stat) $(ionice -p $$) $(grep Cpus_allowed_list /proc/$$/status)"
    parts = {
        "process__scheduler": scheduler,
        "process__ioPriority": io,
        "process__execCPUAffinity": {"final": str(last)},
    }
    shim.start("c", "sh", "-c", f"{show}; exec sleep 1000", **parts)
    result = shim.call("exec", "c", "sh", "-c", show)
    assert result.out == f"7 3 best-effort: prio 6 Cpus_allowed_list: {len(os.sched_getaffinity(0)) - 1}\n", result
    shim.says("c", "7 3 best-effort: prio 6")


def test_time_offsets(bundle: Path) -> None:
    """Of a time namespace that the container has; processes of `exec` are in it, too."""
    offsets = {"monotonic": {"secs": 1_000_000}, "boottime": {"secs": 2_000_000, "nanosecs": 5}}
    spaces = [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "network", "time")]
    script = "cat /proc/self/timens_offsets; [ $(cut -d . -f 1 /proc/uptime) -ge 2000000 ] && echo up"
    out = run(bundle, script, linux__timeOffsets=offsets, linux__namespaces=spaces)
    assert out.split() == ["monotonic", "1000000", "0", "boottime", "2000000", "5", "up"]
    assert "no time namespace" in refusal(bundle, linux__namespaces=spaces[:-1])
    offsets["monotonic"]["secs"] = -1 << 40
    assert "Numerical result out of range" in refusal(bundle, linux__namespaces=spaces, linux__timeOffsets=offsets)


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("scheduler", {"policy": "SCHED_DEADLINE"}, "unknown or unsupported policy"),
        ("scheduler", {"policy": "SCHED_OTHER", "priority": 3}, "process.scheduler.priority"),
        ("scheduler", {"policy": "SCHED_OTHER", "runtime": 3}, "for SCHED_DEADLINE only"),
        ("scheduler", {"policy": "SCHED_OTHER", "flags": ["X"]}, "process.scheduler.flags"),
        ("ioPriority", {"class": "X"}, "unknown class"),
        ("execCPUAffinity", {"final": "2-1"}, "no list of processors"),
    ],
)
def test_scheduling_that_there_is_not(bundle: Path, part: str, value: object, words: str) -> None:
    assert words in refusal(bundle, **{f"process__{part}": value})


def test_a_pidfd_is_handed_over(shim: Shim, tmp_path: Path) -> None:
    """runc 1.2: --pidfd-socket."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        change(shim.bundle, process__args=["/bin/sh", "-c", "exec sleep 1000"])
        flags = ("--pidfd-socket", str(path), "--pid-file", str(tmp_path / "pid"))
        silent(shim, "run", "--detach", *flags, "--bundle", str(shim.bundle), "c")
        assert taken(server) == (b"standard", int((tmp_path / "pid").read_text()))
        silent(shim, "exec", "--detach", *flags, "c", "sleep", "1000")
        assert taken(server) == (b"setns", int((tmp_path / "pid").read_text()))
    assert "--pidfd-socket" in shim.call("exec", *flags, "c", "true").err


def silent(shim: Shim, *words: str) -> None:
    """A command whose streams a process inside has."""
    argv = command("--root", str(shim.root), *words)
    null = subprocess.DEVNULL
    subprocess.run(argv, stdin=null, stdout=null, stderr=null, cwd=ROOT, timeout=BOUND_S, check=True)


def taken(server: socket.socket) -> tuple[bytes, int]:
    """What came beside a pidfd, and whose it is."""
    peer = server.accept()[0]
    with peer:
        text, fds, _, _ = socket.recv_fds(peer, 64, 1)
    try:
        lines = Path(f"/proc/self/fdinfo/{fds[0]}").read_text().splitlines()
    finally:
        os.close(fds[0])
    return text, int(next(line for line in lines if line.startswith("Pid:")).split()[1])
