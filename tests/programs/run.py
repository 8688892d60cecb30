"""Runs programs natively and inside, compares, and writes what came out to a file of results.

A program is a script in `scripts/`. Its first lines say `# title:`, `# packages:` (Debian's; the first one's version is
reported) and `# what:`, what is done; `# quick` puts it among those that continuous integration runs; `# memory: SIZE`
gives it more than 2 GiB, `# bound: SECONDS` more time than half an hour; `# prepare: COMMAND` is run once in the root directory, with the network. It runs as root with the root directory of root.py below a private layer, an empty /data, the
folder `scripts` at /programs, and no network but its own loopback. Its standard output must be the same natively and
inside, but for lines that begin with `~`: figures, reported and not compared. A status other than 0 is a failure.

`# known: TEXT = REASON` explains the differences in lines that contain TEXT: they are listed, and are no failure.

`# crash`: it runs twice with the same /data. The first time its argument is `before`; when it has made /data/kill,
everything is ended with SIGKILL, and it is started again with `after`.

    python3 -m tests.programs.run [--quick] [NAME…]
"""

from __future__ import annotations

import datetime
import difflib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.programs.root import REPOSITORY, ROOT, WORK, CannotPrepare, installed, prepare

SCRIPTS: Final = Path(__file__).resolve().parent / "scripts"
RESULTS: Final = Path(__file__).resolve().parent / "results.json"
BOUND_S: Final = float(os.environ.get("STACKBOX_PROGRAM_BOUND", "1800"))
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT: Final = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "TERM": "xterm"}
NATIVE: Final = """
root=$1 layer=$2 data=$3; shift 3
mount --make-rprivate / && ip link set lo up && mount -t tmpfs none "$layer" && mkdir "$layer/up" "$layer/work" "$layer/new" &&
mount -t overlay -o "lowerdir=$root,upperdir=$layer/up,workdir=$layer/work" none "$layer/new" && cd "$layer/new" &&
mount -t proc proc proc && mount -t sysfs sysfs sys && mount -t tmpfs none tmp && mount -t tmpfs none run &&
mount -t tmpfs none dev && mkdir dev/pts dev/shm data programs && mount -t devpts -o newinstance,ptmxmode=666 none dev/pts &&
mount -t tmpfs none dev/shm && ln -s pts/ptmx dev/ptmx && ln -s /proc/self/fd dev/fd && ln -s /proc/self/fd/0 dev/stdin &&
ln -s /proc/self/fd/1 dev/stdout && ln -s /proc/self/fd/2 dev/stderr && mknod -m 666 dev/null c 1 3 &&
mknod -m 666 dev/zero c 1 5 && mknod -m 666 dev/full c 1 7 && mknod -m 666 dev/random c 1 8 &&
mknod -m 666 dev/urandom c 1 9 && mknod -m 666 dev/tty c 5 0 &&
printf '127.0.0.1\\tlocalhost\\n::1\\tlocalhost ip6-localhost ip6-loopback\\n127.0.1.1\\tstackbox\\n' > etc/hosts &&
mount --bind "$data" data && mount --bind "$PROGRAMS" programs && hostname stackbox && exec chroot . setpriv --inh-caps=-all --bounding-set="$CAPABILITIES" "$@"
"""


# What `runsc do` gives to root.
CAPABILITIES: Final = "chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot mknod audit_write setfcap"
MOST_LINES: Final = 40


def handed_on() -> dict[str, str]:
    """What the scripts take from outside: for how long a stressor runs, and which ones."""
    return {name: os.environ[name] for name in ("STRESS_SECONDS", "STRESS_NAMES") if name in os.environ}


