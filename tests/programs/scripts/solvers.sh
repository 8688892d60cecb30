#!/bin/bash
# title: LuaJIT, D, Z3, Maxima, PARI/GP and PHP-FPM
# packages: luajit gdc ldc gcc libc6-dev z3 maxima pari-gp php-cli php-fpm python3
# what: calls of C, threads, messages and processes of two compilers of D; equations solved and factored; a server of PHP asked forty times, watched while it is slow, and replaced
set -u
. /programs/lib.sh
cd /tmp
luajit -e 'local ffi=require"ffi"; ffi.cdef"int getpid(void); int poll(void*,unsigned long,int);" local s=0 for i=1,5e7 do s=s+i%3 end print(s, ffi.C.getpid()>0, ffi.C.poll(nil,0,10))'
cat >a.d <<'D'
import std.stdio, std.parallelism, std.concurrency, std.process, std.algorithm, std.range, std.file, std.socket, core.thread;
void w(Tid o){ foreach(i;0..100) o.send(i); }
void main(){ auto s = taskPool.reduce!"a+b"(0L, iota(1000000L)); writeln(s); spawn(&w, thisTid); int t; foreach(i;0..100) receive((int x){t+=x;}); writeln(t);
 auto r=execute(["echo","hi"]); write(r.output); writeln(r.status); std.file.write("/tmp/q","abc"); writeln(getSize("/tmp/q")); auto ps=socketPair(); ps[0].send("xy"); char[4] b; writeln(ps[1].receive(b)); }
D
gdc -o ad a.d && ./ad; ldc2 -of=al a.d && ./al
echo '(declare-const x Int)(declare-const y Int)(assert (= (+ x y) 10))(assert (= (- x y) 4))(check-sat)(get-value (x y))' | z3 -in; z3 -T:1 -version | cut -c1-2
maxima --very-quiet --batch-string='integrate(x^2,x); factor(x^6-1);' 2>&1 | tail -4; echo 'factor(2^128+1)' | gp -q; echo 'parapply(x->x^2,[1..4])' | gp -q; 
php -r 'echo array_sum(range(1,100)),"\n";'
cat >fpm.conf <<C
[global]
error_log=/tmp/fpm.log
[w]
user=nobody
group=nogroup
listen=/tmp/fpm.sock
pm=dynamic
pm.max_children=4
pm.start_servers=2
pm.min_spare_servers=1
pm.max_spare_servers=3
pm.status_path=/st
request_slowlog_timeout=1
slowlog=/tmp/slow.log
C
FPM=$(ls /usr/sbin/php-fpm*|head -1); $FPM -F -y fpm.conf & p=$!; eventually test -S fpm.sock
cat >fcgi.py <<'P'
import socket,struct,sys
def rec(t,b): return struct.pack(">BBHHBB",1,t,1,len(b),0,0)+b
def ask(script,uri):
    s=socket.socket(socket.AF_UNIX); s.connect("/tmp/fpm.sock")
    p=b"".join(bytes([len(k),len(v)])+k+v for k,v in {b"SCRIPT_FILENAME":script,b"SCRIPT_NAME":uri,b"REQUEST_METHOD":b"GET",b"QUERY_STRING":b""}.items())
    s.sendall(rec(1,struct.pack(">HB5x",1,0))+rec(4,p)+rec(4,b"")+rec(5,b""))
    d=b""
    while True:
        x=s.recv(65536)
        if not x: break
        d+=x
    return d
open("/tmp/i.php","w").write("<?php echo 6*7; usleep(20000); ")
from concurrent.futures import ThreadPoolExecutor as T
with T(8) as t: print(sum(b"42" in x for x in t.map(lambda i: ask(b"/tmp/i.php",b"/i.php"),range(40))))
print(b"dynamic" in ask(b"/st",b"/st"))
open("/tmp/s.php","w").write("<?php sleep(2); echo 'slow';"); print(b"slow" in ask(b"/tmp/s.php",b"/s.php"))
P
python3 fcgi.py; grep -c s.php slow.log; grep -iE 'ptrace|error' fpm.log | sed 's/^[^]]*]//;s/[0-9]\+/N/g'; kill -USR2 $p; sleep 1; python3 -c '
exec(open("/tmp/fcgi.py").read().split("open(")[0]); print(b"42" in ask(b"/tmp/i.php",b"/i.php"))'; pkill -QUIT -o php-fpm; wait $p; echo fpm $?
