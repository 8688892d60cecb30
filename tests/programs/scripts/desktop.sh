#!/bin/bash
# title: X servers, xterm, xdotool and VNC
# packages: xvfb xterm xdotool x11-apps x11-utils x11-xserver-utils imagemagick tigervnc-standalone-server
# what: a virtual screen on which a terminal is typed into, a window appears and pictures are taken; a VNC server greets
set -u
. /programs/lib.sh
mkdir -p /tmp/x11 && chmod 755 /tmp/x11 && cd /tmp/x11 && export HOME=/tmp/x11
Xvfb :5 -screen 0 640x480x24 -nolisten tcp >xl 2>&1 &
p=$!
export DISPLAY=:5
eventually xdpyinfo
xdpyinfo | grep -E 'dimensions|MIT-SHM|name of display'
xterm -geometry 40x10+10+10 -e sh -c 'stty size >/tmp/x11/sz; read x; echo $x >/tmp/x11/got' &
eventually xdotool search --class xterm
eventually test -s sz
cat sz
xdotool search --class xterm windowfocus
sleep 1
xdotool type hello
xdotool key Return
eventually test -s got
cat got
xsetroot -solid red 2>/dev/null
import -window root s.png 2>/dev/null
identify s.png | awk '{print $2,$3}'
xclock &
sleep 2
import -window root s2.png
compare -metric AE s.png s2.png null: 2>&1 | awk '{print ($1>100)}'
xwininfo -root -tree | grep -c xclock
xlsclients | wc -l
xprop -root | head -1 | cut -d'(' -f1
kill %3
kill $p
wait $p
echo $?
mkdir -p /tmp/.X11-unix
Xtigervnc :6 -SecurityTypes None -localhost -rfbport 5906 -geometry 320x200 >vl 2>&1 &
p=$!
port 5906
head -c 12 </dev/tcp/127.0.0.1/5906
DISPLAY=:6 eventually xdpyinfo
DISPLAY=:6 xdpyinfo | grep dimensions
kill $p
wait $p
echo $?
