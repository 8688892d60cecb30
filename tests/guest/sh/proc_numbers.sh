f=/proc/$$/coredump_filter; cat $f; stat -c %A $f
for n in 0x23 010 0xfff 1ff '' 8_0 4294967295 09; do (echo "$n" >$f) 2>/dev/null; echo "$n $? $(cat $f)"; done
echo 0x7 >$f; sh -c 'cat /proc/self/coredump_filter'; (cat /proc/self/coredump_filter)
f=/proc/$$/oom_score_adj; for n in 0x10 020 ' 30 ' 0x 08 +40 1001 4_2; do (echo "$n" >$f) 2>/dev/null; echo "$n $? $(cat $f)"; done
