#!/bin/bash
# title: etcd, Prometheus, NATS, beanstalkd, Varnish, Knot and Caddy
# packages: etcd-server etcd-client prometheus nats-server beanstalkd varnish knot knot-dnsutils caddy curl python3
# what: keys, transactions, watches, leases and three members of a cluster; metrics scraped and asked for; publish, subscribe and queues; jobs reserved, buried and kept in a log; a cache before a server; a signed zone; files, a proxy and TLS
set -u
. /programs/lib.sh
mkdir -p /tmp/etcd && cd /tmp/etcd && export HOME=/tmp ETCDCTL_API=3
members=a=http://127.0.0.1:2381,b=http://127.0.0.1:2382,c=http://127.0.0.1:2383
n=1
for name in a b c; do
    etcd --name $name --data-dir /tmp/etcd/$name --listen-client-urls http://127.0.0.1:240$n --advertise-client-urls http://127.0.0.1:240$n \
        --listen-peer-urls http://127.0.0.1:238$n --initial-advertise-peer-urls http://127.0.0.1:238$n --initial-cluster $members \
        --heartbeat-interval 500 --election-timeout 5000 --unsafe-no-fsync >/tmp/etcd/$name.log 2>&1 &
    eval "etcd_$name=\$!"
    n=$((n + 1))
done
E="etcdctl --command-timeout=60s --dial-timeout=20s --endpoints=127.0.0.1:2401"
eventually $E put first value
$E member list | cut -d, -f3 | sort
$E put k1 v1; $E get k1; $E get --prefix k --keys-only
$E watch k2 >watched & watcher=$!
eventually bash -c "$E put k2 seen && grep -q seen watched"
kill $watcher; head -n 3 watched
printf 'val("k1") = "v1"\n\nput k1 swapped\n\nput k1 not\n\n' | $E txn >/dev/null; $E get k1 --print-value-only
lease=$($E lease grant 2 | cut -d' ' -f2); $E put short lived --lease=$lease
eventually bash -c "[ -z \"\$($E get short)\" ]" && echo "the lease has ended"
for i in $(seq 40); do echo "$i"; done | xargs -P 4 -I{} sh -c "$E put n{} {} >/dev/null"; $E get --prefix n --keys-only | grep -c n
kill $etcd_c; wait $etcd_c 2>/dev/null
$E put without c; etcdctl --command-timeout=60s --endpoints=127.0.0.1:2402 get without --print-value-only
$E snapshot save /tmp/etcd/snap 2>/dev/null; etcdctl snapshot status /tmp/etcd/snap 2>/dev/null | grep -c ,
kill $etcd_a $etcd_b; wait

