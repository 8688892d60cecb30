# admin
# A neighbour that is asked for because somebody says that it is used.
if [ "$1" != inside ]; then exec unshare -nm --propagation private /bin/bash "$0" inside; fi
mount -t tmpfs none /run
ip link add v0 type veth peer name v1; ip netns add o; ip link set v1 netns o; ip link set v0 up; ip -n o link set v1 up; ip addr add 10.1.1.1/24 dev v0; ip -n o addr add 10.1.1.2/24 dev v1
r() { echo "\$ $*"; "$@" 2>&1; echo "= $?"; }
r ip neigh add 10.1.1.2 dev v0 use
n=0; until ip neigh show 10.1.1.2 | grep -q REACHABLE || [ $((n += 1)) -gt 200 ]; do sleep .02; done
ip neigh show 10.1.1.2 | sed 's/lladdr [0-9a-f:]*/lladdr X/'
r ip neigh add 10.1.1.2 dev v0 use
r ip neigh replace 10.1.1.2 dev v0 nud stale use
ip neigh show 10.1.1.2 | sed 's/lladdr [0-9a-f:]*/lladdr X/'
r ip neigh change 10.1.1.9 dev v0 use
r ip neigh replace 10.1.1.9 dev v0 use
ip neigh show 10.1.1.9
r ip neigh replace 10.1.1.8 lladdr 02:00:00:00:00:01 dev v0 use
ip neigh show 10.1.1.8
r ip neigh replace 10.1.1.7 lladdr 02:00:00:00:00:01 dev v0 nud permanent 
r ip neigh replace 10.1.1.7 dev v0 use
ip neigh show 10.1.1.7
