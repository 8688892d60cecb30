#!/bin/bash
# title: Chromium
# packages: chromium imagemagick python3 fonts-dejavu-core
# what: headless: a page served inside, with a script that fetches more, its screenshot and its DOM
# memory: 6G
set -u
. /programs/lib.sh
mkdir -p /tmp/site && cd /tmp/site && echo 200 >height && cat >index.html <<'H'
<!doctype html><style>body{margin:0;background:#fff}div{width:200px;background:#00f}</style><div id=d>text</div>
<script>fetch("/height").then(r=>r.text()).then(t=>{d.style.height=t.trim()+"px";document.title="fetched "+t})</script>
H
python3 -m http.server -b 127.0.0.1 8000 >/dev/null 2>&1 & port 8000
C="chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir=/tmp/profile --window-size=400,300 --virtual-time-budget=3000"
timeout 300 $C --screenshot=/tmp/shot.png http://127.0.0.1:8000/ >/tmp/c.log 2>&1; echo "status $?"; [ -s /tmp/shot.png ] || tail -n 20 /tmp/c.log >&2
convert /tmp/shot.png -format '%w %h %[pixel:p{100,150}] %[pixel:p{300,150}] %[pixel:p{100,250}]\n' info:
timeout 300 $C --dump-dom http://127.0.0.1:8000/ 2>/dev/null | grep -oE 'height: 200px|fetched 200'; kill %1
