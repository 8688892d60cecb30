# admin
# ip addrlabel: labels of prefixes, and the source that is chosen by them.
if [ "$1" != inside ]; then exec unshare -n /bin/sh "$0" inside; fi
r() { echo "\$ $*"; "$@" 2>&1; echo "= $?"; }
ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up
r ip addrlabel
r ip addrlabel add prefix 2001:db8::5/32 label 99; r ip addrlabel add prefix 2001:db8::/32 dev v0 label 98
r ip addrlabel add prefix 2001:db8::/32 label 97; r ip addrlabel add prefix 2001:db9::/32 label 96
r ip addrlabel
r ip addrlabel add prefix ::ffff:10.0.0.0/104 label 5; r ip addrlabel add prefix ::/0 label 4294967295
r ip addrlabel del prefix 2001:db9::/32 label 1; r ip addrlabel del prefix 2001:db9::/32 label 1; r ip addrlabel del prefix 2001:db8::/32 dev v0 label 98
r ip addrlabel add prefix 2001:db8::/32 dev v0 label 98
ip -6 addr add 2001:db8:1::1/128 dev v0 nodad; ip -6 addr add fd00:1::1/64 dev v0 nodad; ip -6 addr add 2001:db9::1/64 dev v0 nodad
ip -6 route add 2001:dba::/32 dev v0
s() { ip -6 route get $1 | grep -o 'src [0-9a-f:]*'; }
s 2001:dba::5; s fd00:1::5
ip addrlabel add prefix 2001:dba::/32 label 98; s 2001:dba::5
ip addrlabel del prefix 2001:dba::/32 label 98; ip addrlabel add prefix 2001:dba::/32 dev v0 label 5; s 2001:dba::5
ip addrlabel del prefix 2001:dba::/32 dev v0 label 5; ip addrlabel add prefix 2001:dba::/32 dev v1 label 5; s 2001:dba::5
r ip addrlabel flush; r ip addrlabel
