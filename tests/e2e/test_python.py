"""The Python interface, and the examples that show it, each run as its reader would."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest

import stackbox
from stackbox.sandbox import Sandbox
from tests.e2e.conftest import BOUND_S, ROOT, launcher_of
from tests.e2e.containers import eventually

EXAMPLES = ROOT / "examples" / "python"
PRINTED = {
    "run_a_command": "sandbox\n",
    "chat_tool": "noted\n42\nstopped after 1 s\n",
    "grader": "3 right\n12 right\n100 wrong\n",
    "files_in_and_out": "apple\nfig\npear\n",
    "pipes": "     1\tone\n     2\ttwo\n",
    "many_at_once": "[1, 4, 9]\n",
    "quick_starts": "0\n1\n4\n",
    "time_limit": "killed: sleep 1000\nstill here\n",
    "bounded_memory": "status 137\n",
    "host_directory": "refused\n['1', '2', '3']\n",
    "published_port": "hello from inside\n",
    "go_on_later": "written before\n1 process still waits\n",
    "own_root": "motd\non the host: False\n",
}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(network="none") as box:
        yield box


def test_sandboxes_from_a_fork_server(tmp_path: Path) -> None:
    with stackbox.ForkServer() as server:
        place = Path(server.place)
        with Sandbox(network="none", fork_server=place) as box:
            assert box.run(["echo", "hi"], capture_output=True).stdout == b"hi\n"
            assert box._main is not None and launcher_of(box._main.pid) != box._main.pid
            server.close()
            assert box.run(["echo", "still"], capture_output=True).stdout == b"still\n"
            main = box._main
            main.kill()  # as if by somebody else: everything ends
            main.wait(BOUND_S)
            eventually(lambda: not box.alive, "the end of the sandbox")
    assert not place.exists() and not place.parent.exists()
    with Sandbox(network="none", fork_server=place) as box:  # without one
        assert box.run(["echo", "hi"], capture_output=True).stdout == b"hi\n"
    with pytest.raises(stackbox.SandboxError, match="no such command"):
        stackbox.ForkServer(("sh", "-c", "echo no such command >&2; exit 1"))


def environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize("name", PRINTED)
def test_an_example(name: str, tmp_path: Path) -> None:
    if name == "own_root" and shutil.which("busybox") is None:
        pytest.skip("no busybox")
    words = [sys.executable, str(EXAMPLES / f"{name}.py")]
    done = subprocess.run(words, cwd=tmp_path, env=environ(), capture_output=True, text=True, timeout=BOUND_S)
    assert (done.returncode, done.stdout) == (0, PRINTED[name]), done.stderr


def test_the_plugin_runs_tests_in_sandboxes() -> None:
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "stackbox.pytest_plugin"]
    path = str(EXAMPLES / "test_in_a_sandbox.py")
    done = subprocess.run([*words, path], cwd=ROOT, env=environ(), capture_output=True, text=True, timeout=3 * BOUND_S)
    assert done.returncode == 0 and done.stdout.startswith("... "), done.stdout


def test_the_plugin_tells_what_failed_inside(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\n@pytest.mark.sandbox\ndef test_it():\n    assert 6 * 9 == 42\n"
    )
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "stackbox.pytest_plugin",
        "test_it.py",
    ]
    done = subprocess.run(words, cwd=tmp_path, env=environ(), capture_output=True, text=True, timeout=BOUND_S)
    assert done.returncode == 1 and "assert (6 * 9) == 42" in done.stdout, done.stdout


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*PRINTED, "test_in_a_sandbox"}


def test_it_is_shaped_as_subprocess(box: Sandbox) -> None:
    done = box.run(["sh", "-c", "echo $X; pwd; echo no >&2; exit 3"], env={"X": "a b"}, cwd="/usr", capture_output=True)
    assert (done.args[0], done.returncode, done.stdout, done.stderr) == ("sh", 3, b"a b\n/usr\n", b"no\n")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        box.run(["false"], check=True)
    assert caught.value.cmd == ["false"]
    assert box.run(["cat"], input=b"\0\xff", capture_output=True).stdout == b"\0\xff"
    assert box.run(["id", "-u"], user=(5, 6), capture_output=True).stdout == b"5\n"


def test_nothing_that_is_given_runs_outside(box: Sandbox) -> None:
    script = "cat /proc/sys/kernel/version; echo $0"
    done = box.run(script, shell=True, capture_output=True, text=True)
    version, name = done.stdout.splitlines()
    assert (name, done.args) == ("/bin/sh", script) and version != os.uname().version
    code = "print(6 * 7)"  # the runtime's interpreter would read it where Popen makes a shell
    assert box.run("cat", shell=True, input=code, capture_output=True, text=True).stdout == code
    assert box.run("pwd", capture_output=True, cwd="/usr").stdout == b"/usr\n"
    with pytest.raises(subprocess.CalledProcessError, match="'false'"):
        box.run("false", check=True)
    for more in ({"executable": "/bin/echo"}, {"preexec_fn": print}, {"pass_fds": (1,)}, {"umask": 0}, {"group": 5}):
        with pytest.raises(TypeError, match="of the host"):
            box.run(["true"], **more)
        with pytest.raises(TypeError, match="of the host"):
            box.popen(["true"], **more)
    for nothing in ([], "", [""]):
        with pytest.raises(ValueError, match="no command"):
            box.run(nothing)
    with pytest.raises(TypeError, match="pair"):
        box.run(["true"], user="x")  # type: ignore[arg-type]


def test_signals_reach_a_process(box: Sandbox) -> None:
    with box.popen(
        ["sh", "-c", "trap 'echo got it; exit 7' TERM; echo up; while :; do sleep 0.1; done"], stdout=-1
    ) as it:
        assert it.stdout is not None and it.stdout.readline() == b"up\n"
        it.terminate()
        assert it.stdout.read() == b"got it\n"
        assert it.wait() == 7


def test_files_with_odd_names_and_bytes(box: Sandbox) -> None:
    data = bytes(range(256)) * 1000
    box.write_file("/tmp/new dir/a 'b' $c", data, 0o600)
    assert box.read_file("/tmp/new dir/a 'b' $c") == data
    with pytest.raises(stackbox.SandboxError, match="No such file"):
        box.read_file("/tmp/none")
    with pytest.raises(ValueError):
        box.read_file("relative")


def test_what_is_secret_on_the_host_is_not_shown(box: Sandbox) -> None:
    assert box.run(["ls", "-A", "/root"], capture_output=True).stdout == b""
    assert box.run(["cat", "/etc/shadow"], capture_output=True).returncode != 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"network": "none", "publish": ["99999:1"]}, "is not a port"),
        ({"network": "internal", "publish": ["8080:80"]}, "--network is internal"),
        ({"network": "none", "allow": ["example.org:1"]}, "--network is none"),
        ({"root": "/nonexistent"}, "nonexistent"),
        ({"cwd": "relative"}, "process.cwd"),
    ],
)
def test_a_sandbox_that_cannot_be_says_why(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(stackbox.SandboxError, match=words):
        Sandbox(**fields)


def test_nothing_is_left() -> None:
    box = Sandbox(network="none")
    directory = box._directory
    assert box.alive
    box.kill()
    assert not box.alive
    box.close()
    box.close()
    assert not directory.exists()


def test_who_asks_one_that_is_no_more_is_told(tmp_path: Path) -> None:
    box = Sandbox(network="none")
    box.kill()
    for ask in (lambda: box.run(["true"]), lambda: box.popen(["true"]), lambda: box.checkpoint(tmp_path / "image")):
        with pytest.raises(stackbox.SandboxError, match="the sandbox has ended"):
            ask()
    box.close()
    with pytest.raises(stackbox.SandboxError, match="the sandbox is closed"):
        box.read_file("/etc/hostname")


def test_it_ends_with_the_program_that_made_it(tmp_path: Path) -> None:
    code = "import stackbox, time\nbox = stackbox.Sandbox(network='none')\nprint(box._main.pid, flush=True)\ntime.sleep(999)"
    with subprocess.Popen([sys.executable, "-c", code], env=environ(), stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        owner.send_signal(signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{pid}").exists(), "its sandbox is left")


def test_the_asynchronous_one() -> None:
    async def use() -> None:
        async with stackbox.AsyncSandbox(network="none") as box:
            await box.write_file("/tmp/x", "text")
            assert await box.read_file("/tmp/x") == b"text"
            done = await box.run(["sh", "-c", "cat; exit 2"], input=b"in")
            assert (done.returncode, done.stdout) == (2, b"in")
            with pytest.raises(TimeoutError):
                await box.run(["sleep", "1000"], timeout=0.2)
            both = await asyncio.gather(*(box.run(["echo", str(n)]) for n in range(3)))
            assert [one.stdout for one in both] == [b"0\n", b"1\n", b"2\n"]
            await box.kill()
        with pytest.raises(stackbox.SandboxError):
            await box.run(["true"])

    asyncio.run(use())


def test_what_cannot_be_checkpointed_runs_on(tmp_path: Path) -> None:
    with Sandbox(network="none") as box:
        with box.popen(["cat"], stdin=subprocess.PIPE) as process:
            eventually(lambda: b"cat" in box.run(["cat", "/proc/2/comm"], capture_output=True).stdout, "no cat")
            with pytest.raises(stackbox.SandboxError, match="cannot checkpoint: process [0-9]+ .cat. has a descriptor"):
                box.checkpoint(tmp_path / "image")
            assert process.stdin is not None
            process.stdin.close()
        box.checkpoint(tmp_path / "image", leave_running=True)
        assert box.alive
        with pytest.raises(stackbox.SandboxError, match="published"):
            Sandbox(network="user", publish=["8080:80"], image=tmp_path / "image")
        with Sandbox(network="none", image=tmp_path / "image") as other:
            assert other.run(["true"]).returncode == 0
    with pytest.raises(stackbox.SandboxError, match="No such file"):
        Sandbox(network="none", image=tmp_path / "none")
