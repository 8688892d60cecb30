#!/bin/bash
# title: BIND, Unbound and dnsmasq
# packages: bind9 bind9-dnsutils unbound dnsmasq
# what: a zone served and transferred, by UDP and TCP; a resolver with two threads on shared ports; a table of hosts
set -u
. /programs/lib.sh
mkdir -p /tmp/bind && chmod 755 /tmp/bind && cd /tmp/bind && export HOME=/tmp/bind
mkdir -p z && cat >named.conf <<'X'
options { directory "/tmp/bind"; listen-on port 5300 { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; pid-file "/tmp/bind/p"; session-keyfile "/tmp/bind/sk"; dnssec-validation no; };
controls {};
zone "example.test" { type master; file "/tmp/bind/zone"; };
X
cat >zone <<'X'
$TTL 60
@ IN SOA ns a 1 1 1 1 1
@ IN NS ns
ns IN A 127.0.0.1
www IN A 10.0.0.1
www IN A 10.0.0.2
t IN TXT "hello"
X
named-checkconf named.conf
named-checkzone example.test zone
named -c named.conf -g >log 2>&1 &
p=$!
eventually dig @127.0.0.1 -p 5300 +time=1 +tries=1 www.example.test
dig @127.0.0.1 -p 5300 +short www.example.test | sort
dig @127.0.0.1 -p 5300 +tcp +short t.example.test TXT
dig @127.0.0.1 -p 5300 none.example.test | grep -o 'status: [A-Z]*'
dig @127.0.0.1 -p 5300 axfr example.test | grep -c IN
kill $p
wait $p
echo st $?
grep -ciE 'error|fail' log
grep -iE 'error|fail' log | sed 's/^[^ ]* [^ ]* //'
mkdir -p /tmp/unbound && chmod 755 /tmp/unbound && cd /tmp/unbound && export HOME=/tmp/unbound
cat >u.conf <<'X'
server:
 interface: 127.0.0.1@5301
 username: ""
 chroot: ""
 directory: "/tmp/unbound"
 pidfile: "/tmp/unbound/u.pid"
 num-threads: 2
 so-reuseport: yes
 local-zone: "test." static
 local-data: "a.test. A 1.2.3.4"
 do-not-query-localhost: no
 use-syslog: no
 logfile: "/tmp/unbound/u.log"
 module-config: "iterator"
X
unbound-checkconf u.conf
unbound -c u.conf
eventually dig @127.0.0.1 -p 5301 +time=1 +tries=1 a.test
dig @127.0.0.1 -p 5301 +short a.test
dig +tcp @127.0.0.1 -p 5301 +short a.test
dig @127.0.0.1 -p 5301 b.test | grep -o 'status: [A-Z]*'
kill $(cat u.pid)
eventually grep -q 'service stopped' u.log
grep -E 'warning|error' u.log | sed 's/.*unbound[^ ]* //'
echo end
mkdir -p /tmp/dnsmasq && chmod 755 /tmp/dnsmasq && cd /tmp/dnsmasq && export HOME=/tmp/dnsmasq
printf '10.9.9.9 h.test\n' >h
dnsmasq --no-daemon -p 5302 -a 127.0.0.1 -z -h -H /tmp/dnsmasq/h -C /dev/null -R -u root -x /tmp/dnsmasq/p 2>log &
p=$!
eventually dig @127.0.0.1 -p 5302 +time=1 +tries=1 h.test
dig @127.0.0.1 -p 5302 +short h.test
dig @127.0.0.1 -p 5302 +short -x 10.9.9.9
kill $p
wait $p
echo $?
