#!/bin/bash
# title: Borg, restic, rclone and duplicity
# packages: borgbackup restic rclone duplicity curl python3
# what: repositories made, filled twice, checked, restored and compared; a directory served
set -u
. /programs/lib.sh
mkdir -p /tmp/backups && chmod 755 /tmp/backups && cd /tmp/backups && export HOME=/tmp/backups
export BORG_PASSPHRASE=x RESTIC_PASSWORD=x
mkdir s
for i in $(seq 200); do head -c 2000 /dev/urandom >s/$i; done
ln -s 1 s/l
borg init -e repokey-blake2 b 2>/dev/null
echo $?
borg create b::a s
echo $?
borg create b::a2 s
borg list --short b
borg check b
echo $?
mkdir x
(cd x && borg extract ../b::a)
diff -r s x/s && echo same
borg delete b::a
echo $?
restic init -q -r r
restic -q -r r backup s
echo $?
restic -r r snapshots --json | python3 -c 'import json,sys;print(len(json.load(sys.stdin)))'
restic -q -r r check
restic -q -r r restore latest --target rx
diff -r s rx/tmp/backups/s && echo same
rclone --config /dev/null copy s rc -q
diff -r --no-dereference s rc | head -2
rclone --config /dev/null check s rc 2>&1 | grep -c '0 differences'
rclone --config /dev/null serve http s --addr 127.0.0.1:8301 -q &
p=$!
port 8301
curl -s http://127.0.0.1:8301/1 | cmp - s/1
kill $p
wait $p
echo $?
duplicity --no-encryption --archive-dir /tmp/backups/da s file:///tmp/backups/du >dl 2>&1
echo $?
grep -E '^(NewFiles|Errors)' dl
duplicity --no-encryption --archive-dir /tmp/backups/da restore file:///tmp/backups/du dr >/dev/null 2>&1
diff -r --no-dereference s dr && echo same
