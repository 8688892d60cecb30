"""What `do` gives its command: files, directories, environment, identity, limits."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, command, do, runsc


def test_the_root_is_the_hosts_and_changes_stay_inside() -> None:
    marker = Path("/etc/stackbox-was-here")
    result = do("/bin/sh", "-c", f"echo x > {marker} && cat {marker} && rm /etc/hostname; ls /etc/passwd")
    assert result.out == "x\n/etc/passwd\n", result
    assert not marker.exists() and Path("/etc/hostname").exists()


@pytest.mark.parametrize("path", ["/root", "/home", "/run", "/tmp"])
def test_masked_directories_are_empty(path: str) -> None:
    assert do("/bin/ls", "-A", path).out == ""


@pytest.mark.parametrize("path", ["/etc/shadow", "/etc/gshadow", "/etc/sudoers"])
def test_masked_files_are_not_there(path: str) -> None:
    assert do("/bin/sh", "-c", f"cat {path} || test ! -s {path}").out == ""


def test_environment_is_short() -> None:
    result = do("/usr/bin/env", env={"SECRET": "x", "TERM": "vt100", "LANG": "C.UTF-8"})
    names = sorted(line.partition("=")[0] for line in result.out.splitlines())
    assert names == ["HOME", "LANG", "PATH", "TERM"], result


def test_environment_that_is_given() -> None:
    result = do("--env=A=1", "--env=SECRET", "--env=HOME=/x", "/usr/bin/env", env={"SECRET": "s"})
    assert {"A=1", "SECRET=s", "HOME=/x"} <= set(result.out.splitlines())


def test_user() -> None:
    assert do("/usr/bin/id", "-u").out == "0\n"
    assert do("--user=1234:56", "/bin/sh", "-c", "id -u; id -g").out == "1234\n56\n"


def test_hostname() -> None:
    assert do("--hostname=box", "/bin/uname", "-n").out == "box\n"


def test_volume_is_real_and_read_only_is_read_only(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("data\n")
    result = do(f"--volume={tmp_path}:/v", "/bin/sh", "-c", "cat /v/in; echo out > /v/out")
    assert result.out == "data\n" and (tmp_path / "out").read_text() == "out\n", result
    result = do(f"--volume={tmp_path}:/v:ro", "/bin/sh", "-c", "echo x > /v/no")
    assert result.status != 0 and "Read-only file system" in result.err and not (tmp_path / "no").exists(), result


def test_an_etc_that_is_given_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text("mine\n")
    assert do("--volume", f"{tmp_path}:/etc", "cat", "/etc/resolv.conf").out == "mine\n"
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("resolv.conf", "mine\n")]


def test_nothing_is_mounted_over_the_root(tmp_path: Path) -> None:
    for flags in (("--volume", f"{tmp_path}:/"), ("--tmpfs", "/")):
        done = do(*flags, "true")
        assert done.status == 125 and "--rootfs" in done.err, done
    assert not list(tmp_path.iterdir())


def test_a_single_file_as_volume(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("1\n")
    assert do(f"--volume={tmp_path}/one:/srv/one", "/bin/cat", "/srv/one").out == "1\n"


@pytest.mark.parametrize("path", ["/proc", "/proc/self/net", "/sys"])
def test_the_hosts_kernel_files_cannot_be_given(path: str) -> None:
    for flags in ((f"--volume={path}:/v:ro",), (f"--out={path}",), (f"--rootfs={path}",)):
        result = do(*flags, "/bin/ls", "/v")
        assert result.status == 125 and "host's kernel" in result.err and result.err.count("\n") == 1, result


def test_the_hosts_kernel_files_in_a_volume_are_not_shown() -> None:
    result = do(
        "--volume=/:/host:ro", "/bin/sh", "-c", "ls /host/proc /host/sys; cat /host/proc/1/environ; ls -d /host/etc"
    )
    assert result.out == "/host/proc:\n\n/host/sys:\n/host/etc\n", result


def test_out(tmp_path: Path) -> None:
    out = tmp_path / "new" / "results"
    result = do(f"--out={out}", "/bin/sh", "-c", "echo done > /out/result")
    assert result.status == 0 and (out / "result").read_text() == "done\n", result


def test_tmpfs_has_a_size() -> None:
    result = do("--tmpfs=/t:64K", "/bin/sh", "-c", "head -c 100000 /dev/zero > /t/x; wc -c < /t/x")
    assert "No space left on device" in result.err and int(result.out) <= 65536, result


def test_cwd_of_the_caller_if_visible_else_the_root(tmp_path: Path) -> None:
    assert do("/bin/pwd", cwd=Path("/usr/lib"), env={"PWD": "/usr/lib"}).out == "/usr/lib\n"
    assert do("/bin/pwd", cwd=Path("/root") if os.geteuid() == 0 else Path("/tmp")).out == "/\n"


def test_a_cwd_that_was_removed_or_has_no_room_for_its_name_is_named(tmp_path: Path) -> None:
    line = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"'
    words = ["/bin/sh", "-c", line, "sh", *command("do", "--cwd", ".", "/bin/pwd")]
    environment = {"PYTHONPATH": str(ROOT), **os.environ}
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (125, "runsc: --cwd: .: no such directory\n")
    long = "/" + "x/" * 4000
    assert do("--cwd", long, "/bin/pwd").err == f"runsc: --cwd: {long}: File name too long\n"


def test_cwd_of_the_caller_in_a_volume(tmp_path: Path) -> None:
    assert do(f"--volume={tmp_path}:{tmp_path}", "/bin/pwd", cwd=tmp_path).out == f"{tmp_path}\n"


def test_a_program_in_a_directory_that_is_not_shown(tmp_path: Path) -> None:
    """The README's `./untrusted`, from a home."""
    (tmp_path / "program").write_text("#!/bin/sh\necho ran\n")
    (tmp_path / "program").chmod(0o755)
    result = do("./program", cwd=tmp_path)
    assert result.status == 127 and result.err.endswith("in a directory that is not shown: --cwd . shows it\n"), result
    assert do("--cwd", ".", "./program", cwd=tmp_path).out == "ran\n"
    result = do("./none", cwd=tmp_path)
    assert result.status == 127 and "--cwd" not in result.err, result


