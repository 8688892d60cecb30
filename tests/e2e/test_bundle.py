"""`runsc bundle`: bundles of archives and images, and what hostile ones come to."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.bundles import make_bundle, needs_busybox
from tests.e2e.conftest import runsc

pytestmark = needs_busybox
Entry = tuple[str, bytes | str | None, dict[str, Any]]  # name; contents, or a link's target; fields of its TarInfo


def entry(name: str, data: bytes | str | None = b"", **fields: Any) -> Entry:
    return name, data, fields


def tar(*entries: Entry, kind: str = "w", root: Path | None = None) -> bytes:
    """An archive of `entries`, behind those of the directory `root`."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=kind) as archive:  # type: ignore[call-overload]
        if root is not None:
            archive.add(root, ".")
        for name, data, fields in entries:
            info = tarfile.TarInfo(name)
            if data is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            elif isinstance(data, str):
                info.type, info.linkname = tarfile.SYMTYPE, data
            else:
                info.size = len(data)
            for field, value in fields.items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(data) if isinstance(data, bytes) else None)
    return out.getvalue()


def files(place: Path, **members: bytes) -> Path:
    """Files in a new directory; `__` in a name is a slash."""
    for name, data in members.items():
        path = place / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return place


def docker_archive(
    place: Path, layers: list[bytes], config: dict[str, Any], tags: tuple[str, ...] = ("box:1",)
) -> Path:
    names = [f"{n}/layer.tar" for n in range(len(layers))]
    document = {"architecture": "amd64", "os": "linux", "config": config}
    manifest = [{"Config": "c.json", "RepoTags": [tag], "Layers": names} for tag in tags]
    entries = [entry(name, data) for name, data in zip(names, layers, strict=True)]
    entries += [entry("c.json", json.dumps(document).encode()), entry("manifest.json", json.dumps(manifest).encode())]
    place.write_bytes(tar(*entries))
    return place


