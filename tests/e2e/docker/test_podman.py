"""podman, as root and as an ordinary user, with everything it keeps in a directory of the test's. docs/podman.md is run
word for word."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterator

import pytest

from tests.e2e.conftest import BOUND_S, ROOT, command
from tests.e2e.docker.engines import blocks_of, need_engines

pytestmark = pytest.mark.slow
IN_A_MOUNT_NAMESPACE = """
mount --make-rprivate / && mount -t tmpfs none /usr/local/bin && cp "$1" /usr/local/bin/runsc && eval "$2"
"""


def blocks(language: str) -> list[str]:
    return blocks_of("podman.md", language)


class Podman:
    """Shell scripts in a mount namespace where /usr/local/bin holds runsc and nothing else."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.runsc = directory / "runsc.sh"
        words = " ".join(f"'{word}'" for word in command())
        self.runsc.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {words} "$@"\n')
        self.runsc.chmod(0o755)
        settings = blocks("toml")[0].replace(
            "[engine]\n", f'[engine]\nevents_logger = "file"\ntmp_dir = "{directory}/tmp"\n'
        )
        (directory / "containers.conf").write_text(settings)
        storage = f'[storage]\ndriver = "vfs"\ngraphroot = "{directory}/root"\nrunroot = "{directory}/run"\n'
        (directory / "storage.conf").write_text(storage)

    def shell(self, script: str, status: int = 0) -> str:
        environment = {
            **os.environ,
            "CONTAINERS_CONF": str(self.directory / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.directory / "storage.conf"),
        }
        done = subprocess.run(
            ["unshare", "-m", "sh", "-e", "-c", IN_A_MOUNT_NAMESPACE, "sh", str(self.runsc), script],
            cwd=self.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=4 * BOUND_S,
        )
        assert done.returncode == status, done
        return done.stdout


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    need_engines({"podman": "podman"})
    podman = Podman(Path(tempfile.mkdtemp(prefix="sbp")))
    try:
        yield podman
    finally:
        podman.shell("podman rm --all --force --time 0")
        shutil.rmtree(podman.directory, ignore_errors=True)


def test_the_quick_start(podman: Podman) -> None:
    out = podman.shell(blocks("sh")[0]).splitlines()
    assert "6.6.0" in out and any("sleep 1000" in line for line in out), out
    assert podman.shell("podman ps --all --quiet") == ""