def test_a_masked_directory_that_is_given_is_shown_privately(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("seen\n")
    result = do(f"--cwd={tmp_path}", "/bin/sh", "-c", "cat file; echo x > new; ls")
    assert result.out == "seen\nfile\nnew\n" and not (tmp_path / "new").exists(), result


def test_a_home_that_is_given_is_shown_without_its_keys(tmp_path: Path) -> None:
    for name in (".ssh/id_rsa", ".aws/credentials", ".config/gcloud/token", ".config/app/settings", "work/.ssh"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    result = do(f"--cwd={tmp_path}", "/usr/bin/find", ".", "-type", "f")
    assert sorted(result.out.split()) == ["./.config/app/settings", "./work/.ssh"], result


def test_the_home_of_a_user_that_passwd_does_not_know(tmp_path: Path) -> None:
    result = do("/bin/ls", "-A", "/usr/share", env={"HOME": "/usr/share"})
    assert result.out == "", result


@pytest.mark.parametrize("flag", ["--memory=100", "--memory=0", "--pids=0"])
def test_limits_that_leave_no_room(flag: str) -> None:
    result = do(flag, "/bin/true")
    assert result.status == 125 and "at least" in result.err and result.err.count("\n") == 1, result


@pytest.mark.parametrize("flag", ["--bogus", "--network=moon", "--platform=none"])
def test_a_wrong_flag_before_the_verb_is_our_failure_too(flag: str) -> None:
    assert runsc(flag, "do", "/bin/true").status == 125


def test_other_root(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    result = do(f"--rootfs={tmp_path}", "/bin/true")
    assert result.status == 127, result


def test_pids_limit() -> None:
    script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 100 & done; echo made"
    result = do("--pids=6", "--timeout=20", "/bin/sh", "-c", script)
    assert result.status != 0 and "ork" in result.err, result


def test_memory_limit() -> None:
    result = do("--memory=64M", "/usr/bin/python3", "-c", "b = bytearray(256 << 20); print(len(b))")
    assert result.status != 0 and result.out == "", result
