#!/bin/bash
# title: Syncthing, Kerberos, FreeRADIUS, InfluxDB, NSD, xinetd and tinyproxy
# packages: syncthing krb5-kdc krb5-admin-server krb5-user freeradius freeradius-utils influxdb nsd xinetd tinyproxy curl dnsutils netcat-openbsd python3 iproute2 procps
# what: two folders kept the same both ways; tickets granted and refused; accounts accepted and rejected; points written and asked for; a zone by two servers; services started for a connection; a proxy
set -u
. /programs/lib.sh
cd /tmp
export STNODEFAULTFOLDER=1 STNOUPGRADE=1
for n in 1 2; do syncthing generate --home=/tmp/s$n --no-default-folder >/dev/null 2>&1; mkdir -p f$n/.stfolder; done
python3 - "$(syncthing --device-id --home=/tmp/s1 2>/dev/null)" "$(syncthing --device-id --home=/tmp/s2 2>/dev/null)" <<'P'
import re
import sys

ids = {1: sys.argv[1], 2: sys.argv[2]}
for mine, other in ((1, 2), (2, 1)):
    path = f"/tmp/s{mine}/config.xml"
    text = open(path).read()
    text = re.sub(r"<listenAddress>.*?</listenAddress>", f"<listenAddress>tcp://127.0.0.1:2200{mine}</listenAddress>", text)
    for key in ("globalAnnounceEnabled", "localAnnounceEnabled", "relaysEnabled", "natEnabled", "crashReportingEnabled"):
        text = text.replace(f"<{key}>true", f"<{key}>false")
    text = re.sub(r"<address>127.0.0.1:\d+</address>", f"<address>127.0.0.1:838{mine}</address>", text)
    device = f'<device id="{ids[other]}" name="o"><address>tcp://127.0.0.1:2200{other}</address></device>'
    folder = (
        f'<folder id="x" label="x" path="/tmp/f{mine}" type="sendreceive" rescanIntervalS="3600" fsWatcherEnabled="true" fsWatcherDelayS="1">'
        f'<device id="{ids[mine]}"></device><device id="{ids[other]}"></device></folder>'
    )
    open(path, "w").write(text.replace("</configuration>", f"{device}{folder}</configuration>"))
P
for i in $(seq 200); do echo "$i" >f1/n"$i"; done
head -c 3000000 /dev/zero >f1/big; mkdir f1/d; echo x >f1/d/x; chmod 755 f1/d/x; ln -s n1 f1/l
pids=
for n in 1 2; do syncthing serve --home=/tmp/s$n --no-browser >sync$n.log 2>&1 & pids="$pids $!"; done
eventually bash -c '[ "$(find /tmp/f2 -type f ! -name ".sync*" -size +0 | wc -l)" -ge 202 ]'
(cd f2 && find . -type f ! -name '.sync*' ! -path './.st*' | sort | xargs md5sum | md5sum; ls -l d/x l | cut -c1-10)
echo changed >f2/n5; rm f2/n6; eventually bash -c 'grep -q changed /tmp/f1/n5 && [ ! -e /tmp/f1/n6 ]' && echo "synced back"
kill $pids; wait

printf '[libdefaults]\ndefault_realm = X.TEST\ndns_lookup_kdc = false\n[realms]\nX.TEST = {\n kdc = 127.0.0.1:8888\n}\n' >/etc/krb5.conf
mkdir -p /etc/krb5kdc /tmp/kdc
printf '[kdcdefaults]\nkdc_ports = 8888\nkdc_tcp_ports = 8888\n[realms]\nX.TEST = {\n database_name = /tmp/kdc/principal\n key_stash_file = /tmp/kdc/stash\n kdc_ports = 8888\n}\n' >/etc/krb5kdc/kdc.conf
kdb5_util create -s -P m -r X.TEST >/dev/null 2>&1; echo "database: $?"
kadmin.local -q 'addprinc -pw secret bob' 2>&1 | tail -n 1; kadmin.local -q 'addprinc -randkey host/h' 2>&1 | tail -n 1
krb5kdc -P /tmp/kdc.pid; port 8888
echo secret | kinit bob >/dev/null; klist | grep -oE 'principal: .*|krbtgt.*'; kvno host/h
echo wrong | kinit bob 2>&1 | tail -n 1; kdestroy; kill "$(cat kdc.pid)"

printf 'bob Cleartext-Password := "pw"\n Reply-Message := "hello"\n' >>/etc/freeradius/3.0/mods-config/files/authorize
freeradius -f -l /tmp/radius.log & p=$!
eventually bash -c 'ss -lun | grep -q :1812'
for word in pw no; do radtest bob $word 127.0.0.1 0 testing123 2>&1 | grep -oE 'Received Access-[A-Z][a-z]*|Reply-Message.*'; done
kill $p; wait $p

influxd -config /dev/null >influx.log 2>&1 & p=$!
port 8086; I=http://127.0.0.1:8086
curl -s -o /dev/null -w '%{http_code}\n' -XPOST $I/query --data-urlencode 'q=CREATE DATABASE d'
for i in $(seq 200); do echo "m,h=a v=$i $((1700000000 + i))000000000"; done | curl -s -XPOST "$I/write?db=d" --data-binary @-
curl -sG $I/query --data-urlencode db=d --data-urlencode 'q=SELECT mean(v), count(v), max(v) FROM m'
kill $p; wait $p

printf 'server:\n ip-address: 127.0.0.1@5353\n username: ""\n pidfile: /tmp/nsd.pid\n zonesdir: /tmp\n database: ""\n chroot: ""\n server-count: 2\n zonelistfile: /tmp/zl\n xfrdfile: /tmp/xf\nremote-control:\n control-enable: no\nzone:\n name: x.test\n zonefile: x.zone\n' >nsd.conf
printf '$ORIGIN x.test.\n@ 60 IN SOA a b 1 2 3 4 5\n@ IN NS a\na IN A 192.0.2.1\n' >x.zone
nsd -c nsd.conf 2>/dev/null; D="dig +short +time=2 -p 5353 @127.0.0.1"; export D
eventually bash -c '$D a.x.test | grep -q 192'; $D a.x.test; $D +tcp x.test soa; kill "$(cat nsd.pid)"

printf 'service t\n{\n type = UNLISTED\n port = 7000\n socket_type = stream\n protocol = tcp\n wait = no\n user = nobody\n server = /usr/bin/id\n bind = 127.0.0.1\n}\nservice echo\n{\n type = INTERNAL\n id = echo-dgram\n socket_type = dgram\n protocol = udp\n wait = yes\n user = root\n bind = 127.0.0.1\n}\n' >x.conf
xinetd -f x.conf -pidfile x.pid; port 7000; nc -w 5 127.0.0.1 7000
python3 -c 'import socket; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(20); s.sendto(b"ping", ("127.0.0.1", 7)); print(s.recv(9))'
kill "$(cat x.pid)"
mkdir t; seq 100000 >t/z
python3 -m http.server -d t 8000 --bind 127.0.0.1 >/dev/null 2>&1 & p=$!
printf 'Port 8889\nListen 127.0.0.1\nTimeout 60\nAllow 127.0.0.1\n' >tp.conf; tinyproxy -c tp.conf >/dev/null; port 8889; port 8000
for how in "" -p; do curl -s $how -x 127.0.0.1:8889 http://127.0.0.1:8000/z | md5sum; done; kill $p; pkill tinyproxy
