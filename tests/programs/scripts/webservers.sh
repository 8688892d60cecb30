#!/bin/bash
# title: Gunicorn, uWSGI, Uvicorn, Twisted, gevent and uvloop
# packages: gunicorn uwsgi-core uwsgi-plugin-python3 python3-uvicorn python3-uvloop python3-gevent python3-twisted python3-tornado curl python3
# what: each kind of worker asked thirty times at once, reloaded and ended; event loops with sockets, processes, signals and threads
set -u
. /programs/lib.sh
mkdir -p /tmp/webpy && chmod 755 /tmp/webpy && cd /tmp/webpy && export HOME=/tmp/webpy
cat >app.py <<'X'
def app(e, s):
    s('200 OK',[('Content-Type','text/plain')]); return [b'hello ' + e['PATH_INFO'].encode()]
async def asgi(scope, receive, send):
    if scope['type']!='http': return
    await send({'type':'http.response.start','status':200,'headers':[]}); await send({'type':'http.response.body','body':b'asgi'})
X
try() {
    for i in $(seq 30); do curl -s http://127.0.0.1:$1/x & done | tr 'x' '\n' | sort | uniq -c
    echo
}
for k in sync gthread gevent tornado; do
    gunicorn -k $k -w 2 --threads 2 -b 127.0.0.1:8101 app:app --log-level critical >g.log 2>&1 &
    p=$!
    port 8101
    echo $k
    try 8101
    kill -HUP $p
    sleep 1
    curl -s http://127.0.0.1:8101/r
    kill $p
    wait $p
    echo " st $?"
    cat g.log
done
uwsgi_bin=$(ls /usr/bin/uwsgi-core)
$uwsgi_bin --plugin python3 --http-socket 127.0.0.1:8102 --wsgi app:app --master --processes 2 --threads 2 --pidfile up >u.log 2>&1 &
p=$!
port 8102
try 8102
kill -INT $p
wait $p
echo $?
for l in asyncio uvloop; do
    python3 -m uvicorn --loop $l --port 8103 app:asgi --log-level critical &
    p=$!
    port 8103
    curl -s http://127.0.0.1:8103/
    kill $p
    wait $p
    echo " st $?"
done
python3 -c '
from twisted.internet import reactor, protocol, defer, utils, threads
class E(protocol.Protocol):
    def dataReceived(s,d): s.transport.write(d)
class C(protocol.Protocol):
    def connectionMade(s): s.transport.write(b"hi")
    def dataReceived(s,d): print(d); reactor.stop()
f=protocol.Factory(); f.protocol=E; l=reactor.listenTCP(0,f)
c=protocol.ClientFactory(); c.protocol=C
utils.getProcessOutput("/bin/echo",[b"x"]).addCallback(lambda o:(print(o), threads.deferToThread(lambda:7).addCallback(lambda r:(print(r), reactor.connectTCP("127.0.0.1",l.getHost().port,c)))))
reactor.run(); print(type(reactor).__name__)'
python3 -c '
import gevent.monkey; gevent.monkey.patch_all()
import gevent,subprocess,socket,time
print(sum(j.value for j in gevent.joinall([gevent.spawn(lambda i=i: (time.sleep(0.01), i)[1]) for i in range(100)])))
print(subprocess.check_output(["echo","g"])); print(gevent.config.loop.__name__)
from gevent.threadpool import ThreadPool; print(ThreadPool(2).map(lambda x:x+1,[1,2]))'
python3 - <<'X'
import uvloop, asyncio
async def main():
    async def h(r,w): w.write(await r.readline()); await w.drain(); w.close()
    s=await asyncio.start_server(h,'127.0.0.1',0); p=s.sockets[0].getsockname()[1]
    async def c(i):
        r,w=await asyncio.open_connection('127.0.0.1',p); w.write(b'%d\n'%i); x=await r.read(); w.close(); return int(x)
    print(sum(await asyncio.gather(*[c(i) for i in range(100)])))
    u=await asyncio.start_unix_server(h,'us'); r,w=await asyncio.open_unix_connection('us'); w.write(b'u\n'); print(await r.read())
    p=await asyncio.create_subprocess_exec('echo','sub',stdout=-1); print(await p.communicate())
    p=await asyncio.create_subprocess_shell('exit 3'); print(await p.wait())
    loop=asyncio.get_running_loop(); import signal,os; f=loop.create_future(); loop.add_signal_handler(signal.SIGUSR1,f.set_result,1); os.kill(os.getpid(),10); print(await f)
    print(await loop.run_in_executor(None,lambda:5)); print(await loop.getaddrinfo('localhost',80,family=2,type=1))
uvloop.install(); asyncio.run(main())
X
