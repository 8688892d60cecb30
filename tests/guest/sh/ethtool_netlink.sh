#!/bin/bash admin
# What ethtool(8) is told of a veth, a bridge, TUN and TAP devices and the loopback, by netlink where it can.
[ "$1" ] || exec unshare -n bash "$0" inside
exec 2>&1
ip link add v0 type veth peer name v1; ip link add br0 type bridge; ip tuntap add tp mode tap; ip tuntap add tn mode tun
for link in v0 v1 lo br0; do ip link set $link up; done
until ip -br link show dev v0 | grep -q ' UP '; do sleep 0.02; done
c() { echo "## $*"; timeout 5 ethtool "$@" 2>&1; echo "= $?"; }
for link in lo v0 br0 tn nosuch; do
    for what in -i -g -c -a --show-eee -T --show-priv-flags -m --show-fec -x -P -n --show-module; do c $what $link; done
    c $link
done
c tp; c -i tp; c -l lo; c -l br0; c -l tn; c -S lo; c -S br0; ethtool -S v0 | grep peer; ethtool -l v0 | grep X: | tail -2
for link in lo v0; do ethtool -k $link | grep -E '^((rx|tx)-checksumming|scatter-gather|(tcp|generic)-segmentation|highdma|vlan-chal|loopback)|tx-(checksum-ip|tcp6?-seg)' | sed 's/ \[fixed\]//'; done
ethtool -K v0 tx off >/dev/null; ethtool -k v0 | grep -E 'tx-checksumming|tx-checksum-ip-g|tx-tcp6?-seg'
