# admin
# How large a frame and what a link leaves to its device may be, by kind of link.
if [ "$1" != inside ]; then exec unshare -n /bin/sh "$0" inside; fi
r() { echo "\$ $*"; "$@" 2>&1; echo "= $?"; }
d() { ip -d link show $1 | grep -oE 'maxmtu.*[0-9]+|[gt][srt]o_m.*' | sed 's/ addr.*gso/ gso/; s/^ *//'; }
ip link add v0 type veth peer name v1; ip tuntap add tn mode tun; ip tuntap add tp mode tap
for link in v0 tn tp; do echo "$link"; d $link; done; d lo | sed 's/maxmtu [0-9]* //'
r ip link set tp mtu 65522; r ip link set tp mtu 65521; r ip link set tn mtu 65535; r ip link set v0 mtu 67
