#!/bin/bash
# title: stress-ng
# packages: stress-ng
# what: --verify of each stressor of the classes cpu, cpu-cache, memory, vm, os, scheduler, pipe, network, filesystem, interrupt, io and security that needs no device and no privilege; five seconds each
# memory: 4G
# bound: 7200
# known: klog: = natively it needs the privilege to read the kernel's log; inside the log is the sandbox's own
# known: io-uring: = some hosts' fails natively
# known: netlink-task: = there is no taskstats
# known: pci: = there is no PCI bus
# known: l1cache: = /sys does not tell of the processor's caches
# known: llc-affinity: = /sys does not tell of the processor's caches
# known: physpage: = natively it fails where /proc/kpagecount may not be read
set -u
. /programs/lib.sh
# What takes the whole memory of the machine or its kernel's settings natively.
LEFT_OUT=" bigheap brk stack oom-pipe swap sysfs procfs watchdog cpu-online smi loop binderfs tun netdev resources "
trap : ALRM # one stressor sends it to process 1
cd /tmp && mkdir -p s
seconds=${STRESS_SECONDS:-5}
classes="cpu cpu-cache memory vm os scheduler pipe network filesystem interrupt io security"
names=$(for c in $classes; do stress-ng --class "$c?" 2>&1 | sed 's/^[^:]*: *//' | tr ' ' '\n'; done | grep -E '^[a-z0-9-]+$' | sort -u)
for name in ${STRESS_NAMES:-$names}; do
    [[ $LEFT_OUT == *" $name "* ]] && continue
    timeout -k 5 $((90 + 4 * seconds)) stress-ng --"$name" 2 --verify -t $seconds --temp-path /tmp/s --vm-bytes 64m --mmap-bytes 64m >/tmp/log 2>&1
    status=$?
    # 3: no resources for it; 4: not implemented here; and those that only `--pathological` starts.
    if grep -q 'No stress workers invoked' /tmp/log || [ $status = 3 ] || [ $status = 4 ]; then
        echo "$name was not run" >&2
    elif [ $status = 0 ]; then
        echo "$name: ok"
    else
        echo "$name: status $status"
        { echo "== $name"; tail -n 15 /tmp/log; } >&2
    fi
done
