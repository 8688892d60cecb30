#!/bin/sh
# Set up .venv and what is compiled. `tools/setup.sh run`: what running needs; `tools/setup.sh dev`: tests and checks too.
# A second call finds the stamp and returns at once. What the machine lacks is installed through apt when root,
# else named in one line.
set -eu
cd "$(dirname "$0")/.."
level=${1:-run}
stamp=.venv/.ready-$level
lane=sandbox/platform/lane
stub_is_old() {
    for source in "$lane"/stub/*.c "$lane/layout.py" "$lane/build.py"; do
        [ "$source" -nt "$lane/stub/lane_stub" ] && return 0
    done
    return 1
}
# A start is mostly importing. Also where Python is told to write no byte code of its own.
byte_code() {
    done=.venv/.byte-code
    if [ ! -f "$done" ] || [ -n "$(find runsc sandbox tcpip -name '*.py' -newer "$done" -print -quit)" ]; then
        .venv/bin/python -m compileall -q runsc sandbox tcpip && touch "$done"
    fi
}
if [ -f "$stamp" ] && [ ! pyproject.toml -nt "$stamp" ] && [ ! tools/setup.sh -nt "$stamp" ]; then
    if stub_is_old; then .venv/bin/python -m sandbox.platform.lane.build >/dev/null; fi
    byte_code || :
    exit 0
fi

say() { echo "setup: $*" >&2; }

packages_for() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        say "installing $* through apt"
        export DEBIAN_FRONTEND=noninteractive
        # shellcheck disable=SC2015
        apt-get install -y -q --no-install-recommends "$@" >/dev/null 2>&1 ||
            { apt-get update -q >/dev/null 2>&1 && apt-get install -y -q --no-install-recommends "$@" >/dev/null; } ||
            { say "apt could not install $*"; exit 1; }
    else
        say "missing on this machine: $*; install it with: sudo apt-get install $*"
        exit 1
    fi
}

find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
}

python=$(find_python)
if [ -z "$python" ]; then
    packages_for python3
    python=$(find_python)
    [ -n "$python" ] || { say "Python 3.11 or later is needed"; exit 1; }
fi
short=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
"$python" -c 'import ensurepip, venv' 2>/dev/null || packages_for "$short-venv"

# What the tests run natively and inside the sandbox, as PROGRAM:PACKAGE.
test_programs() {
    missing=""
    for pair in ab:apache2-utils arping:arping bc:bc busybox:busybox-static bzip2:bzip2 conntrack:conntrack curl:curl diff:diffutils dnsmasq:dnsmasq-base file:file find:findutils gawk:gawk \
        gdb:gdb git:git go:golang-go hping3:hping3 iperf3:iperf3 ip:iproute2 ethtool:ethtool less:less ltrace:ltrace make:make mtr:mtr-tiny \
        nc:netcat-openbsd nft:nftables nmap:nmap ssh:openssh-client tcpdump:tcpdump traceroute:traceroute wrk:wrk \
        ping:iputils-ping perl:perl ps:procps /usr/bin/python3:python3 setpriv:util-linux strace:strace tc:iproute2 vim:vim wget:wget xz:xz-utils; do
        command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
    done
    [ -z "$missing" ] && return
    if [ "$(id -u)" = 0 ]; then
        # shellcheck disable=SC2086
        packages_for $missing
    else
        say "the tests that need them will fail: install them with: sudo apt-get install$missing"
    fi
}

compiles() {
    for cc in "${CC:-cc}" gcc clang; do
        if command -v "$cc" >/dev/null 2>&1; then return 0; fi
    done
    return 1
}
compiles || packages_for gcc libc6-dev
[ -e /usr/include/linux/seccomp.h ] || packages_for libc6-dev linux-libc-dev

if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    say "making .venv"
    rm -rf .venv
    "$python" -m venv .venv
fi
list() { .venv/bin/python tools/dependencies.py "$@"; }
pip() { .venv/bin/python -m pip --disable-pip-version-check -q install "$@"; }
say "installing Python packages"
# shellcheck disable=SC2046
if ! pip $(list run) 2>.venv/pip.log; then
    # A package without a wheel for this Python is compiled, which needs Python's own headers.
    if [ "$(id -u)" = 0 ]; then packages_for "$short-dev"; fi
    # shellcheck disable=SC2046
    pip $(list run) || { say "pip could not install $(list run)"; exit 1; }
fi
if [ "$level" = dev ]; then
    # shellcheck disable=SC2046
    pip $(list dev) || { say "pip could not install $(list dev)"; exit 1; }
    test_programs
fi
# The packages are used from the checkout.
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
pwd >"$site/stackbox.pth"
say "compiling the guest stub"
.venv/bin/python -m sandbox.platform.lane.build >/dev/null
byte_code || :
[ "$level" = dev ] && touch .venv/.ready-run
touch "$stamp"
