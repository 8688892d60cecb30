#!/bin/bash
# title: tar, find, xargs, dd and rsync
# packages: tar findutils coreutils rsync xz-utils file
# what: 20,000 files packed, unpacked, listed, searched by four at a time, synced, changed and synced again; dd of 100 MB; sparse files
set -u
. /programs/lib.sh
cd /tmp && mkdir tree && for i in $(seq 1 200); do mkdir tree/d$i && (cd tree/d$i && seq 1 5000 | split -l 50 -a 2 - f); done
find tree -type f | wc -l
tar cf t.tar tree && mkdir out && tar xf t.tar -C out && diff -r tree out/tree && echo equal
find tree -name 'f*' -print0 | xargs -0 -n 500 -P 4 cat | sort -n | md5sum; find tree -type f -newer t.tar | wc -l; find tree -type f -size -2 -links 1 -perm 644 | wc -l; du -s --apparent-size tree | cut -f1; find tree -type d | sort | tail -n 1
rsync -a tree/ synced/ && rm -r tree/d7 && echo changed >tree/d8/fab && rsync -a --delete --itemize-changes tree/ synced/ | grep -v '/$' | wc -l; diff -r tree synced && echo synced
rm -r tree out synced && ls | tr '\n' ' '; echo
dd if=/dev/zero of=z bs=1M count=100 status=none && dd if=z bs=64k status=none | md5sum && dd if=/dev/urandom of=u bs=1M count=8 conv=fsync status=none && dd if=u of=v bs=4k seek=1000 conv=sparse,notrunc status=none && stat -c %s v && cmp <(tail -c +4096001 v) u && echo seek
truncate -s 4G s && echo end >>s && stat -c '%s %b' s && tail -c 4 s && tar cSf s.tar s && [ $(stat -c %s s.tar) -lt 100000 ] && rm s && tar xSf s.tar && stat -c %s s; cp --sparse=always s s2 && stat -c '%s' s2; rm s s2
xz -T2 -k z && xz -dc z.xz | cmp - z && file -b z.xz u | head -n 1
ln -s z l && cp -a l l2 && readlink l2; mkfifo p && (cat z >p &) && md5sum <p; sort -R --random-source=z <(seq 1000) | sort -n | md5sum; seq 1 300000 | sort -rn -S 1M -T /tmp --parallel=2 | head -n 1; shuf -i 1-9 -n 3 --random-source=z | wc -l; split -n l/4 <(seq 100) x 2>/dev/null; timeout 0.1 sleep 5; echo $?; stat -f -c %T /proc
