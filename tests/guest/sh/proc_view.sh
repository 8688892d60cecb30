test -d /proc/$$ && echo self; tr '\0' ' ' </proc/$$/cmdline | cut -d' ' -f1 | xargs basename; readlink /proc/$$/exe >/dev/null && echo exe; ls /proc/$$/fd | head -1
grep -c processor /proc/cpuinfo >/dev/null && echo cpus; awk '/^MemTotal/{print ($2 > 1000)}' /proc/meminfo; grep -q ' / ' /proc/self/mountinfo && echo mounts; cat /proc/sys/kernel/ostype
grep -c State /proc/$$/status; awk '{print $2}' /proc/$$/stat; ps -o comm= -p $$; test -r /proc/uptime && echo uptime; ls /proc/none 2>/dev/null; echo $?
lscpu | tr -s ' ' | grep -E '^(NUMA node\(s\)|Architecture)'; ls /sys/devices/system/cpu/cpu0/node0 | grep -x cpulist
vmstat 2>&1 >/dev/null; awk '/MemTotal/{print $1, $2, ($4 > 1000)}' /sys/devices/system/node/node0/meminfo
