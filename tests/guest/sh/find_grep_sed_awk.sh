#!/bin/bash
mkdir -p a/b/c; for i in 1 2 3; do echo "line $i foo" > a/f$i.txt; echo "x=$i" > a/b/g$i.conf; done
find a -type f | sort; find a -name '*.txt' -exec cat {} + | sort; find a -maxdepth 1 -type d | sort; find a -newer a/f1.txt -o -size +100k | sort | head -3 > /dev/null
find a -type f -print0 | xargs -0 -n 2 echo | wc -l; find a -name 'g1*' -delete; find a -type f | wc -l; find a -perm -600 -type f | wc -l
seq 10 | xargs -P 3 -n 1 echo | sort -n | tr '\n' ' '
grep -rn foo a | sort; grep -c line a/f1.txt; grep -E '^(line|x)' -h a/f2.txt; grep -v foo a/f3.txt; echo $?; grep -o '[0-9]' <<<a1b2; grep -P '\d+' <<<abc123; grep -q nothing a/f1.txt || echo none
sed 's/line/LINE/;2q' a/f1.txt; sed -n '$p' a/f2.txt; sed -i 's/foo/bar/' a/f3.txt; cat a/f3.txt; seq 5 | sed '2,3d;s/4/four/'
seq 10 | awk '{s += $1} END {print s, NR}'; awk -F: 'NR==1 {print $1}' /etc/passwd; awk 'BEGIN {while (("echo a b" | getline) > 0) print $2; printf "%.2f\n", 1/3; system("echo sys")}'
