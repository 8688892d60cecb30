#!/bin/bash admin
# /proc/sys: how many links its directories count, and a boot id that stays in another mount of proc.
for path in . kernel kernel/random net net/ipv4 net/ipv4/conf net/ipv4/conf/lo net/ipv6/neigh fs vm; do
    stat -c '%h %a %F' "/proc/sys/$path"
done
id=$(cat /proc/sys/kernel/random/boot_id)
echo ${#id}
[ "$id" = "$(cat /proc/sys/kernel/random/boot_id)" ] && echo stays
[ "$(cat /proc/sys/kernel/random/uuid)" = "$(cat /proc/sys/kernel/random/uuid)" ] || echo changes
unshare -m sh -c '
    mount -t proc proc /mnt && [ "$1" = "$(cat /mnt/sys/kernel/random/boot_id)" ] && echo stays
' sh "$id"
ls /proc/sys/net/ipv4/neigh | grep -x "default\|lo"
