#!/bin/bash
# title: Wine, PulseAudio, PipeWire, Weston, Tomcat, Jupyter, AFL++, Delve, sanitizers, Doxygen and Sphinx
# packages: wine64 wine pulseaudio pulseaudio-utils pipewire pipewire-bin wireplumber dbus dbus-daemon weston tomcat10 default-jre-headless jupyter-nbconvert python3-ipykernel afl++ delve clang llvm libclang-rt-14-dev g++ doxygen graphviz python3-sphinx curl procps
# what: a program of Windows; sound into nowhere and back; a compositor without a screen and a client; a page compiled and asked for twenty times; a notebook run; a program fuzzed; Go debugged; races, leaks and wild accesses found; manuals made
set -u
. /programs/lib.sh
cd /tmp
export XDG_RUNTIME_DIR=/tmp/run; mkdir -m 700 run
export PATH=$PATH:/usr/lib/wine WINEPREFIX=/tmp/wine WINEDEBUG=-all
wine64 wineboot -i >/dev/null 2>&1; echo "wineboot: $?"
wine64 cmd /c 'echo hello & ver & dir C:\windows\system32\cmd.exe' 2>/dev/null | tr -d '\r' | grep -oE 'hello|Microsoft.*|cmd.exe'
wineserver64 -k; wineserver64 -w

pulseaudio -n --daemonize=yes --exit-idle-time=-1 -L module-null-sink -L module-native-protocol-unix -L 'module-native-protocol-tcp listen=127.0.0.1 auth-anonymous=1' 2>/dev/null
eventually pactl info; pactl info | grep -E 'Default S|Server Name'
head -c 200000 /dev/zero >sound; pacat --raw sound; echo "played: $?"
parec --raw -d null.monitor >heard & p=$!; eventually bash -c '[ "$(stat -c %s /tmp/heard)" -gt 50000 ]' && echo heard; kill $p
PULSE_SERVER=tcp:127.0.0.1 pactl list short sinks | cut -f 2,4; pulseaudio --kill
cat >pw.sh <<'S'
pipewire >/tmp/pw.log 2>&1 & wireplumber >/tmp/wp.log 2>&1 &
. /programs/lib.sh
eventually pw-cli info 0; eventually bash -c 'wpctl status | grep -q Settings'
pw-cli info 0 | grep -oE 'name: "pipewire-0"'; wpctl status | grep -oE 'Audio|Video|Settings'
kill %1 %2; wait
S
dbus-run-session -- bash pw.sh 2>/dev/null

weston --backend=headless-backend.so --socket=w1 --idle-time=0 --log=/tmp/weston.log >/dev/null 2>&1 & p=$!
eventually test -S run/w1; WAYLAND_DISPLAY=w1 weston-info 2>&1 | grep -oE "interface: 'wl_[a-z_]*'" | sort
WAYLAND_DISPLAY=w1 timeout 2 weston-simple-shm; echo "drawing: $?"; kill $p; wait $p; echo "weston: $?"

mkdir -p tc/{logs,webapps/ROOT,temp,work}; cp -r /etc/tomcat10 tc/conf
echo '<%= 6*7 %> <%= request.getMethod() %>' >tc/webapps/ROOT/i.jsp; seq 50000 >tc/webapps/ROOT/big
CATALINA_BASE=/tmp/tc /usr/share/tomcat10/bin/catalina.sh run >tc.log 2>&1 &
port 8080; curl -s 127.0.0.1:8080/i.jsp; curl -s 127.0.0.1:8080/big | md5sum
asked=; for i in $(seq 20); do curl -s -o /dev/null -w '%{http_code}\n' 127.0.0.1:8080/i.jsp >code.$i & asked="$asked $!"; done; wait $asked; cat code.* | sort | uniq -c
pkill java; wait; grep -c SEVERE tc.log

python3 - <<'P'
import json

cells = [
    {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": source}
    for source in ("print(6*7)", "import subprocess; print(subprocess.check_output(['echo', 'hi']))")
]
kernel = {"kernelspec": {"name": "python3", "display_name": "p"}}
json.dump({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 2}, open("a.ipynb", "w"))
P
HOME=/tmp jupyter-nbconvert --execute --to notebook --output b.ipynb a.ipynb >/dev/null 2>&1; grep -A 1 '"text"' b.ipynb | grep -v text

printf '#include <stdio.h>\n#include <stdlib.h>\nint main(){char b[64]={0};if(!fgets(b,64,stdin))return 0;if(b[0]==72&&b[1]==105)abort();return 0;}\n' >a.c
mkdir in; echo hello >in/x; export AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1 AFL_NO_AFFINITY=1
afl-cc -o a a.c >/dev/null 2>&1; timeout 60 afl-fuzz -V 6 -i in -o out -- ./a >afl.log 2>&1
awk '/execs_done/ {print $1, ($3 > 100)}' out/default/fuzzer_stats; figure "$(grep execs_per_sec out/default/fuzzer_stats)"
afl-showmap -q -o map -- ./a <in/x; [ -s map ] && echo map

printf 'package main\nimport "fmt"\nfunc f(n int) int { return n * 2 }\nfunc main() {\n\tfor i := 0; i < 3; i++ {\n\t\tfmt.Println(f(i))\n\t}\n}\n' >g.go
printf 'break main.f\ncontinue\nargs\ncontinue\nclear 1\ncontinue\nexit\n' >cmds
HOME=/tmp timeout 120 dlv debug g.go --init cmds 2>&1 </dev/null | grep -E '^[0-9]$|^n = |exited' | sed 's/[0-9]* has/N has/'

cat >t.cc <<'C'
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>
int g;
int main(int c, char **v) {
    std::vector<std::thread> t;
    for (int i = 0; i < 4; i++) t.emplace_back([] { for (int k = 0; k < 1000; k++) g++; });
    for (auto &x : t) x.join();
    int *p = (int *)malloc(16), k = 0x7fffffff;
    free(p);
    if (c > 1) printf("%d\n", p[1]);
    k += c;
    return k == 0;
}
C
for s in address thread undefined; do
    clang++ -fsanitize=$s -g -o s t.cc 2>/dev/null && ./s x 2>&1 | grep -oE 'heap-use-after-free|data race|signed integer overflow' | sort -u
done

mkdir dx sp; printf '/** doc */\nint f(int a);\n' >dx/a.h
(cd dx && doxygen -g >/dev/null && sed -i 's/^HAVE_DOT .*/HAVE_DOT=YES/; s/^DOT_NUM_THREADS.*/DOT_NUM_THREADS=2/' Doxyfile && doxygen >/dev/null 2>&1; find html -type f | wc -l)
printf 'project = "x"\n' >sp/conf.py; printf 'T\n=\n\nhello\n' >sp/index.rst; (cd sp && sphinx-build -q -j 2 -b html . out && ls out | sort | tr '\n' ' ')