def layout(place: Path, layer: bytes, architecture: str = "amd64", spoil: bool = False) -> Path:
    """An OCI layout of one layer."""
    place.mkdir()

    def blob(data: bytes, **more: Any) -> dict[str, Any]:
        name = hashlib.sha256(data).hexdigest()
        (place / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        (place / "blobs" / "sha256" / name).write_bytes(data)
        return {"digest": f"sha256:{name}", "size": len(data), **more}

    config = {"architecture": architecture, "os": "linux", "config": {"Cmd": ["/bin/cat", "/made"]}}
    row = blob(layer)
    manifest = {"schemaVersion": 2, "config": blob(json.dumps(config).encode()), "layers": [row]}
    platform = {"os": "linux", "architecture": "amd64"}
    index = {"manifests": [blob(json.dumps(manifest).encode(), platform=platform)]}
    inner = blob(json.dumps(index).encode(), mediaType="application/vnd.oci.image.index.v1+json")
    (place / "index.json").write_text(json.dumps({"manifests": [inner]}))
    (place / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    if spoil:
        (place / "blobs" / "sha256" / row["digest"][7:]).write_bytes(layer + bytes(512))
    return place


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """busybox's directory, with users."""
    (tmp_path / "given").mkdir()
    place = make_bundle(tmp_path / "given") / "rootfs"
    (place / "etc").mkdir(exist_ok=True)
    (place / "etc" / "passwd").write_text("root:x:0:0::/:/bin/sh\nann:x:1000:1001::/:/bin/sh\n")
    (place / "etc" / "group").write_text("staff:x:50:bob,ann\nwheel:x:60:\n")
    return place


def run_in(tmp_path: Path) -> str:
    result = runsc("--root", str(tmp_path / "state"), "run", "--bundle", str(tmp_path / "b"), "c")
    assert result.status == 0, result
    return result.out


def test_a_directory_stays_where_it_is(tmp_path: Path, root: Path) -> None:
    assert runsc("bundle", "-b", str(tmp_path / "b"), str(root), "sh", "-c", "echo hi; touch /x || echo ro").status == 0
    assert run_in(tmp_path) == "hi\nro\n"
    assert os.listdir(tmp_path / "b") == ["config.json"]


@pytest.mark.parametrize("kind", ["w", "w:gz", "w:xz", "w:bz2"])
def test_an_archive(tmp_path: Path, root: Path, kind: str) -> None:
    holes = bytes(3 << 20) + b"end"
    more = (entry("a/b/c", b"deep\n", mode=0o4751, mtime=1e9), entry("big", holes), entry("d", None, mode=0o1777))
    links = (entry("hard", None, type=tarfile.LNKTYPE, linkname="./a/b/c", mode=0), entry("soft", "/a/b/c"))
    (tmp_path / "a.tar").write_bytes(tar(*more, *links, kind=kind, root=root))
    script = "cat hard soft; stat -c '%a %h %Y' a/b/c; stat -c %a d; tail -c 3 big; stat -c ' %s' big"
    assert runsc("bundle", "-b", str(tmp_path / "b"), str(tmp_path / "a.tar"), "sh", "-c", script).status == 0
    assert run_in(tmp_path) == f"deep\ndeep\n4751 2 1000000000\n1777\nend {len(holes)}\n"
    assert (tmp_path / "b" / "rootfs" / "big").stat().st_blocks < 64


def test_layers_and_what_the_image_says(tmp_path: Path, root: Path) -> None:
    lower = tar(entry("d/old", b"o"), entry("d/sub/x", b"x"), entry("gone/y", b"y"), entry("kind", None), root=root)
    upper = [
        entry("d/new", b"n"),
        entry("d/.wh..wh..opq"),
        entry(".wh.gone"),
        entry("kind", b"file"),
        entry(".wh..wh.plnk"),
    ]
    config = {
        "Entrypoint": ["/bin/sh", "-c"], "Cmd": ["false"], "Env": ["A=b c", "PATH=/bin"], "User": "ann", "WorkingDir": "/d",
    }  # fmt: skip
    archive = docker_archive(tmp_path / "i.tar", [lower, tar(*upper)], config)
    script = "echo $A; pwd; ls /d; ls -d /gone; cat /kind; echo; id -u; id -g; id -G; grep CapEff /proc/self/status"
    result = runsc("bundle", "-b", str(tmp_path / "b"), str(archive), f"({script}) 2>&1")
    assert result.status == 0, result
    told = run_in(tmp_path).split("\n")
    assert told[:3] == ["b c", "/d", "new"] and "No such file" in told[3] and told[4] == "file", told
    assert told[5:9] == ["1000", "1001", "1001 50", "CapEff:\t0000000000000000"], told


def test_a_layout(tmp_path: Path, root: Path) -> None:
    place = layout(tmp_path / "l", tar(entry("made", b"by a layer\n"), root=root, kind="w:gz"))
    assert runsc("bundle", "-b", str(tmp_path / "b"), str(place)).status == 0
    assert run_in(tmp_path) == "by a layer\n"


HOSTILE: list[tuple[list[Entry], str]] = [
    ([entry("../out", b"x")], "'../out' leads out of the root"),
    ([entry("/a/../../out", b"x")], "leads out of the root"),
    ([entry("x", None, type=tarfile.LNKTYPE, linkname="../../etc/passwd")], "leads out of the root"),
    ([entry(".wh...", b"")], "a whiteout of '..'"),
    ([entry("huge", None, type=tarfile.REGTYPE, size=1 << 40)], "no archive that can be read"),
    ([entry("long", b"x" * 700_000), entry("more", b"x" * 700_000)], "more than 1048576 bytes in all (--max-size)"),
    ([entry(".", b"x")], "its root is not a directory"),
]


@pytest.mark.parametrize(("entries", "says"), HOSTILE)
def test_archives_that_are_refused(tmp_path: Path, entries: list[Entry], says: str) -> None:
    files(tmp_path, secret=b"secret\n")
    (tmp_path / "a.tar").write_bytes(tar(entry("closed", None, mode=0), *entries))
    result = runsc("bundle", "-b", str(tmp_path / "b"), "--max-size", "1M", str(tmp_path / "a.tar"))
    assert result.status == 1 and says in result.err and result.err.count("\n") == 1, result
    assert sorted(os.listdir(tmp_path)) == ["a.tar", "secret"]


def test_links_lead_nowhere_but_inside(tmp_path: Path) -> None:
    """Files below a link to a directory of the host, hard links to it, whiteouts through it: as in the container."""
    outside = files(tmp_path / "outside", secret=b"secret\n")
    name = str(outside)
    entries = [
        entry("l", name), entry("l2", "../" * 20 + name[1:]), entry(name[1:], None, mode=0o777), entry("l/new", b"n"),
        entry("l2/more", b"m"), entry("l/.wh.secret"), entry("node", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
    ]  # fmt: skip
    (tmp_path / "a.tar").write_bytes(tar(*entries))
    log = tmp_path / "log"
    result = runsc("--log", str(log), "bundle", "-b", str(tmp_path / "b"), str(tmp_path / "a.tar"))
    assert result.status == 0 and "1 device nodes are left out" in log.read_text(), result
    assert os.listdir(outside) == ["secret"]
    inside = tmp_path / "b" / "rootfs" / name[1:]
    assert sorted(os.listdir(inside)) == ["more", "new"]
    steal = tar(entry("l", name), entry("x", None, type=tarfile.LNKTYPE, linkname="l/secret"))
    (tmp_path / "a.tar").write_bytes(steal)
    result = runsc("bundle", "-b", str(tmp_path / "c"), str(tmp_path / "a.tar"))
    assert result.status == 1 and "No such file or directory" in result.err and not (tmp_path / "c").exists(), result


def test_images_that_are_refused(tmp_path: Path) -> None:
    layer = tar(entry("x", b"x"))
    two = docker_archive(tmp_path / "two.tar", [layer], {}, ("a:1", "b:1"))
    loop = tmp_path / "loop.tar"
    loop.write_bytes(tar(entry("manifest.json", "manifest.json")))
    cases = [
        (two, (), "--image: which? a:1, b:1"),
        (two, ("--image", "c:1"), "no image 'c:1' in there; known: a:1, b:1"),
        (docker_archive(tmp_path / "u.tar", [layer], {"User": "eve"}), (), "user 'eve' is not in its /etc/passwd"),
        (docker_archive(tmp_path / "z.tar", [b"\x28\xb5\x2f\xfd" + bytes(600)], {}), (), "zstd are not supported"),
        (docker_archive(tmp_path / "n.tar", [], {}), (), "the image has 0 layers"),
        (docker_archive(tmp_path / "g.tar", [b"garbage" * 100], {}), (), "cannot be read"),
        (
            docker_archive(tmp_path / "t.tar", [tar(entry("x", b"x" * 9000), kind="w:gz")[:40]], {}),
            (),
            "cannot be read",
        ),
        (layout(tmp_path / "arm", layer, "arm64"), (), "the image is for linux/arm64, this machine is linux/amd64"),
        (layout(tmp_path / "bad", layer, spoil=True), (), "its digest is another one"),
        (loop, (), "has no file 'manifest.json'"),
        (files(tmp_path / "txt", a=b"text") / "a", (), "no directory, and no archive that can be read"),
        (tmp_path / "none", (), "No such file or directory"),
    ]
    for source, words, says in cases:
        result = runsc("bundle", "-b", str(tmp_path / "b"), *words, str(source))
        assert result.status == 1 and says in result.err and result.err.count("\n") == 1, (source, result)
        assert not (tmp_path / "b").exists(), source


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    files(tmp_path / "b", config__json=b"{}")
    (tmp_path / "b" / "config.json").write_text("mine")
    for source in (tmp_path, tmp_path / "none"):
        result = runsc("bundle", "-b", str(tmp_path / "b"), str(source))
        assert result.status == 1 and "config.json exists: remove it first" in result.err
    assert (tmp_path / "b" / "config.json").read_text() == "mine"