class Program:
    """One script and what its first lines say."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.stem
        self.fields: dict[str, str] = {}
        self.known: list[tuple[str, str]] = []
        for line in path.read_text().splitlines()[1:]:
            if not line.startswith("# "):
                break
            name, _, value = line[2:].partition(":")
            if name == "known":
                text, _, reason = value.strip().partition(" = ")
                self.known.append((text, reason))
            self.fields[name] = value.strip()

    def packages(self) -> list[str]:
        return self.fields["packages"].split()

    def command(self, phase: str) -> list[str]:
        return ["/bin/bash", f"/programs/{self.path.name}", *([phase] if phase else [])]

    def native(self, data: Path, phase: str) -> list[str]:
        namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--ipc", "--uts", "--net"]
        layer = str(data.parent / "layer")
        return ["unshare", *namespaces, "sh", "-c", NATIVE, "sh", str(ROOT), layer, str(data), *self.command(phase)]

    def inside(self, data: Path, phase: str) -> list[str]:
        words = [
            sys.executable,
            "-m",
            "runsc",
            "do",
            "--rootfs",
            str(ROOT),
            "--network",
            "none",
            "--hostname",
            "stackbox",
        ]
        words += ["--volume", f"{data}:/data", "--volume", f"{SCRIPTS}:/programs:ro", "--cwd", "/"]
        words += ["--memory", self.fields.get("memory", "2G")]
        given = {name: ENVIRONMENT[name] for name in ("LANG", "TERM")} | handed_on()
        words += [word for name, value in given.items() for word in ("--env", f"{name}={value}")]
        return [*words, *self.command(phase)]


class Outcome:
    """What one run printed, its status and the seconds it took."""

    def __init__(self, out: str, err: str, status: int, seconds: float) -> None:
        self.out = [line for line in out.splitlines() if not line.startswith("~")]
        self.figures = [line[1:].strip() for line in out.splitlines() if line.startswith("~")]
        self.err = err
        self.status = status
        self.seconds = seconds


def _one(command: list[str], work: Path, killed: bool, bound_s: float) -> tuple[str, str, int]:
    """Run it to its end, or until it asks to be killed."""
    environment = {**ENVIRONMENT, **handed_on(), "PYTHONPATH": str(REPOSITORY), "PROGRAMS": str(SCRIPTS)}
    environment["CAPABILITIES"] = ",".join(["-all", *(f"+{name}" for name in CAPABILITIES.split())])
    (work / "layer").mkdir(exist_ok=True)
    with open(work / "out", "wb") as out, open(work / "err", "wb") as err:
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        deadline = time.monotonic() + bound_s
        while process.poll() is None:
            if time.monotonic() > deadline or (killed and (work / "data/kill").exists()):
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            time.sleep(0.01)
    status = process.returncode
    if killed and status == -signal.SIGKILL and (work / "data/kill").exists():
        (work / "data/kill").unlink()
        status = 0
    return (work / "out").read_text(errors="replace"), (work / "err").read_text(errors="replace"), status


def outcome(program: Program, native: bool) -> Outcome:
    """The whole of one program, in one world."""
    WORK.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f"{program.name}-", dir=WORK))
    try:
        data = work / "data"
        data.mkdir()
        data.chmod(0o755)
        texts, errors, status, begin = "", "", 0, time.monotonic()
        for phase in ("before", "after") if "crash" in program.fields else ("",):
            command = program.native(data, phase) if native else program.inside(data, phase)
            bound_s = max(BOUND_S, float(program.fields.get("bound", 0)))
            out, err, status = _one(command, work, phase == "before", bound_s)
            texts, errors = texts + out, errors + err
            if status:
                break
        return Outcome(texts, errors, status, time.monotonic() - begin)
    finally:
        shutil.rmtree(work)


def compare(program: Program) -> dict[str, object]:
    """Both worlds; what is reported of them."""
    native, inside = outcome(program, True), outcome(program, False)
    (WORK / f"{program.name}.log").write_text(f"{native.err}\n=== inside\n{inside.err}")
    found = list(difflib.unified_diff(native.out, inside.out, "native", "inside", lineterm="", n=0))[2:]
    lines = [line for line in found if not line.startswith("@@") and not any(text in line for text, _ in program.known)]
    if native.status or native.status != inside.status:
        lines.append(f"status natively {native.status}, inside {inside.status}")
        lines += [f"native: {line}" for line in native.err.splitlines()[-8:] if native.status]
        lines += [f"inside: {line}" for line in inside.err.splitlines()[-8:] if inside.status]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [f"… and {len(lines) - MOST_LINES} more lines"]
    return {
        "title": program.fields["title"],
        "what": program.fields["what"],
        "version": installed().get(program.packages()[0], ""),
        "lines": len(native.out),
        "differences": lines,
        "known": [[text, reason] for text, reason in program.known if any(text in line for line in found)],
        "native_s": round(native.seconds, 1),
        "inside_s": round(inside.seconds, 1),
        "native_figures": native.figures,
        "inside_figures": inside.figures,
        "kernel": platform.release(),
        "date": datetime.date.today().isoformat(),
    }


def programs(quick: bool = False) -> list[Program]:
    """All of them in order of name."""
    found = [Program(path) for path in sorted(SCRIPTS.glob("*.sh")) if path.name != "lib.sh"]
    return [program for program in found if "quick" in program.fields or not quick]


def main(argv: list[str]) -> int:
    quick, names = "--quick" in argv, [word for word in argv if word != "--quick"]
    chosen = [program for program in programs(quick) if not names or program.name in names]
    unknown = set(names) - {program.name for program in chosen}
    if unknown:
        print(f"no such program: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    failed = []
    for program in chosen:
        try:
            prepare(program.packages(), program.fields.get("prepare", ""))
        except CannotPrepare as error:
            print(f"programs: {error}", file=sys.stderr)
            return 1
        result = compare(program)
        results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        results[program.name] = result
        RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
        print(f"{program.name}: {result['native_s']} s natively, {result['inside_s']} s inside", flush=True)
        for line in result["differences"]:  # type: ignore[attr-defined]
            print(f"    {line}")
        if result["differences"]:
            failed.append(program.name)
    print(f"{len(chosen) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
