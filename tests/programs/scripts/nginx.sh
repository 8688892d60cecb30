#!/bin/bash
# title: nginx
# packages: nginx-light wrk curl
# what: two workers; files, ranges, gzip and a proxy by curl; wrk with 200 connections; reload and stop
# quick
set -u
. /programs/lib.sh
mkdir -p /tmp/www && cd /tmp/www
seq 1 20000 >numbers.txt && echo hello >index.html
cat >/tmp/nginx.conf <<'C'
worker_processes 2;
pid /tmp/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
    access_log /tmp/access.log;
    sendfile on; tcp_nopush on; gzip on; gzip_types text/plain;
    server { listen 127.0.0.1:8080; root /tmp/www; location /back/ { proxy_pass http://127.0.0.1:8081/; } }
    server { listen 127.0.0.1:8081; root /tmp/www; }
}
C
checked "configuration" nginx -t -c /tmp/nginx.conf
nginx -c /tmp/nginx.conf && port 8080
curl -s http://127.0.0.1:8080/
curl -s http://127.0.0.1:8080/numbers.txt | md5sum
curl -s -r 100-199 http://127.0.0.1:8080/numbers.txt | md5sum
curl -s --compressed http://127.0.0.1:8080/numbers.txt | md5sum
curl -s http://127.0.0.1:8080/back/numbers.txt | md5sum
curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1:8080/none
wrk -t2 -c200 -d3s http://127.0.0.1:8080/ >/tmp/wrk
figure "$(grep -h Requests/sec /tmp/wrk)"
grep -E 'Socket errors|Non-2xx' /tmp/wrk
[ "$(grep -c ' 200 ' /tmp/access.log)" -gt 200 ] && echo many
old=$(cat /tmp/nginx.pid)
nginx -s reload -c /tmp/nginx.conf && sleep 0.2 && port 8080 && curl -s http://127.0.0.1:8080/
nginx -s quit -c /tmp/nginx.conf && eventually gone "$old" && echo stopped
