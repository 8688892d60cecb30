"""Core files that only a sandbox can be asked for: kernel.core_pattern is of a whole kernel."""

from __future__ import annotations

import shutil

import pytest

from tests.e2e.conftest import do

DIE = """ulimit -c unlimited; die() { ( cd "${1:-/tmp/d}"; sh -c 'kill -QUIT $$' ) 2>/dev/null; echo $?; }
put() { echo "$2" >/proc/sys/kernel/$1; }; mkdir -p /tmp/d /tmp/c; chmod 777 /tmp/d
"""


def _lines(script: str, *options: str) -> list[str]:
    result = do(*options, "/bin/sh", "-c", DIE + script)
    assert result.status == 0, result
    return result.out.splitlines()


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("/tmp/c/x", "x"),
        ("/tmp/c/%%", "%"),
        ("/tmp/c/%s.%u.%g.%d", "3.0.0.1"),
        ("/tmp/c/%e-%f-%E", "sh-dash-!usr!bin!dash"),
        ("/tmp/c/%h", "box"),
        ("/tmp/c/a%zb%", "ab"),
        ("/tmp/c/%c", "18446744073709551615"),
    ],
)
def test_patterns(pattern: str, name: str) -> None:
    assert _lines(f"put core_pattern '{pattern}'; die; ls /tmp/c", "--hostname=box") == ["131", name]


def test_process_and_thread_numbers() -> None:
    script = """put core_pattern /tmp/c/%p.%P.%i.%I
    ( sh -c 'echo $$; kill -QUIT $$' ) 2>/dev/null; ls /tmp/c
    rm /tmp/c/*; put core_pattern /tmp/c/c; put core_uses_pid 1; ( sh -c 'echo $$; kill -QUIT $$' ) 2>/dev/null; ls /tmp/c"""
    first, name, second, with_pid = _lines(script)
    assert name == ".".join([first] * 4) and with_pid == f"c.{second}"


def test_settings_are_checked() -> None:
    script = """for v in -1 x 3; do put core_pipe_limit $v 2>/dev/null; echo $?; done
    cat /proc/sys/kernel/core_pipe_limit /proc/sys/kernel/core_uses_pid /proc/sys/fs/suid_dumpable /proc/sys/kernel/core_pattern"""
    out = _lines(script)
    assert [out[0] != "0", out[1] != "0", out[2]] == [True, True, "0"] and out[3:] == ["3", "0", "0", "core"], out


def test_a_program_reads_the_core() -> None:
    script = """cat >/tmp/helper <<'EOF'
#!/bin/sh
{ echo "$@"; id -u; pwd; echo "env $(/usr/bin/env | grep -c HOME)"; ulimit -c; ls /proc/self/fd | tr '\\n' ' '; echo; } >/tmp/said
cat >/tmp/core.part
mv /tmp/core.part /tmp/core.whole
EOF
    chmod +x /tmp/helper; put core_pattern '|/tmp/helper a%s  %e %d'; ulimit -c 0; put core_pipe_limit 4; die
    n=0; until [ -f /tmp/core.whole ] || [ $n -gt 2000 ]; do n=$((n+1)); sleep 0.01; done
    cat /tmp/said; head -c 4 /tmp/core.whole | tail -c 3; echo; od -An -t u2 -j 16 -N 2 /tmp/core.whole"""
    out = _lines(script)
    assert out[:2] == ["131", "a3 sh 1"] and out[2:5] == ["0", "/", "env 0"], out
    assert out[7:] == ["ELF", "    4"] or out[-2:] == ["ELF", "     4"], out


def test_a_program_that_there_is_not() -> None:
    assert _lines("put core_pattern '|/nowhere/x'; die; put core_pattern '|'; die") == ["131", "131"]


def test_who_gained_rights_leaves_none_but_as_it_is_set() -> None:
    script = """cp /bin/sleep /opt/s; chmod 4755 /opt/s; chmod 777 /tmp/c
    run() { setpriv --reuid 1234 --clear-groups sh -c 'ulimit -c unlimited; cd /tmp/d; /opt/s 100 & p=$!
    until [ "$(cat /proc/$p/comm)" = s ]; do :; done; kill -ABRT $p; wait $p' 2>/dev/null; echo $?; }
    put core_pattern core; run; ls /tmp/d; rm -f /tmp/d/*
    echo 2 >/proc/sys/fs/suid_dumpable; run; ls /tmp/d; put core_pattern /tmp/c/root; run; ls -n /tmp/c | awk '{print $1,$3,$9}'"""
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv")
    out = _lines(script)
    assert out[:3] == ["134", "134", "134"] and out[-1] == "-rw------- 0 root", out


def test_gdb_opens_it() -> None:
    if shutil.which("gdb") is None:
        pytest.skip("no gdb")
    script = """cd /tmp/d; cat >x.c <<'EOF'
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
static volatile int there;
static void *waits(void *a) { there = 1; for (;;) pause(); }
static void *runs(void *a) { there = 2; for (;;); }
void deep(int n) { if (!n) abort(); deep(n - 1); }
int main(void) {
    pthread_t t;
    pthread_create(&t, 0, waits, 0);
    while (there != 1);
    pthread_create(&t, 0, runs, 0);
    while (there != 2);
    deep(3);
}
EOF
    gcc -g -O0 -pthread x.c -o x; ./x 2>/dev/null; echo $?; gdb -batch -ex bt -ex 'info threads' x core 2>/dev/null"""
    out = _lines(script)
    text = "\n".join(out)
    assert out[0] == "134" and "Program terminated with signal SIGABRT" in text, text
    assert text.count(" in deep (") == 4 and " main () at x.c" in text, text
    assert "runs (a=0x0) at x.c" in text and ("pause" in text or "waits" in text), text
