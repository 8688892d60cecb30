seq 20 | sort -rn | head -5 | paste -sd,; printf 'b\na\nb\n' | sort | uniq -c | tr -s ' '; printf 'a:b:c\n' | cut -d: -f2,3
yes | head -1000 | wc -l; seq 100000 | tail -1; seq 1000 | split -l 300 - part; ls part*; cat part* | md5sum; printf 'x\ty\n' | expand | od -c | head -2
echo hello | rev | tac; comm -12 a b 2>/dev/null; printf '3\n1\n2\n' >n; sort -o n n; cat n; join n n; nl n; fold -w 3 n | wc -l; seq 10 | shuf --random-source=/dev/zero | wc -l
dd if=/dev/zero bs=1000 count=5 2>/dev/null | sha256sum; head -c 5 /dev/zero | xxd 2>/dev/null | head -1; factor 360; expr 6 \* 7; date -u -d @0; basename /a/b.c .c; dirname /a/b