def test_flags_and_status(podman: Podman, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("in\n")
    tmp_path.chmod(0o755)
    run = f"podman run --rm --network none -e A=b -w /bin -u 7:8 -v {tmp_path}:/v --memory 64m --read-only --read-only-tmpfs=false busybox"
    script = "echo $A; pwd; id -u; id -g; cat /v/in; touch /x || echo ro; head -1 /proc/meminfo; exit 7"
    out = podman.shell(f"{run} sh -c '{script}'", 7)
    assert out.split() == ["b", "/bin", "7", "8", "in", "ro", "MemTotal:", "65536", "kB"]


def test_a_life(podman: Podman) -> None:
    podman.shell(
        "podman run -d --name box --network none busybox "
        "sh -c 'trap \"exit 5\" TERM; echo up; while :; do sleep 1000 & wait; done'"
    )
    assert podman.shell("podman exec box sh -c 'echo inside; exit 4'", 4) == "inside\n"
    podman.shell("podman pause box && podman unpause box && podman stop box")
    assert podman.shell("podman inspect --format '{{.State.ExitCode}}' box") == "5\n"
    assert podman.shell("podman logs box") == "up\n"
    podman.shell("podman rm box")


def test_overlays_and_volumes(podman: Podman, tmp_path: Path) -> None:
    """`:O` and images as volumes are overlays of the host's, in a sandbox of its own and in another one's; `copy` is podman's word."""
    (tmp_path / "word").write_text("below\n")
    out = podman.shell(f"""trap 'podman rm -fa -t 0 >/dev/null; podman volume prune -f >/dev/null' EXIT
podman run -d --name first --network none -v {tmp_path}:/v:O busybox sh -c 'echo above > /v/word; exec sleep 1000' >/dev/null
podman exec first cat /v/word
podman run --rm --network container:first -v {tmp_path}:/v:O busybox sh -c 'cat /v/word; echo new > /v/new; cat /v/new'
podman run --rm --network none --mount type=image,src=busybox,dst=/i busybox sh -c 'ls /i/bin/sh; touch /i/x || echo ro'
podman run --rm --network none --mount type=image,src=busybox,dst=/i,rw=true busybox sh -c 'echo own > /i/x; cat /i/x'
podman run --rm --network none -v filled:/bin2:copy -v empty:/e:nocopy busybox sh -c 'ls -d /bin2 /e'
""").split()
    assert out == ["above", "below", "new", "/i/bin/sh", "ro", "own", "/bin2", "/e"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["word"] and (tmp_path / "word").read_text() == "below\n"


def test_what_file_systems_look_like(podman: Podman, tmp_path: Path) -> None:
    """Volumes have the host's kind and source; a tmpfs has half of the memory where nothing is said."""
    script = 'cut -d\\  -f1-3 /proc/mounts | grep -E "$1"; df -Pk /dev/shm /x | awk "{print \\$2}"; stat -f /dev/shm | grep -o tmpfs'
    out = podman.shell(f"""podman run --rm --network none --shm-size 1m --tmpfs /x --memory 64m -v {tmp_path}:/v:O \
busybox sh -c '{script}' sh ' (/v|/dev/shm|/x) '""").split()
    assert sorted(out[:9]) == sorted("shm /dev/shm tmpfs overlay /v overlay tmpfs /x tmpfs".split()), out
    assert out[9:] == ["1024-blocks", "1024", "32768", "tmpfs"]
    out = podman.shell(
        f"podman run --rm --network none -v {tmp_path}:/v busybox sh -c 'grep -E \"/v |/etc/hosts |shm\" /proc/self/mountinfo'"
    )
    roots = {line.split()[4]: line.split()[3] for line in out.splitlines()}
    assert str(tmp_path).endswith(roots["/v"]) and roots["/etc/hosts"].endswith("/userdata/hosts"), out
    assert roots["/dev/shm"] == "/", out


def test_files_to_a_tmpfs_are_refused(podman: Podman) -> None:
    """It is the sandbox's memory, where podman does not come: they are not put below it."""
    out = podman.shell("""trap 'podman rm -fa -t 0 >/dev/null' EXIT
podman run -d --name box --network none --tmpfs /t busybox sleep 1000 >/dev/null
echo word > word; podman cp word box:/word; podman exec box cat /word
podman cp word box:/t/word 2>&1 | grep -o 'read-only file system$'
podman exec box touch /t/own; podman cp box:/t/own . 2>&1 | grep -o 'could not be found'
""")
    assert out.splitlines() == ["word", "read-only file system", "could not be found"]


def test_a_pod_without_an_infra_container(podman: Podman) -> None:
    """Each of its containers has a sandbox of its own."""
    out = podman.shell("""trap 'podman pod rm -fa -t 0 >/dev/null' EXIT
podman pod create --name bare --infra=false >/dev/null
podman run -d --pod bare --network none --name a busybox sleep 1000 >/dev/null
podman run --rm --pod bare --network none --hostname other busybox hostname
podman pod pause bare >/dev/null; podman pod unpause bare >/dev/null
podman exec a echo goes on
""")
    assert out.splitlines() == ["other", "goes on"]


def test_a_pod_is_paused(podman: Podman) -> None:
    """The others go on when the infra container is paused alone; a paused pod can be removed. Files come into volumes of theirs."""
    out = podman.shell("""trap 'podman pod rm -fa -t 0 >/dev/null; podman volume prune -f >/dev/null' EXIT
podman pod create --name p --network none --infra-image busybox --infra-command 'sleep 1000' >/dev/null
podman run -d --pod p --name a -v kept:/kept/here busybox sleep 1000 >/dev/null
echo word > word; podman cp word a:/kept/here/word; podman exec a cat /kept/here/word
podman pause "$(podman pod inspect -f '{{.InfraContainerID}}' p)" >/dev/null
podman exec a echo goes on
podman pause a >/dev/null
podman pod ps --format '{{.Status}}'
podman pod unpause p >/dev/null
podman exec a echo again
podman pod pause p >/dev/null
podman pod rm -f -t 0 p >/dev/null
podman ps -aq
""")
    assert out == "word\ngoes on\nPaused\nagain\n"


@pytest.mark.skipif(shutil.which("criu") is None, reason="podman wants a criu, whatever the runtime does")
def test_checkpoint_and_files(podman: Podman) -> None:
    """Into a running container and out of it, before a checkpoint and after it."""
    podman.shell(
        "podman run -d --name box --network none busybox sh -c 'while ! [ -e /end ]; do sleep 0.1; done; exit 6' >/dev/null"
    )
    podman.shell("echo given > given; podman cp given box:/given; podman container checkpoint box >/dev/null")
    assert podman.shell("podman inspect --format '{{.State.Status}}' box") == "exited\n"
    podman.shell("podman container restore box >/dev/null; podman cp box:/given taken; podman cp given box:/end")
    assert (podman.directory / "taken").read_text() == "given\n"
    assert podman.shell("podman wait box; podman rm box >/dev/null") == "6\n"


def test_user_namespaces(podman: Podman) -> None:
    """Ids are mapped, also in files that podman puts in, and who joins the container's network and user namespace has them, too.
    What podman's own cleanup has mounted meanwhile its `rm` finds busy now and then, with runc as well: it is asked again."""
    maps = "--uidmap 0:100000:1000 --gidmap 0:200000:1000"
    out = podman.shell(f"""podman run -d --name mapped --network none {maps} busybox sleep 1000 >/dev/null
podman exec mapped sh -c 'id -u; cat /proc/self/uid_map /proc/self/gid_map; touch /x; stat -c %u:%g /x /bin/busybox'
podman exec -u 5 mapped id -u
podman run --rm --network container:mapped --userns container:mapped busybox cat /proc/self/uid_map
podman rm -f -t 0 mapped >/dev/null || podman rm -f -t 0 mapped >/dev/null
""").split()
    assert out == [*"0 0 100000 1000 0 200000 1000 0:0 0:0 5".split(), "0", "100000", "1000"]


def test_for_an_init_system(podman: Podman) -> None:
    """`--systemd=always`: what systemd wants to find, and control groups that it may make."""
    script = 'mount | grep -cE " on (/run|/run/lock|/tmp|/var/log/journal) type tmpfs"; mkdir /sys/fs/cgroup/x && ls /sys/fs/cgroup/x | grep -c cgroup.procs'
    assert podman.shell(f"podman run --rm --network none --systemd=always busybox sh -c '{script}'").split() == [
        "4",
        "1",
    ]


def test_a_pod(podman: Podman) -> None:
    """Its containers are in the infra container's sandbox: one loopback, one name."""
    create = "podman pod create --name pod --network none --infra-image busybox --infra-command 'sleep 1000' >/dev/null"
    serve = "podman run -d --pod pod --name server busybox sh -c 'exec httpd -f -p 99 -h /etc' >/dev/null"
    ask = "podman run --rm --pod pod busybox sh -c 'while ! wget -qO- http://127.0.0.1:99/hostname 2>/dev/null; do :; done | wc -l; hostname'"
    try:
        out = podman.shell(f"mkdir -p etc; {create}; {serve}; {ask}; podman exec server echo inside").split()
        assert out[1:] == ["pod", "inside"], out
        podman.shell(
            "podman pod stop --time 0 pod >/dev/null; podman pod start pod >/dev/null; podman exec server true"
        )
    finally:
        podman.shell(
            "podman pod rm --force --time 0 pod >/dev/null || podman rm --all --force --time 0"
        )  # it may not get its own groups removed
    assert podman.shell("podman ps --all --quiet") == ""


USER, NUMBER, FIRST = "stackbox", 23456, 2_000_000
# A user who is there for whoever is in this mount namespace only, and devices and terminals as a fresh host has them.
AS_A_USER = """
mount --make-rprivate / && cd "$1" && mkdir dev && mount -t tmpfs none dev
for f in passwd group subuid subgid; do [ ! -e /etc/$f ] || cat /etc/$f > $f.new; done
echo "$2:x:$3:$3::$1:/bin/sh" >> passwd.new; echo "$2:x:$3:" >> group.new
echo "$2:$4:65536" >> subuid.new; echo "$2:$4:65536" >> subgid.new
for f in passwd group subuid subgid; do mount --bind $f.new /etc/$f; done
for d in null:3 zero:5; do mknod -m 666 dev/${d%:*} c 1 ${d#*:} && mount --bind dev/${d%:*} /dev/${d%:*}; done
[ ! -e /dev/net/tun ] || { mknod -m 666 dev/tun c 10 200; mount --bind dev/tun /dev/net/tun; }
mount -t devpts -o newinstance,mode=620,ptmxmode=666 devpts /dev/pts && mount --bind /dev/pts/ptmx /dev/ptmx
cd home && exec setpriv --reuid "$3" --regid "$3" --clear-groups sh -e -c "$5"
"""


class Rootless(Podman):
    """The same for a user with subordinate ids, of whom the machine knows nothing."""

    def __init__(self, directory: Path) -> None:
        directory.chmod(0o755)
        self.directory = directory
        python = sys.executable if is_everybodys(Path(sys.executable)) else "/usr/bin/python3"
        for name in ("runsc", "sandbox", "tcpip"):
            shutil.copytree(ROOT / name, directory / "tree" / name, ignore=shutil.ignore_patterns("__pycache__"))
        (directory / "runsc").write_text(
            f'#!/bin/sh\nPYTHONDONTWRITEBYTECODE=1 PYTHONPATH={directory}/tree exec {python} -m runsc "$@"\n'
        )
        (directory / "runsc").chmod(0o755)
        configuration = directory / "home" / ".config" / "containers"
        configuration.mkdir(parents=True)
        settings = blocks("toml")[0].replace("[engine]\n", '[engine]\nevents_logger = "file"\n')
        (configuration / "containers.conf").write_text(settings.replace("/usr/local/bin", str(directory)))
        (configuration / "storage.conf").write_text('[storage]\ndriver = "vfs"\n')
        (directory / "run").mkdir(mode=0o700)
        for path in (directory / "run", *(directory / "home").rglob("*"), directory / "home"):
            os.chown(path, NUMBER, NUMBER)

    def shell(self, script: str, status: int = 0) -> str:
        environment = {
            "HOME": f"{self.directory}/home",
            "XDG_RUNTIME_DIR": f"{self.directory}/run",
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
        }
        words = [str(self.directory), USER, str(NUMBER), str(FIRST), script]
        shutil.rmtree(self.directory / "dev", ignore_errors=True)
        done = subprocess.run(
            ["unshare", "-m", "sh", "-e", "-c", AS_A_USER, "sh", *words],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=4 * BOUND_S,
        )  # fmt: skip
        assert done.returncode == status, done
        return done.stdout


def is_everybodys(path: Path) -> bool:
    """Others may execute it where it really is."""
    real = path.resolve()
    return all(parent.stat().st_mode & 1 for parent in (real, *real.parents))


def test_an_ordinary_user(tmp_path: Path) -> None:
    """Numbers inside are the user's and the subordinate ones outside; root of the user's namespace is all that it needs."""
    need_engines({"podman": "podman", "newuidmap": "uidmap"})
    directory = Path(tempfile.mkdtemp(prefix="sbu"))
    podman = Rootless(directory)
    try:
        image = re.search(r"^mkdir.*?podman import - busybox$", blocks("sh")[0], re.MULTILINE | re.DOTALL)
        assert image is not None
        script = f"""{image[0]} >/dev/null
mkdir v; echo in > v/in
podman run --rm --network none -v $PWD/v:/v busybox sh -c 'id -u; uname -r; echo out > /v/out; chown 5 /v/out; cat /v/in'
stat -c %u v/out
podman run --rm --network none -u 7:8 -t busybox sh -c 'id -u; tty'
podman run -d --name box --network none busybox sh -c 'trap "exit 5" TERM; echo up; while :; do sleep 1000 & wait; done' >/dev/null
podman exec box echo inside
podman logs box
podman stop box >/dev/null
podman inspect --format '{{{{.State.ExitCode}}}}' box
podman rm box >/dev/null
podman run --rm --network none --userns keep-id -v $PWD/v:/v busybox sh -c 'id -u; cat /proc/self/uid_map; touch /v/kept'
stat -c %u v/kept
ls {directory}/run/runsc
"""
        out = podman.shell(script).split()
        assert out[:9] == ["0", "6.6.0", "in", str(FIRST + 4), "7", "/dev/pts/0", "inside", "up", "5"]
        me = str(NUMBER)
        rest = str(65536 - NUMBER)
        assert out[9:] == [me, "0", "1", me, me, "0", "1", str(NUMBER + 1), str(NUMBER + 1), rest, me]
    finally:
        podman.shell("podman rm --all --force --time 0; podman unshare rm -rf .local; podman system migrate; :")
        shutil.rmtree(directory, ignore_errors=True)


KUBE = """
apiVersion: v1
kind: Pod
metadata: {name: two}
spec:
  hostname: both
  restartPolicy: Never
  containers:
  - {name: server, image: localhost/busybox, command: [/bin/httpd, -f, -p, "99", -h, /etc]}
  - name: client
    image: localhost/busybox
    command: [/bin/sh, -c, "while ! wget -qO- http://127.0.0.1:99/hostname 2>/dev/null; do :; done >/got; exec sleep 1000"]
"""


def test_networks_and_pods_of_an_ordinary_user() -> None:
    """Ports that are published, of a container and of a pod, and a pod from a file: what comes in goes through the user's own processes."""
    need_engines({"podman": "podman", "newuidmap": "uidmap", "slirp4netns": "slirp4netns"})
    directory = Path(tempfile.mkdtemp(prefix="sbu"))
    podman = Rootless(directory)
    ask = (
        "n=0; until wget -T 3 -t 1 -qO- http://127.0.0.1:{port}/hostname || [ $n = 50 ]; do n=$((n+1)); sleep 0.1; done"
    )
    try:
        (directory / "home" / "pod.yaml").write_text(KUBE)
        image = re.search(r"^mkdir.*?podman import - busybox$", blocks("sh")[0], re.MULTILINE | re.DOTALL)
        assert image is not None
        script = f"""{image[0]} >/dev/null
podman run -d --name one --hostname first -p 127.0.0.1:18099:80 busybox httpd -f -p 80 -h /etc >/dev/null
{ask.format(port=18099)}
podman pod create --name pod -p 127.0.0.1:18098:99 --infra-image busybox --infra-command 'sleep 1000' >/dev/null
podman run -d --pod pod busybox httpd -f -p 99 -h /etc >/dev/null
{ask.format(port=18098)}
podman play kube --network none pod.yaml >/dev/null
podman exec two-client /bin/sh -c 'until [ -s /got ]; do sleep 0.1; done; cat /got'
podman play kube --down pod.yaml >/dev/null
"""
        assert "".join(podman.shell(script).split()) == "firstpodboth"
    finally:
        podman.shell(
            "podman pod rm -af -t 0; podman rm --all --force --time 0; podman unshare rm -rf .local; podman system migrate; :"
        )
        shutil.rmtree(directory, ignore_errors=True)
