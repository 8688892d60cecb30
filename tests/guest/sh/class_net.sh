# admin
# Network interfaces in sysfs: where they are, what is there, and what can be written.
if [ "$1" != inside ]; then exec unshare -nm --propagation private /bin/sh "$0" inside; fi
mount -t sysfs none /sys; ip link set lo up; ip link add d9 type veth peer name d8; ip link add name b0 type bridge; ip link add v5 link d9 type macvlan
ls -l /sys/class/net | awk '{print $1, $9, $10, $11}'; ls /sys/devices/virtual/net
names="addr_assign_type addr_len broadcast carrier dev_id dev_port dormant duplex flags gro_flush_timeout ifalias iflink ifindex link_mode mtu napi_defer_hard_irqs netdev_group operstate proto_down queues/rx-0 queues/tx-0 speed statistics statistics/rx_bytes subsystem testing threaded tx_queue_len type"
show() { for n in $names; do echo "$1 $n $(stat -c '%A %F %U' /sys/class/net/$1/$n) $(cat /sys/class/net/$1/$n 2>&1)"; done; }
show d9; show lo; cat /sys/class/net/d9/uevent; ls /sys/class/net/lo/statistics | sort
ip link set d9 up; ip link set d8 up
for f in carrier speed duplex flags operstate; do echo "up $f $(cat /sys/class/net/d9/$f)"; done
links() { find -H /sys/class/net/$1 -maxdepth 1 -type l -printf '%f %l\n' | sort; }
links d9; links v5; links lo; ip link set d8 master b0; links d8; links b0; cat /sys/class/net/d8/flags; ip link set d8 nomaster; links d8
ping -qc3 -i0.01 127.0.0.1 >/dev/null; cat /sys/class/net/lo/statistics/rx_packets /sys/class/net/lo/statistics/tx_bytes /sys/class/net/lo/statistics/rx_errors
put() { env printf '%s' "$2" >/sys/class/net/d9/$1 2>err; echo "put $1 '$2': $? $(grep -o 'Invalid.*\|Num.*\|Oper.*' err) -> $(cat /sys/class/net/d9/$1)"; }
for f in mtu tx_queue_len netdev_group ifalias carrier proto_down threaded; do for v in 1300 0x502 0700 9x '' -1 99999999999; do put $f "$v"; done; done
put mtu 10; put mtu 70000; put flags 0x1002; cat /sys/class/net/d9/operstate; put flags 0x1003; put flags 0x1103; put flags zz
ip -br link show d9 | grep -o '<.*'; ip link set d9 down; ip link set d9 name e9; ls /sys/class/net; cat /sys/class/net/e9/uevent; rm err; (cd /sys/class/net/e9; ip link del e9; cat mtu 2>&1; ls /sys/class/net)
