#!/bin/bash
# title: D-Bus, Avahi, CUPS, syslog-ng, runit, Tor, Privoxy, proxychains, BIRD and iproute2
# packages: dbus avahi-daemon cups cups-client syslog-ng-core runit bsdutils tor privoxy proxychains4 bird2 iproute2 curl netcat-openbsd python3
# what: a bus asked and listened to; names and printers served; messages to the log by two ways; services kept running; proxies before a server; a daemon of routes; what the tools of networks show
set -u
. /programs/lib.sh
cd /tmp
mkdir -p /run/dbus; dbus-daemon --system --fork --print-pid >/tmp/dp; echo $?; dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.ListNames | grep -c org.freedesktop
dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetConnectionCredentials string:org.freedesktop.DBus | grep string | cut -c1-60
dbus-monitor --system >/tmp/dm 2>&1 & p=$!; eventually grep -q NameAcquired /tmp/dm; dbus-send --system --type=signal / a.b.C string:hi; eventually grep -q a.b /tmp/dm; kill $p; grep -c hi /tmp/dm
dbus-run-session -- sh -c 'dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetId | wc -l; gdbus --help >/dev/null 2>&1; busctl --user list --no-pager 2>/dev/null | wc -l'
avahi-daemon --no-drop-root --no-chroot -D 2>/tmp/av; echo avahi $?; head -3 /tmp/av; sleep 1; avahi-daemon --check; echo $?; avahi-daemon -k; echo $?
/usr/sbin/cupsd -f >/tmp/cups 2>&1 & p=$!; eventually test -S /run/cups/cups.sock; which lpadmin lp curl; curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1:631/; curl -s --unix-socket /run/cups/cups.sock -o /dev/null -w '%{http_code}\n' http://localhost/; kill $p; wait $p; echo cups $?
cat >s.conf <<C
@version: 3.38
source s { unix-dgram("/dev/log"); network(ip(127.0.0.1) port(5516) transport(tcp)); };
destination d { file("/tmp/so.log" template("\$PROGRAM \$MSG\n")); };
log { source(s); destination(d); };
C
syslog-ng -F -f s.conf -p /tmp/s.pid -R /tmp/s.persist -c /tmp/s.ctl 2>/tmp/s.err & p=$!
eventually test -S /dev/log; port 5516; logger -t unix hello;  logger -n 127.0.0.1 -P 5516 -T --octet-count -t tcp hello; eventually grep -q unix so.log; grep unix so.log; syslog-ng-ctl stats -c /tmp/s.ctl | grep -c 'dst.file'; kill $p; wait $p; echo $?
head -5 /tmp/s.err | sed 's/^[^]]*]//'
mkdir -p sv/a/log sv/b; printf '#!/bin/sh\necho started\nexec sleep 1000\n' >sv/a/run; printf '#!/bin/sh\nexec svlogd -tt /tmp/svl\n' >sv/a/log/run; printf '#!/bin/sh\nexec sh -c "sleep 0.3; exit 1"\n' >sv/b/run; chmod +x sv/*/run sv/a/log/run; mkdir svl
runsvdir sv >/tmp/rsv 2>&1 & p=$!; sleep 1.5; sv status sv/a | sed 's/[0-9]\+/N/g'; sv restart sv/a | sed 's/[0-9]\+/N/g'; sv down sv/a; sv status sv/a | sed 's/[0-9]\+/N/g'; sv exit sv/b; kill -HUP $p; wait $p; echo runit $?; grep -c started svl/current
cat >/tmp/px.conf <<C
listen-address 127.0.0.1:8118
C
privoxy --no-daemon px.conf >/tmp/px.log 2>&1 & p=$!; port 8118; python3 -m http.server -b 127.0.0.1 8099 >/dev/null 2>&1 & h=$!; port 8099; echo hello >hi; curl -s -x 127.0.0.1:8118 http://127.0.0.1:8099/hi; printf 'strict_chain\n[ProxyList]\nhttp 127.0.0.1 8118\n' >pc.conf; proxychains4 -q -f pc.conf curl -s http://127.0.0.1:8099/hi;echo $?; kill $p; wait $p; echo $?
cat >torrc <<C
SocksPort 127.0.0.1:9050
ControlPort 127.0.0.1:9051
DataDirectory /tmp/tord
DisableNetwork 1
C
tor -f torrc >/tmp/tor.log 2>&1 & p=$!; port 9051; printf 'AUTHENTICATE\r\nGETINFO version\r\nGETINFO status/bootstrap-phase\r\nQUIT\r\n' | timeout 3 nc 127.0.0.1 9051 | cut -d' ' -f1-3 | tr -d '\r'; tor --hash-password x | cut -c1-3; kill -INT $p; wait $p; echo tor $?; grep -E 'warn|err' tor.log | cut -d']' -f2-
cat >b.conf <<C
router id 1.2.3.4;
protocol device {}
protocol kernel { ipv4 { export all; import none; }; }
protocol static { ipv4; route 10.77.0.0/16 via 127.0.0.1; }
C
bird -f -c b.conf -s /tmp/b.ctl >/tmp/bl 2>&1 & p=$!; eventually test -S b.ctl; sleep 1; birdc -s b.ctl show protocols | awk '{print $1,$2,$4}'; birdc -s b.ctl show route | grep -c 10.77; birdc -s b.ctl down >/dev/null; wait $p; echo bird $?; cat bl
ss -tlnp | head -1; ip -s link show lo | wc -l; ip -d link show lo | wc -l; ip rule; tc qdisc show dev lo; ip -j addr show lo | python3 -c 'import json,sys; print(sorted(json.load(sys.stdin)[0]))'; ip maddr show dev lo; bridge link; ip mroute
