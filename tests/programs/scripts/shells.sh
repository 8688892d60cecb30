#!/bin/bash
# title: zsh, fish, screen, sudo, fakeroot and ACL tools
# packages: zsh fish screen sudo fakeroot acl attr tar rsync
# what: job control, coprocesses and pseudo-terminals of zsh; jobs and functions of fish; a detached screen that is typed into and read; sudo to another user and back; a package tree made as no root; access lists set, obeyed, inherited, copied and packed
set -u
. /programs/lib.sh
mkdir -p /tmp/w && cd /tmp/w && chmod 755 . && export SHELL=/bin/sh
cat >z.zsh <<'E'
setopt extendedglob
zmodload zsh/zpty zsh/system zsh/net/tcp zsh/datetime zsh/stat
touch a1 a2 b1 && print -l a* (#i)B*
coproc tr a-z A-Z; print -p hello; exec 3>&p; exec 3>&-; coproc exit; sleep 0.1
zpty p 'stty -echo; read x; print got $x; tty >/dev/null && print a terminal'; zpty -w p word; while zpty -r p line; do print -r -- ${line//$'\r'/}; done | grep -E 'got|terminal'
sysopen -w -o creat,excl -u f new && syswrite -o $f text && print $(<new) && zstat +size new
TRAPUSR1() { print usr1 }; kill -USR1 $$
sleep 100 &
kill $!; wait $!; print status $?
(exit 3) | true; print $pipestatus
ztcp -l 7001; l=$REPLY; { ztcp -a $l; read -u $REPLY x; print -u $REPLY back $x } & sleep 0.1; ztcp localhost 7001; print -u $REPLY there; read -u $REPLY y; print $y
diff <(print -l 1 2) <(print -l 1 3) | grep -c '^[<>]'
E
zsh -f z.zsh; echo "zsh: status $?"
cat >f.fish <<'E'
function twice; echo $argv $argv; end
twice a b
set -l n (seq 5 | string join ,); echo $n
sleep 100 & 
jobs -p >/dev/null; and echo a job
kill (jobs -p); wait; echo waited
function on_usr1 --on-signal USR1; echo usr1; end
kill -USR1 $fish_pid
for f in *1; echo $f; end
echo text | while read -l l; echo "<$l>"; end
false | true; echo $pipestatus
exit 4
E
HOME=/tmp/w fish --no-config f.fish 2>&1; echo "fish: status $?"
export SCREENDIR=/tmp/screens; mkdir -m 700 $SCREENDIR
screen -c /dev/null -dmS s sh -c 'PS1="ready> " exec sh -i'
eventually bash -c 'screen -S s -X hardcopy /tmp/w/h && grep -q "ready>" /tmp/w/h'
screen -S s -X stuff $'echo $((6 * 7)); stty size\n'
eventually bash -c 'screen -S s -X hardcopy /tmp/w/h && grep -qx "24 80" /tmp/w/h' && grep -vE '^$' h | head -n 4
screen -ls | grep -c Detached; screen -S s -X quit; eventually bash -c '! screen -ls | grep -q Detached' && echo "screen ended"
echo 'nobody ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/n && chmod 440 /etc/sudoers.d/n
sudo -u nobody id -un; sudo -u nobody sudo -n id -u 2>/dev/null; sudo -u nobody sh -c 'cat /etc/shadow' 2>&1 | grep -c denied; sudo -n -u games -g tty id
sudo -u nobody fakeroot sh -c 'mkdir -p /tmp/fk/d && cd /tmp/fk && echo x >d/f && chown 12:34 d/f && mknod d/null c 1 3 && stat -c "%u %g %F" d/f d/null && tar cf /tmp/fk/t.tar d'; tar tvf /tmp/fk/t.tar | awk '{print $1, $2}' | sort
mkdir acl && cd acl && echo text >f && chmod 640 f
setfacl -m u:nobody:rw,g:tty:r f && getfacl f
sudo -u nobody sh -c 'cat f; echo more >>f && wc -l <f'; sudo -u games cat f 2>&1; sudo -u games -g tty cat f
setfacl -m m::r f; sudo -u nobody sh -c 'echo again >>f' 2>&1 | grep -c denied; ls -l f | cut -c1-11
chmod g+w f; getfacl -c f | grep mask; setfacl -d -m u:1234:rwx,o::- . && mkdir sub && touch sub/n && getfacl sub sub/n
cp -a f kept && getfacl -c kept | head -n 3; cp f plain && getfacl -c plain
tar --acls -cf ../a.tar . && mkdir ../x && tar --acls -xf ../a.tar -C ../x && getfacl -R ../x | md5sum && getfacl -R --absolute-names . | sed 's/# file: ./&/' | grep -c :
rsync -aA ./ ../y/ && (cd ../y && getfacl f)
setfacl -b f && getfacl f; setfattr -n user.note -v hello f && getfattr -d f; chacl u::rw-,g::r--,o::--- f && ls -l f | cut -c1-11
