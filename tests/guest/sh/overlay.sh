#!/bin/bash admin
# overlayfs as one mounts it: merging, copying up, whiteouts, opaque directories, renames, options.
[ "$1" ] || exec unshare -m --propagation private bash "$0" inside
exec 2>&1
umask 022
top=$PWD; mkdir mnt; mount -t tmpfs tmpfs mnt; cd mnt
mkdir low1 low2 up work merged
tree() { (cd $1; find . ! -name . | sort | while read -r f; do stat -c '%n %F %a %u %g %t:%T' "$f"; [ -f "$f" ] && [ ! -L "$f" ] && cat "$f"; [ -L "$f" ] && readlink "$f"; done); }
echo 1 >low1/both; echo 2 >low2/both; echo only >low2/only; mkdir low1/dir low2/dir low2/dir/deep low1/mixed; echo x >low1/dir/x; echo y >low2/dir/y
echo z >low2/dir/deep/z; echo file >low2/mixed; ln -s only low2/link; mkfifo low2/fifo; chmod 640 low2/only; chown 7:8 low2/only; touch -d @1000000 low2/only low2/dir
ln low2/only low2/hard; mkdir low2/empty; setfattr -n user.k -v v low2/only 2>/dev/null
py() { python3 -c "
import os, sys, errno, fcntl, mmap
def t(f, *a, **k):
    try: r = f(*a, **k); print(f.__name__, 'ok' if r is None else r)
    except OSError as e: print(f.__name__, errno.errorcode[e.errno])
$1"; }
mount -t overlay over -o lowerdir=low1:low2,upperdir=up,workdir=work,redirect_dir=off,metacopy=off,index=off merged; echo "mounted $?"
grep merged /proc/self/mounts | sed 's/,uuid=[a-z]*//; s/,redirect_dir=off//;'"s,$top,TOP,"
stat -f -c %T merged; stat -c '%a %F' work/work; tree merged
ino=$(stat -c %i merged/only); dev=$(stat -c %d merged/only); dino=$(stat -c %i merged/dir)
# copy-up keeps what there is
chmod 600 merged/only; stat -c '%n %a %u %g %Y %h' merged/only up/only low2/only merged/hard
[ $ino = "$(stat -c %i merged/only)" ] && [ $dev = "$(stat -c %d merged/only)" ] && echo same; py "print(os.getxattr('up/only','user.k'), os.listxattr('merged/only'))"
echo more >>merged/dir/deep/z; tree up; [ $dino = "$(stat -c %i merged/dir)" ] && echo same
echo new >merged/dir/new; cat merged/dir/deep/z low2/dir/deep/z; : >merged/both; stat -c %s merged/both up/both low1/both
# removing
rm merged/link; rm merged/dir/y; rm -r merged/mixed; rmdir merged/empty; tree up; ls merged merged/dir
mkdir merged/empty merged/mixed; echo f >merged/link; rm merged/hard; ls -A merged/empty merged/mixed; tree up
py "
print(os.getxattr('up/empty', 'trusted.overlay.opaque')); print(os.listxattr('merged/empty'))
t(os.setxattr, 'merged/only', 'user.z', b'1')
print(sorted(os.listxattr('merged/only'))); t(os.removexattr, 'merged/only', 'user.none')
t(os.mknod, 'merged/white', 0o20644, 0); t(os.mknod, 'merged/null', 0o20644, os.makedev(1, 3)); t(os.mknod, 'merged/pipe', 0o10600)
"
# renaming and linking
py "
t(os.rename, 'merged/dir', 'merged/moved'); t(os.mkdir, 'merged/pure'); t(os.rename, 'merged/pure', 'merged/pure2'); t(os.rename, 'merged/pure2', 'merged/empty')
t(os.rename, 'merged/dir/x', 'merged/x'); t(os.rename, 'merged/x', 'merged/dir'); t(os.rename, 'merged/empty', 'merged/both'); t(os.rmdir, 'merged/dir')
t(os.link, 'merged/fifo', 'merged/fifo2'); t(os.link, 'merged/dir/deep/z', 'merged/z2'); print(os.stat('merged/z2').st_nlink, os.stat('merged/dir/deep/z').st_ino == os.stat('merged/z2').st_ino)
t(os.rename, 'merged/both', 'low1/both'); t(os.rename, 'merged/dir/deep', 'merged/deep')
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def rename2(a, b, flags):
    r = libc.renameat2(-100, a, -100, b, flags)
    return 0 if r == 0 else errno.errorcode[ctypes.get_errno()]
t(rename2, b'merged/z2', b'merged/both', 2); t(rename2, b'merged/z2', b'merged/w', 4); t(rename2, b'merged/z2', b'merged/both', 1); t(rename2, b'merged/empty', b'merged/dir', 2)
"
cat merged/both merged/x; tree up; ls merged
# open files
py "
r = os.open('low2/big', os.O_CREAT | os.O_WRONLY); os.write(r, b'a' * 9000); os.close(r)
r = os.open('merged/big', os.O_RDONLY); m = mmap.mmap(r, 4096, prot=mmap.PROT_READ); w = os.open('merged/big', os.O_RDWR); os.pwrite(w, b'B', 0)
print(os.pread(r, 2, 0), os.fstat(r).st_size, os.stat('up/big').st_size, os.fstat(r).st_ino == os.fstat(w).st_ino)
s = mmap.mmap(w, 9000); s[1] = 67; s.flush(); print(os.pread(r, 3, 0)); os.unlink('merged/big'); print(os.fstat(w).st_nlink, os.pread(w, 3, 0)); t(os.fchmod, w, 0o600)
d = os.open('merged/dir', os.O_RDONLY); print(sorted(os.listdir(d))); f = os.open('merged', os.O_TMPFILE | os.O_RDWR); os.write(f, b'tmp'); t(os.link, '/proc/self/fd/%d' % f, 'merged/tmp', follow_symlinks=True)
a = os.open('merged/dir/new', os.O_RDWR | os.O_APPEND); os.write(a, b'more'); print(os.pread(a, 99, 0)); fcntl.flock(a, fcntl.LOCK_EX); b = os.open('merged/dir/new', os.O_RDWR)
t(fcntl.flock, b, fcntl.LOCK_EX | fcntl.LOCK_NB); os.truncate('merged/dir/new', 2); print(os.fstat(a).st_size)
"
cat merged/tmp; ls up/big; stat -c %F up/big
python3 -c "
import socket, os
s = socket.socket(socket.AF_UNIX); s.bind('merged/sock'); s.listen(); c = socket.socket(socket.AF_UNIX); c.connect('merged/sock'); print('connected')"
cat >merged/run <<X
#!/bin/sh
echo ran
X
chmod +x merged/run; merged/run; (echo through >merged/fifo2 & cat merged/fifo2; wait)
# again, and read-only, and another on it
umount merged; mount -t overlay over -o lowerdir=low1:low2,upperdir=up,workdir=work,redirect_dir=off,index=off merged; find merged | sort
mkdir ro top topup topwork; mount -t overlay ro -o lowerdir=low1:low2 ro; touch ro/x; echo $?; rm ro/both; echo $?; grep -c ' ro ' /proc/self/mounts; cat ro/both; umount ro
mount -t overlay t -o lowerdir=merged,upperdir=topup,workdir=topwork top; echo $?; echo t >top/dir/t; rm top/both; ls top top/dir; tree topup
mkdir third; mount -t overlay t -o lowerdir=top:low1 third 2>/dev/null; echo $?; umount top; umount merged
py "
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def mount(options):
    r = libc.mount(b'o', b'third', b'overlay', 0, options.encode()); e = ctypes.get_errno()
    if not r: libc.umount(b'third')
    return options, 0 if not r else errno.errorcode[e]
for o in 'lowerdir=low1', 'lowerdir=low1,upperdir=up', 'lowerdir=none:low1', 'lowerdir=low1,upperdir=up,workdir=up', 'lowerdir=low1,upperdir=up,workdir=up/dir', 'lowerdir=low1,upperdir=none,workdir=work', 'lowerdir=low1/both:low2', 'lowerdir=low1:low2,foo=1', 'upperdir=up,workdir=work', 'lowerdir=low1:low1', 'lowerdir=low1:low1/dir', 'lowerdir=low1,upperdir=up,workdir=/tmp', '', 'lowerdir=low1:low2,redirect_dir=what', 'lowerdir=low1:low2', 'lowerdir=low2,upperdir=low2/dir,workdir=work': print(*mount(o))
"
# of an ordinary user's own
mkdir uu uw um; chmod 777 . uu uw um; mount -t overlay u -o lowerdir=low1:low2,upperdir=uu,workdir=uw,userxattr um; rm -r um/dir; mkdir um/dir; py "print(os.getxattr('uu/dir', 'user.overlay.opaque'), os.listxattr('um/dir'))"; grep -o userxattr /proc/self/mounts; umount um
unshare -rm sh -c 'mount -t overlay u -o lowerdir=low1:low2,upperdir=uu,workdir=uw,userxattr um && rm um/both && echo own >um/own && ls um && mkdir um/both && ls um/both'; tree uu
# by descriptors
py "
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(nr, *a):
    r = libc.syscall(nr, *a)
    return r if r >= 0 else errno.errorcode[ctypes.get_errno()]
f = call(430, b'overlay', 0); print(call(431, f, 1, b'source', b'mine', 0), call(431, f, 1, b'nothing', b'x', 0), call(431, f, 0, b'nothing', None, 0))
for key, value in ('lowerdir', 'low1:low2'), ('upperdir', 'up'), ('workdir', 'work'): print(call(431, f, 1, key.encode(), value.encode(), 0))
print(call(431, f, 6, None, None, 0)); m = call(432, f, 0, 0); print(call(429, m, b'', -100, b'um', 4)); print(sorted(os.listdir('um')))
"
umount um
# names that were looked for in vain before the mount, and that it makes
mkdir -p "$top"/mnt/names/{l,u,w,m} && cd "$top/mnt/names" && ls w/work u/x 2>/dev/null
mount -t overlay -o lowerdir=l,upperdir=u,workdir=w none m && stat -c %F w/work
touch m/x && stat -c %F u/x
umount m && rm -r w && echo "the work directory is gone"
cd $top; umount mnt; rmdir mnt
