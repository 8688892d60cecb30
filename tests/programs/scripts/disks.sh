#!/bin/bash
# title: File systems in files, archives and fio
# packages: e2fsprogs btrfs-progs xfsprogs dosfstools mtools parted gdisk fdisk genisoimage xorriso squashfs-tools cpio p7zip-full zstd pigz pbzip2 lzop xz-utils fio
# what: ext4, Btrfs, XFS and FAT made, filled, checked and resized in files; partition tables; images of CDs and squashfs; compressors with threads; every engine of fio
set -u
. /programs/lib.sh
mkdir -p /tmp/ext4 && chmod 755 /tmp/ext4 && cd /tmp/ext4 && export HOME=/tmp/ext4
truncate -s 64M i
mkfs.ext4 -q -F i
echo $?
echo hello >f
debugfs -w -R 'write f f' i 2>/dev/null
debugfs -R 'ls -l' i 2>/dev/null | awk '{print $2,$NF}'
debugfs -R 'cat f' i 2>/dev/null
e2fsck -fn i 2>/dev/null | tail -1
tune2fs -L lab i >/dev/null
blkid -p i | grep -o LABEL=.*TYPE=[^\ ]* | sed 's/UUID="[^"]*"//'
resize2fs i 32M 2>&1 | tail -1
dumpe2fs -h i 2>/dev/null | grep -E 'Block count'
mkfs.ext4 -q -F -d /etc/default i
debugfs -R 'ls /' i 2>/dev/null | wc -c
truncate -s 128M b
mkfs.btrfs -q -f b
echo $?
btrfs check b >/dev/null 2>&1
echo $?
truncate -s 320M x
mkfs.xfs -q -f x
echo $?
xfs_repair -n -f x >/dev/null 2>&1
echo $?
xfs_db -r -c 'sb 0' -c 'p blocksize' x
truncate -s 8M v
mkfs.vfat v >/dev/null
mcopy -i v f ::
mdir -b -i v ::
fsck.vfat -n v | tail -1
truncate -s 20M p
parted -s p mklabel gpt mkpart a 1MiB 10MiB mkpart b 10MiB 100% print 2>&1 | grep -E '^ [12]'
sgdisk -v p | tail -2
sfdisk -d p | grep -c start
printf 'n\np\n1\n\n\nw\n' | fdisk p 2>&1 | grep -c altered
losetup -f 2>&1
mount -o loop i /mnt 2>&1 | head -1
filefrag f 2>&1 | sed 's/: .*//'
mkswap p 2>/dev/null | grep -o 'Setting up swapspace'
swapon p 2>&1 | sed 's/.*: //'
chattr +i f 2>&1
lsattr f 2>&1
echo x >>f
rm f 2>&1
chattr -i f 2>&1
e4defrag f 2>&1 | tail -1
fstrim / 2>&1
fsfreeze -f / 2>&1 | head -1
mkdir -p /tmp/images && chmod 755 /tmp/images && cd /tmp/images && export HOME=/tmp/images
mkdir d
for i in $(seq 200); do echo $i >d/$i; done
ln d/1 d/h
ln -s 1 d/s
mkfifo d/ff
genisoimage -quiet -R -o a.iso d 2>/dev/null
isoinfo -R -f -i a.iso | wc -l
xorriso -indev a.iso -find / 2>/dev/null | wc -l
xorriso -as mkisofs -quiet -o b.iso d 2>/dev/null
echo $?
mksquashfs d q -quiet -no-progress -processors 4 >/dev/null
unsquashfs -d u q >/dev/null 2>&1
echo $?
diff -r --no-dereference d/1 u/1
ls u | wc -l
stat -c %h u/h
mksquashfs d q2 -comp zstd -quiet -no-progress >/dev/null
unsquashfs -l q2 | wc -l
find d -depth | cpio -o -H newc --quiet >c.cpio
mkdir x
(cd x && cpio -id --quiet <../c.cpio)
ls x/d | wc -l
stat -c %F x/d/ff x/d/s
7z a -bd -mmt4 z.7z d >/dev/null
7z t z.7z | grep -c Ok
7z x -bd -oy z.7z >/dev/null
ls y/d | wc -l
head -c 3000000 /dev/urandom | base64 >big
zstd -q -T2 -k big
zstd -q -t big.zst
echo $?
zstdcat big.zst | cmp - big
zstd -q --long -19 -T0 -k -f <big | zstd -dc | md5sum | cmp - <(md5sum <big)
pigz -k -p4 big
pigz -t big.gz
gzip -dc big.gz | cmp - big
pbzip2 -k -p4 big
bzip2 -t big.bz2
echo $?
xz -T2 -k big
xz -t big.xz
lzop big
lzop -t big.lzo
echo $?
mkdir -p /tmp/fio && chmod 755 /tmp/fio && cd /tmp/fio && export HOME=/tmp/fio
for e in sync psync vsync pvsync pvsync2 posixaio mmap splice libaio io_uring ftruncate falloc filecreate filestat null; do
    fio --minimal --name=j --ioengine=$e --rw=$([ $e = ftruncate -o $e = falloc -o $e = null ] && echo write || echo randrw) --size=2M --bs=16k --iodepth=4 --directory=/tmp/fio --verify=$([ $e = sync -o $e = libaio -o $e = io_uring -o $e = mmap ] && echo crc32c || echo 0) --nrfiles=$(case $e in file*) echo 20 ;; *) echo 1 ;; esac) >o 2>e
    echo "$e $?"
    head -2 e
done
fio --minimal --name=j --rw=write --direct=1 --ioengine=libaio --size=2M --bs=16k --numjobs=3 --directory=/tmp/fio >/dev/null 2>e
echo d $?
fio --name=n --ioengine=net --protocol=tcp --hostname=127.0.0.1 --port=7777 --listen --rw=read --bs=16k --size=1M --minimal >/dev/null 2>&1 &
sleep 2
fio --name=n --ioengine=net --protocol=tcp --hostname=127.0.0.1 --port=7777 --rw=write --bs=16k --size=1M --minimal >/dev/null 2>e
echo net $?
cat e
wait
fio --minimal --name=j --rw=write --thread --numjobs=4 --ioengine=psync --fsync=4 --size=1M --bs=16k --directory=/tmp/fio >/dev/null
echo t $?
