#!/bin/bash
# title: tmux, vim, less and htop
# packages: tmux vim less htop procps
# what: each in a pane: keys typed, the screen read, the window made smaller, stopped and continued
# quick
set -u
. /programs/lib.sh
cd /tmp && seq 1 500 >numbers
t() { tmux -f /dev/null -L t "$@"; }
keys() { t send-keys -t s "$@"; }
screen() { t capture-pane -p -t s; }
shows() { eventually bash -c "tmux -L t capture-pane -p -t s | grep -q -- '$1'" && echo "shows $1"; }
t new-session -d -s s -x 80 -y 24 'PS1="> " bash --norc -i'
shows '^>'; keys 'stty size' Enter; shows '24 80'
keys 'vim -u NONE -N numbers' Enter; shows '^1$'; keys ':%s/^7$/seven/' Enter ':7' Enter; shows seven; keys G; shows '^500'; keys 'oadded' Escape ':wq' Enter; eventually grep -q added numbers; keys Enter; keys 'clear' Enter; shows '^>'; sed -n '7p;$p' numbers
keys 'less numbers' Enter; shows '^1$'; keys '/250' Enter; shows '^250'; keys 'G'; shows '^added'; keys q; keys 'clear; echo left' Enter; shows '^left'
t resize-window -t s -x 60 -y 15; keys 'clear; stty size' Enter; shows '15 60'
keys 'sleep 1000' Enter; eventually pgrep -x sleep; keys C-z; shows Stopped; keys 'clear; jobs' Enter; shows 'Stopped.*sleep'; keys 'fg' Enter; keys C-c; keys 'echo st=$?' Enter; shows 'st=130'
t resize-window -t s -x 100 -y 30; keys 'clear; htop -d 5' Enter; shows 'Load average'; shows 'F10Quit'; keys q; keys 'clear; top -b -n1 | head -n1 | cut -c1-5' Enter; shows '^top -'
t split-window -t s -h 'cat'; t list-panes -t s | wc -l; t send-keys -t s.1 hello Enter; eventually bash -c 'tmux -L t capture-pane -p -t s.1 | grep -c hello | grep -q 2' && echo echoed
t kill-server; eventually bash -c '! pgrep -x tmux' && echo ended
script -qc 'tty | sed "s/[0-9]*$//"; stty -a | tr ";" "\n" | grep -E "rows|intr"' /dev/null </dev/null | tr -d '\r'
