#!/bin/sh
# Puts the runtime on a node and tells its containerd; `install.sh remove` takes that back. Runs in the installer's pod, with the
# node's root at $NODE. What it finds as it should be it leaves alone: containerd is restarted only when it has to take notice.
set -eu
node=${NODE:-/node}
bin=${BIN:-/usr/local/bin}
config=${CONFIG:-/etc/containerd/config.toml}
restart=${RESTART:-systemctl restart containerd}
here=$(dirname "$0")

# The node's own programs, in its own namespaces.
on_node() {
    if [ "$node" = / ]; then "$@"; else nsenter --target 1 --mount --uts --ipc --net --pid -- "$@"; fi
}
registered() { grep -q 'io.containerd.runsc.v1' "$node/$config" 2>/dev/null; }

if [ "${1:-}" = remove ]; then
    if registered; then
        on_node "$bin/runsc" uninstall --yes --path "$bin/runsc" --containerd-config "$config" containerd
        on_node $restart
    fi
    rm -f "$node/$bin/runsc"
    echo "removed"
    exit 0
fi

if ! cmp -s "$here/runsc" "$node/$bin/runsc"; then
    # Whole or not at all: sandboxes that run keep the file that they began with.
    cp "$here/runsc" "$node/$bin/.runsc-new"
    chmod 755 "$node/$bin/.runsc-new"
    mv "$node/$bin/.runsc-new" "$node/$bin/runsc"
    echo "installed $(on_node "$bin/runsc" --version | head -n 1)"
fi
# 0: all well, 1: works with less, 2: this node cannot run sandboxes.
on_node "$bin/runsc" doctor || [ $? = 1 ] || { echo "this node cannot run sandboxes" >&2; exit 1; }
if ! registered; then
    on_node "$bin/runsc" install --yes --path "$bin/runsc" --containerd-config "$config" containerd
    on_node $restart
fi
echo "ready"
[ "${1:-}" = once ] || exec sleep infinity
