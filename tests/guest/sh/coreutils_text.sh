#!/bin/bash
seq 20 > n; sort -rn n | head -3; tail -2 n; nl -ba n | sed -n 3p; paste -sd+ n | bc 2>/dev/null || paste -sd+ n
tr a-z A-Z <<<"shout"; cut -d: -f1,3 /etc/passwd | head -1; printf 'b\na\nb\n' | sort | uniq -c
comm -12 <(seq 1 5) <(seq 3 8); join <(printf '1 a\n2 b\n') <(printf '1 x\n2 y\n'); tac n | head -1; rev <<<abc
wc n; fold -w 10 <<<"0123456789abcdef"; expand <<<$'a\tb'; shuf -i 1-5 --random-source=/dev/zero | sort | tr '\n' ' '
md5sum n; sha1sum n; sha256sum n; cksum n; base64 <<<hello; base64 -d <<<aGVsbG8K; od -c <<<hi; tee t1 t2 <<<tee | cat; cat t1 t2
expr 3 + 4; factor 60; numfmt --to=iec 1048576; printf '%s\n' *; yes | head -2; seq -s, 5; env -i A=1 env; nice -n 5 nice; tsort <<<"a b b c"
