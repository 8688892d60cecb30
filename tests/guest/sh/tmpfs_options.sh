# admin
# Options of a tmpfs and a devpts, numbers as memparse() reads them, and how places and sources are written in /proc.
if [ "$1" != inside ]; then exec unshare -m --propagation private /bin/sh "$0" inside; fi
mount -t tmpfs none /mnt
mkdir /mnt/t
try() {
    mount -i "$@" /mnt/t 2> /dev/null || { echo "$*: no"; return; }
    grep ' /mnt/t ' /proc/mounts | sed 's/,inode64//'
    umount /mnt/t
}
for options in noswap size=010k nr_blocks=0x10 huge=never mpol=default inode32 size=0x10000 size=0X2000 size=08k noswap=1 mpol=never nr_inodes=0x20 \
    nr_inodes=017 size=0x size=1g mode=0x7 uid=010 gid=0x20 uid=08 mand sync,mand,dirsync,lazytime; do
    try -t tmpfs -o "$options" x
done
for options in max=5 max=x mode=0640,max=4095; do
    try -t devpts -o "$options" d
done
mkdir '/mnt/#a b' '/mnt/\c'
mount -t tmpfs '#x y' '/mnt/#a b'
mount -t tmpfs '\z' '/mnt/\c'
grep '^[^ ]* /mnt/[#\\]' /proc/mounts | sed 's/,inode64//'
grep -o ' / /mnt/[#\\].*' /proc/self/mountinfo | sed 's/,inode64//'
