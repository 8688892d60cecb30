"""How long what the host says of its files is believed: by flag, by annotation, by default."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

from tests.e2e.bundles import needs_busybox
from tests.e2e.conftest import runsc
from tests.e2e.containers import Shim

pytestmark = needs_busybox
NOTE = "dev.stackbox.file-access"
WAITS = "test -e /flag; echo looking; until test -e /flag; do :; done; echo seen; exec sleep 1000"


@pytest.fixture
def shim(bundle: Path) -> Iterator[Shim]:
    shim = Shim(bundle)
    yield shim
    shim.close()


@pytest.mark.parametrize("notes", [{}, {NOTE: "timed"}, {NOTE: "shared"}])
def test_a_root_shows_what_the_host_changes(shim: Shim, notes: dict[str, str]) -> None:
    shim.start("c", "/bin/sh", "-c", WAITS, annotations=notes, root__readonly=False)
    shim.says("c", "looking")
    for number in range(3):
        assert shim.call("exec", "c", "test", "-e", f"/n{number}").status == 1
        (shim.bundle / f"rootfs/n{number}").write_text("first\n")
        assert shim.call("exec", "c", "cat", f"/n{number}").out == "first\n"
        (shim.bundle / "rootfs/other").write_text("second, and longer\n")
        (shim.bundle / "rootfs/other").rename(shim.bundle / f"rootfs/n{number}")
        assert shim.call("exec", "c", "cat", f"/n{number}").out == "second, and longer\n"
        assert shim.call("exec", "c", "stat", "-c", "%s", f"/n{number}").out == "19\n"
    (shim.bundle / "rootfs/flag").touch()
    shim.says("c", "seen")


def test_an_exclusive_root_is_believed_until_it_turns_out_not_to_be_so(shim: Shim) -> None:
    shim.start("c", "/bin/sh", "-c", WAITS, annotations={NOTE: "exclusive"}, root__readonly=False)
    shim.says("c", "looking")
    (shim.bundle / "rootfs/flag").touch()
    assert shim.call("exec", "c", "test", "-e", "/flag").status == 1
    assert "seen" not in shim.out("c").read_text()
    result = shim.call("exec", "c", "sh", "-c", "echo more >> /flag; test -e /flag")
    assert result.status == 0, result
    shim.says("c", "seen")
    assert (shim.bundle / "rootfs/flag").read_text() == "more\n"


def test_what_a_guest_changes_reaches_the_host_in_each_mode(tmp_path: Path) -> None:
    script = (
        "cd /v; mkdir d; echo one > d/f; ln d/f d/g; echo two >> d/g; stat -c '%s %h' d/f d/g; mv d/f d/h; ls d; chmod 600 d/g;"
        "stat -c %a d/h; rm d/h; ls d; stat -c %h d/g; ln -s d/g l; cat l; truncate -s 2 l; stat -c %s d/g; rm l; rm -r d; ls; echo end"
    )
    out = [
        runsc("--file-access-mounts", how, "do", "--volume", f"{tmp_path}:/v", "sh", "-c", script)
        for how in ("shared", "timed", "exclusive")
    ]
    assert all(one.status == 0 for one in out), out
    assert out[0].out == out[1].out == out[2].out and out[0].out.endswith("end\n")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_in_another_is_shared_with_it(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    script = "test -e /a/in/f; test -e /b/f; echo x > /a/in/f; cat /b/f; echo yy > /b/f; cat /a/in/f; stat -c %s /a/in/f; rm /b/f; test -e /a/in/f"
    words = ["--volume", f"{tmp_path}:/a", "--volume", f"{tmp_path}/in:/b", "sh", "-c", script]
    result = runsc("--file-access-mounts", "exclusive", "do", *words)
    assert (result.status, result.out) == (1, "x\nyy\n3\n"), result


def test_what_is_refused(shim: Shim) -> None:
    result = runsc("--file-access", "shared", "do", "true")
    assert result.status == 125 and "below a private layer" in result.err
    result = runsc("--file-access-mounts", "often", "do", "true")
    assert result.status == 125 and "often" in result.err
    assert runsc("--file-access", "exclusive", "do", "true").status == 0
    result = shim.call("--overlay", "--file-access", "timed", "run", "--bundle", str(shim.bundle), "c")
    assert result.status == 1 and "exclusive" in shim.last_error()