mkdir -p /tmp/prom && cd /tmp/prom && mkdir www && printf '# TYPE jobs counter\njobs{kind="a"} 5\njobs{kind="b"} 7\n' >www/metrics
python3 -m http.server --bind 127.0.0.1 --directory www 9101 >/dev/null 2>&1 & web=$!
printf 'global:\n  scrape_interval: 500ms\nscrape_configs:\n- job_name: j\n  static_configs:\n  - targets: ["127.0.0.1:9101"]\nrule_files: [rules.yml]\n' >p.yml
printf 'groups:\n- name: g\n  interval: 500ms\n  rules:\n  - record: jobs:sum\n    expr: sum(jobs)\n' >rules.yml
promtool check config p.yml | grep -c SUCCESS
prometheus --config.file=p.yml --storage.tsdb.path=/tmp/prom/data --web.listen-address=127.0.0.1:9090 >log 2>&1 & prom=$!
port 9090
ask() { curl -s -G http://127.0.0.1:9090/api/v1/query --data-urlencode "query=$1" | python3 -c 'import json,sys; print(sorted(x["value"][1] for x in json.load(sys.stdin)["data"]["result"]))'; }
export -f ask
eventually bash -c '[ "$(ask jobs:sum)" = "['"'12'"']" ]'; ask jobs; ask 'up{job="j"}'; ask 'count({__name__=~"scrape_.+"}) > 3' | grep -c "'"
kill -HUP $prom; kill $prom; wait $prom; echo "prometheus: $?"; kill $web; grep -c 'level=error' log

mkdir -p /tmp/nats && cd /tmp/nats
cat >c.py <<'X'
import socket, threading, time
def conn():
    s = socket.create_connection(("127.0.0.1", 4222)); f = s.makefile("rwb", 0)
    f.readline(); f.write(b'CONNECT {"verbose":false}\r\nPING\r\n'); assert f.readline() == b"PONG\r\n"
    return f
subs = [conn() for _ in range(3)]; got = [[] for _ in subs]
for i, f in enumerate(subs):
    f.write(b"SUB t.* 1\r\nSUB q workers 2\r\nPING\r\n"); assert f.readline() == b"PONG\r\n"
def read(f, out):
    while len(out) < 300 or True:
        line = f.readline()
        if not line.startswith(b"MSG"): return
        out.append((line.split()[1], f.readline()))
for f, o in zip(subs, got): threading.Thread(target=read, args=(f, o), daemon=True).start()
p = conn()
for i in range(300): p.write(b"PUB t.%d 5\r\nhello\r\n" % i)
for i in range(90): p.write(b"PUB q 1\r\nx\r\n")
p.write(b"PING\r\n"); p.readline()
end = time.time() + 60
while sum(map(len, got)) < 990 and time.time() < end: time.sleep(0.05)
print([sum(1 for s, _ in o if s != b"q") for o in got], sum(1 for o in got for s, _ in o if s == b"q"))
X
nats-server -a 127.0.0.1 -p 4222 -m 8222 -js -sd /tmp/nats/js >log 2>&1 & nats=$!
port 4222; python3 c.py; curl -s http://127.0.0.1:8222/varz | grep -c '"in_msgs": 390'
kill $nats; wait $nats; echo "nats: $?"

mkdir -p /tmp/bean && cd /tmp/bean
cat >b.py <<'X'
import socket, sys
f = socket.create_connection(("127.0.0.1", 11300)).makefile("rwb", 0)
def do(text, more=b""):
    f.write(text.encode() + b"\r\n" + (more + b"\r\n" if more else b"")); line = f.readline().decode().strip()
    return line, f.readline().decode().strip() if line.startswith("RESERVED") else ""
if sys.argv[1] == "1":
    for i in range(5): print(do("put %d 0 60 2" % (5 - i), b"j%d" % i))
    for i in range(2): print(do("reserve"))
    print(do("bury 5 0"), do("delete 4"), do("kick 10"), do("use other"), do("put 0 1 60 1", b"d"))
else:
    print(do("reserve"), do("reserve"), do("watch other"), do("ignore default"), do("reserve-with-timeout 30"), do("reserve-with-timeout 0"))
X
for n in 1 2; do
    beanstalkd -l 127.0.0.1 -p 11300 -b /tmp/bean -f 0 & bean=$!
    port 11300; python3 b.py $n; kill $bean; wait $bean
done

mkdir -p /tmp/varnish && cd /tmp/varnish && mkdir www && head -c 100000 /dev/zero >www/z && echo one >www/n
python3 -m http.server --bind 127.0.0.1 --directory www 8001 >/dev/null 2>web.log & web=$!
port 8001
printf 'vcl 4.1;\nbackend default { .host = "127.0.0.1"; .port = "8001"; }\nsub vcl_deliver { set resp.http.X-Hits = obj.hits; }\nsub vcl_recv { if (req.method == "PURGE") { return (purge); } }\n' >v.vcl
if grep -q gcc <<<"$(ls /usr/bin)"; then
    varnishd -j none -n /tmp/varnish/n -a 127.0.0.1:8002 -T 127.0.0.1:8003 -f /tmp/varnish/v.vcl -s malloc,16m -P /tmp/varnish/pid >log 2>&1
    port 8002
    for i in 1 2 3; do curl -s -o /dev/null -D - http://127.0.0.1:8002/n | grep -i x-hits | tr -d '\r'; done
    curl -s http://127.0.0.1:8002/z | md5sum
    curl -s -X PURGE -o /dev/null -w '%{http_code}\n' http://127.0.0.1:8002/n
    curl -s -o /dev/null -D - http://127.0.0.1:8002/n | grep -i x-hits | tr -d '\r'
    seq 60 | xargs -P 8 -I{} curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1:8002/z | sort | uniq -c
    varnishadm -n /tmp/varnish/n ping | cut -d' ' -f1
    kill "$(cat pid)"; eventually gone "$(cat pid)"
fi
kill $web; grep -c 'GET /z' web.log

mkdir -p /tmp/knot && cd /tmp/knot && mkdir db && printf '$TTL 60\n@ SOA ns a 1 60 60 60 60\n@ NS ns\nns A 127.0.0.1\nwww A 10.0.0.1\n' >zone
printf 'server:\n  listen: 127.0.0.1@5300\n  rundir: /tmp/knot\ndatabase:\n  storage: /tmp/knot/db\npolicy:\n  - id: p\n    algorithm: ecdsap256sha256\nzone:\n  - domain: example.test\n    storage: /tmp/knot\n    file: zone\n    dnssec-signing: on\n    dnssec-policy: p\nlog:\n  - target: /tmp/knot/log\n    any: info\n' >k.conf
knotc -c k.conf conf-check
knotd -c k.conf & knot=$!
eventually bash -c 'kdig @127.0.0.1 -p 5300 +time=1 +dnssec www.example.test | grep -q RRSIG'
kdig @127.0.0.1 -p 5300 +short www.example.test; kdig @127.0.0.1 -p 5300 +tcp +dnssec none.example.test | grep -oE 'status: [A-Z]+|NSEC' | sort -u
knotc -c k.conf zone-begin example.test; knotc -c k.conf zone-set example.test new 60 A 10.0.0.9; knotc -c k.conf zone-commit example.test
eventually bash -c 'kdig @127.0.0.1 -p 5300 +short new.example.test | grep 10.0.0.9' && echo "added"
knotc -c k.conf stop; wait $knot; echo "knot: $?"

mkdir -p /tmp/caddy && cd /tmp/caddy && export HOME=/tmp/caddy XDG_DATA_HOME=/tmp/caddy XDG_CONFIG_HOME=/tmp/caddy && mkdir www && head -c 300000 /dev/zero >www/z
printf '{\n admin 127.0.0.1:2019\n skip_install_trust\n http_port 8010\n https_port 8011\n}\nhttp://:8010 {\n root * /tmp/caddy/www\n file_server browse\n encode gzip\n}\nhttps://localhost:8011 {\n tls internal\n reverse_proxy 127.0.0.1:8010\n}\n' >Caddyfile
caddy validate --config Caddyfile 2>/dev/null | tail -n 1
caddy run --config Caddyfile >log 2>&1 & caddy=$!
port 8010; port 8011
curl -s http://127.0.0.1:8010/z | md5sum; curl -s --compressed -H 'Accept-Encoding: gzip' -o /dev/null -w '%{http_code}\n' http://127.0.0.1:8010/
eventually curl -sk --resolve localhost:8011:127.0.0.1 -o /dev/null https://localhost:8011/z
curl -sk --resolve localhost:8011:127.0.0.1 -w '%{http_version} %{http_code}\n' -o z https://localhost:8011/z; md5sum <z
curl -s http://127.0.0.1:2019/config/apps/http/http_port; echo
caddy reload --config Caddyfile >/dev/null 2>&1; echo "reload: $?"
seq 40 | xargs -P 8 -I{} curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1:8010/z | sort | uniq -c
kill $caddy; wait $caddy; echo "caddy: $?"
