# admin
# What drivers of TUN and TAP devices say to ethtool(8).
if [ "$1" != inside ]; then exec unshare -n /bin/sh "$0" inside; fi
ip tuntap add tn mode tun; ip tuntap add tp mode tap; ip link set tn up
for link in tn tp; do
    for what in -i -T -P; do ethtool $what $link 2>&1; echo "= $?"; done
    ethtool $link 2>&1 | grep -E 'Speed|Duplex|Port:|Link detected'
done
