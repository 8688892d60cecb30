cd /sys/devices/system/cpu || exit
for i in cpu0/cache/index*; do
    for f in level type size coherency_line_size number_of_sets ways_of_associativity physical_line_partition; do
        echo "$i $f $(cat $i/$f) $(stat -c %A $i/$f)"
    done
    test -n "$(cat $i/shared_cpu_map)" && test -n "$(cat $i/shared_cpu_list)" && test -n "$(cat $i/id)" && echo shared
done
cat cpu0/cache/index0/none 2>/dev/null || echo "no such file"
cd ../node/node0 && ls -d cpu[0-9]* | head -n $(nproc) | while read -r n; do echo "$n $(readlink $n) $(readlink ../../cpu/$n/node0)"; done
