#!/bin/sh admin
# A file system that is mounted nowhere any more goes on for who is in it, also when another of its mounts went later.
set -u
unshare -m sh -u <<'S'
mount --make-rprivate /
d=$(mktemp -d) && mkdir $d/one $d/two
mount -t tmpfs none $d/one && mount --bind $d/one $d/two
cd $d/one && mkdir w && echo text >f
umount -l $d/one && umount $d/two && echo unmounted
ls; cat f; rmdir w && mkdir w x && mv f x/f && cat x/f && rm x/f && rmdir w x; ls | wc -l
echo more >g && cat g
cd / && rmdir $d/one $d/two $d && echo gone
S
