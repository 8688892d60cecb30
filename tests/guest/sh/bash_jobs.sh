#!/bin/bash
# job control without a terminal: groups, stop, continue, fg
set -m
sleep 30 & p=$!
kill -STOP %1; sleep 0.1; jobs | cat
kill -CONT %1; kill %1; wait %1; echo "status $?"
(echo in; exit 7) & wait $!; echo "$?"
cat | cat <<<"piped" & wait
for n in 1 2 3; do (exit $n) & p="$p $!"; done; for j in $p; do wait $j; s=$((s + $?)); done; echo "sum $s"
