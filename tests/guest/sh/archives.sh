#!/bin/bash
mkdir -p src/sub; seq 5000 > src/big; echo hi > src/sub/x; ln -s big src/link; ln src/big src/hard; chmod 640 src/sub/x
for c in '' z J; do tar c${c}f a.tar$c src; tar t${c}f a.tar$c | sort | tr '\n' ' '; echo; mkdir out$c; tar x${c}f a.tar$c -C out$c; diff -r src out$c/src && echo same; stat -c %h out$c/src/hard; done
gzip -k src/big; gunzip -c src/big.gz | cmp - src/big && echo gz; xz -k src/big; xz -dc src/big.xz | cmp - src/big && echo xz; bzip2 -k src/big 2>/dev/null && bunzip2 -t src/big.bz2 && echo bz2
diff -u <(seq 5) <(seq 2 6) | tail -n +3; echo "1" > p1; echo "2" > p2; diff -u p1 p2 > p.diff; diff -q p1 p2; cmp p1 p2
zcat src/big.gz | tail -1; rm -rf src out* a.tar* p.diff
