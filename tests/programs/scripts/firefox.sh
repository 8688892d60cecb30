#!/bin/bash
# title: Firefox
# packages: firefox-esr imagemagick python3
# memory: 4G
# what: headless, with its own sandbox: a page served inside, with a script that fetches more, and its screenshot
set -u
. /programs/lib.sh
mkdir -p /tmp/ff/profile && cd /tmp/ff && export HOME=/tmp/ff
echo '<h1 style="background:red">Hi</h1><script>fetch("d").then(r=>r.text()).then(t=>document.title=t)</script>' >i.html
echo data >d
python3 -m http.server 8501 --bind 127.0.0.1 >log 2>&1 &
port 8501
firefox-esr --headless --no-remote --profile /tmp/ff/profile --screenshot /tmp/ff/s.png --window-size 400,300 http://127.0.0.1:8501/i.html >out 2>&1
echo $?
identify s.png | awk '{print $2, $3}'
grep -c 'GET /d ' log
convert s.png -crop 1x1+50+40 txt: | tail -n 1 | awk '{print $3}'
