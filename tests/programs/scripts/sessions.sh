#!/bin/bash
# title: login, at, cron and file capabilities
# packages: at cron expect login passwd sudo libcap2-bin python3
# what: accounts made and logged into on a terminal, with PAM; jobs of at; tables of cron; programs with file capabilities run by who may and who may not
set -u
. /programs/lib.sh
mkdir -p /tmp/cron && chmod 755 /tmp/cron && cd /tmp/cron && export HOME=/tmp/cron
mkdir -p /var/spool/cron/atjobs /var/spool/cron/atspool
echo 'touch /tmp/cron/atdone' | at now 2>&1 | grep -c job
chmod 777 /tmp/cron
atd -f >al 2>&1 &
p=$!
eventually test -e atdone
echo $?
kill $p
printf '* * * * * touch /tmp/cron/crond\n' | crontab -
crontab -l
cron -f &
p=$!
sleep 1
kill -0 $p && echo running
kill $p
wait $p
echo $?
cron
echo $?
cat /var/run/crond.pid | wc -w
su - nobody -s /bin/sh -c 'id -un; pwd' 2>&1
login -h 2>&1 | head -1
useradd -m t1
echo t1:pw | chpasswd
su nobody -s /bin/sh -c 'su t1 -c id' </dev/null 2>&1 | tail -1
cat >l.exp <<'X'
log_user 0
set timeout 20
spawn su nobody -s /bin/sh -c "su t1 -c id"
expect Password: { send "pw\r" }
expect uid { puts "su ok" }
expect eof
spawn login
expect login: { send "t1\r" }
expect Password: { send "pw\r" }
expect {\$ } { send "echo a\$((1+1))\r" }
expect a2 { puts "login ok" }
send "exit\r"
expect eof
X
expect l.exp
passwd -S t1 | cut -c1-4
chage -l t1 | head -1 | cut -d: -f1
usermod -aG sudo t1
id -nG t1
groupadd g
gpasswd -a t1 g
userdel -r t1
echo $?
newgrp tty <<<'id -gn'
mkdir -p /tmp/fcap && chmod 755 /tmp/fcap && cd /tmp/fcap && export HOME=/tmp/fcap
mkdir -p /opt/f && cd /opt/f
cp /bin/cat c
setcap cap_dac_read_search+ep c
echo $?
getcap c
chmod 755 . c
su nobody -s /bin/sh -c './c /etc/shadow | wc -l'
./c /dev/null
echo $?
setcap cap_dac_read_search+p c
./c /dev/null
echo $?
setcap cap_dac_override+ep c
su nobody -s /bin/sh -c './c /etc/shadow | wc -l'
grep CapBnd /proc/self/status
python3 -c 'import os;print(os.getxattr("c","security.capability").hex())'
