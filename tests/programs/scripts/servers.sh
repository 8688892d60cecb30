#!/bin/bash
# title: HAProxy, lighttpd, Squid, Mosquitto, OpenLDAP and supervisor
# packages: haproxy lighttpd squid mosquitto mosquitto-clients slapd ldap-utils supervisor curl python3
# what: a balancer over two web servers, reloaded under load; a caching proxy; publish and subscribe; a directory filled, searched and changed; supervised processes killed and started again
set -u
. /programs/lib.sh
cd /tmp && mkdir -p one two && echo one >one/n && echo two >two/n && head -c 300000 /dev/zero | tee one/big >two/big
for n in one two; do
    port=$([ $n = one ] && echo 8001 || echo 8002)
    printf 'server.document-root="/tmp/%s"\nserver.port=%s\nserver.bind="127.0.0.1"\nserver.pid-file="/tmp/%s.pid"\n' $n $port $n >$n.conf
    lighttpd -f $n.conf && port $port
done
cat >ha.cfg <<'E'
global
    maxconn 200
    stats socket /tmp/ha.sock mode 600 level admin expose-fd listeners
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend f
    bind 127.0.0.1:8000
    default_backend b
backend b
    balance roundrobin
    server one 127.0.0.1:8001 check inter 200
    server two 127.0.0.1:8002 check inter 200
E
haproxy -W -D -p ha.pid -f ha.cfg && port 8000
for i in 1 2 3 4 5 6; do curl -s http://127.0.0.1:8000/n; done | sort | uniq -c
curl -s http://127.0.0.1:8000/big | md5sum
(for i in $(seq 60); do curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1:8000/n; done | sort | uniq -c) &
kill -USR2 "$(head -n 1 ha.pid)"; wait $!
kill "$(cat one.pid)"; eventually bash -c '[ "$(for i in 1 2 3 4; do curl -s http://127.0.0.1:8000/n; done | sort -u)" = two ]' && echo "only two"
kill "$(head -n 1 ha.pid)"
printf 'http_port 127.0.0.1:3128\nhttp_access allow all\ncache_mem 8 MB\npid_filename /tmp/squid.pid\naccess_log /tmp/squid.log\ncache_log /tmp/cache.log\ncoredump_dir /tmp\nshutdown_lifetime 1 seconds\nworkers 1\npinger_enable off\nmax_filedescriptors 1024\n' >squid.conf
squid -f squid.conf && port 3128
for i in 1 2; do curl -s -x http://127.0.0.1:3128 http://127.0.0.1:8002/big | md5sum; done
curl -s -x http://127.0.0.1:3128 -o /dev/null -w '%{http_code}\n' http://127.0.0.1:9/
squid -f squid.conf -k shutdown; eventually bash -c '[ ! -e /tmp/squid.pid ]' && echo "squid ended"
printf 'listener 1883 127.0.0.1\nallow_anonymous true\n' >m.conf
mosquitto -d -c m.conf 2>/dev/null; port 1883
for i in 1 2 3; do mosquitto_sub -h 127.0.0.1 -t 'a/#' -C 20 -R -W 60 -V 5 >sub.$i & done
mosquitto_pub -h 127.0.0.1 -t a/kept -r -m kept
eventually bash -c 'for i in $(seq 30); do echo $i; done | mosquitto_pub -h 127.0.0.1 -t a/n -q 1 -l; [ $(cat /tmp/sub.? | wc -l) -ge 60 ]'
cat sub.? | wc -l; mosquitto_sub -h 127.0.0.1 -t a/kept -C 1 -W 20
mkdir -p ld && printf 'include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\npidfile /tmp/slapd.pid\ndatabase mdb\nmaxsize 67108864\nsuffix "dc=x"\nrootdn "cn=admin,dc=x"\nrootpw secret\ndirectory /tmp/ld\nindex cn eq\n' >slapd.conf
slapd -f slapd.conf -h ldap://127.0.0.1:3890/ && port 3890
{ printf 'dn: dc=x\nobjectClass: dcObject\nobjectClass: organization\ndc: x\no: X\n\n'; for i in $(seq 100); do printf 'dn: cn=p%d,dc=x\nobjectClass: person\ncn: p%d\nsn: s%d\n\n' $i $i $((i % 7)); done; } >d.ldif
L="-x -H ldap://127.0.0.1:3890/ -D cn=admin,dc=x -w secret"
ldapadd $L -f d.ldif | grep -c adding
ldapsearch $L -LLL -b dc=x '(sn=s3)' cn | grep -c ^cn
printf 'dn: cn=p1,dc=x\nchangetype: modify\nreplace: sn\nsn: changed\n' | ldapmodify $L; ldapsearch $L -LLL -b dc=x '(sn=changed)' cn
ldapsearch $L -b dc=none >/dev/null 2>&1; echo "ldapsearch: status $?"
kill "$(cat slapd.pid)"; eventually bash -c '[ ! -e /tmp/slapd.pid ]' && slapcat -f slapd.conf | grep -c ^dn
printf '[supervisord]\nlogfile=/tmp/sup.log\npidfile=/tmp/sup.pid\n[unix_http_server]\nfile=/tmp/sup.sock\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n[supervisorctl]\nserverurl=unix:///tmp/sup.sock\n[program:sleeper]\ncommand=/bin/sleep 1000\nnumprocs=3\nprocess_name=s%%(process_num)d\nstartsecs=0\nautorestart=true\n' >sup.conf
supervisord -c sup.conf 2>/dev/null
C="supervisorctl -c sup.conf"
running() { [ "$($C status | grep -c RUNNING)" = 3 ]; }
export -f running; export C
eventually running && echo "three run"
before=$($C pid sleeper:s1); kill -9 "$before"
eventually bash -c '[ "$($C pid sleeper:s1)" != '"$before"' ] && running' && echo "another one runs"
$C stop sleeper:s0; $C shutdown; eventually bash -c '[ ! -e /tmp/sup.pid ]' && echo "all ended"
