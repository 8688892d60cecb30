#!/bin/bash
mkdir -p d/e; echo one > d/f; ln d/f d/g; ln -s f d/l; cp -a d copy; ls -R copy | cat
stat -c '%n %s %h %F' d/f d/l d/e; readlink -f d/l | sed "s|$PWD|.|"
chmod 751 d/f; stat -c %a d/f; touch -d '2001-02-03 04:05:06 UTC' d/f; stat -c %Y d/f; date -u -d @1000000000 +%F
install -m 600 d/f inst; stat -c %a inst; mv inst d/moved; rmdir d/e; ls d
dd if=/dev/zero of=z bs=1k count=3 2>/dev/null; truncate -s 5000 z; wc -c < z; cmp z z && echo same
split -b 1000 z part.; ls part.* | wc -l; cat part.* | cmp - z && echo joined; rm part.*
du -sb d | cut -f1 | awk '{print ($1 > 0)}'; df . > /dev/null && echo df
mktemp -u tmpXXX | wc -c; basename /a/b.c .c; dirname /a/b.c; mkfifo p; (echo through > p &) ; cat p
ln -sfn nowhere dangling; test -e dangling; echo $?; test -L dangling; echo $?; shred -u z; ls
