# admin
# /proc/net/dev_snmp6: which interfaces have a file, and what each counts.
if [ "$1" != inside ]; then exec unshare -n /bin/sh "$0" inside; fi
dir=/proc/net/dev_snmp6
ls $dir; ip link set lo up; ip link add d9 type veth peer name d8
for one in default all d8 d9; do for key in accept_dad router_solicitations autoconf; do echo 0 >/proc/sys/net/ipv6/conf/$one/$key; done; done
stat -c '%A %h %s %F %U' $dir $dir/lo; ls $dir | sort
counted() { echo "$1:"; grep -v '	0$' $dir/$2 | grep -v OutTransmits | sed 's/ifIndex.*/ifIndex/'; }
sed 's/[0-9]*$//' $dir/lo | grep -v OutTransmits
ping -6 -qc2 -i0.01 ::1 | grep -o '. received'; counted "lo to itself" lo
ip -6 addr add fd00::1/64 dev d9 nodad; ping -6 -qc1 fd00::1 2>&1 | grep -o '. received'; counted "own address, loopback" lo
grep -E 'Icmp6(In|Out)Echo|InDelivers|Icmp6(In|Out)Type12' $dir/d9
bash -c 'echo x >/dev/udp/::1/9'; counted "refused" lo
ip link set d9 mtu 1200; ls $dir | sort; ip link set d9 mtu 1300; ls $dir | sort; ip link set d8 name e8; ls $dir | sort
ip link del e8; ls $dir; cat $dir/d9 2>&1 | sed 's/.*: //'; ls /proc/1/net/dev_snmp6 >/dev/null && echo init
