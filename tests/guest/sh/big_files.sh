dd if=/dev/zero of=z bs=1M count=20 2>/dev/null; stat -c %s z; truncate -s 100M sparse; stat -c %s sparse; [ $(stat -c %b sparse) -lt 1000 ] && echo sparse
dd if=/dev/zero of=sparse bs=1 count=1 seek=50000000 conv=notrunc 2>/dev/null; stat -c %s sparse; cp z copy; cmp z copy && echo equal; rm sparse copy
seq 200000 >s; md5sum <s; gzip -k s; gunzip -c s.gz | cmp - s && echo gz; tar cf t.tar s; tar tf t.tar; rm s.gz t.tar z; tail -c 10 s; head -c 10 s | od -An -c; grep -c 99 s
