# admin
# What an interface is asked to hear, how it makes addresses of IPv6, and what is set for all and for new ones.
if [ "$1" != inside ]; then exec unshare -n /bin/sh "$0" inside; fi
ip link add v0 type veth peer name v1
r() { echo "\$ $*"; "$@" 2>&1; echo "= $?"; }
d() { ip -d link show v0 | grep -oE '<.*>|promiscuity [0-9]|allmulti [0-9]|addrgenmode [a-z0-9]+|gso_max_segs [0-9]+' | tr '\n' ' '; echo; }
d
r ip link set v0 promisc on; d
r ip link set v0 allmulticast on; d
r ip link set v0 promisc on; r ip link set v0 promisc off allmulticast off; d
r ip link set v0 addrgenmode none; d
ip link set v0 up; ip link set v1 up; ip -6 addr show dev v0 | grep -c inet6
r ip link set v0 addrgenmode eui64; d
ip netconf | sed "s/forwarding o[nf]*//; s/rp_filter [a-z]* //"
ip -6 netconf show default | sed "s/forwarding o[nf]*//"
bridge vlan del vid 1 dev v0 2>&1; ip link show v1 | grep -c v1
