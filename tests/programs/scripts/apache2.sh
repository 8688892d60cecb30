#!/bin/bash
# title: Apache httpd
# packages: apache2 apache2-utils curl
# what: event MPM; files, CGI, .htaccess with passwords; ab with 50 connections; graceful restart, stop
set -u
. /programs/lib.sh
mkdir -p /tmp/www/cgi /tmp/www/closed /tmp/run && cd /tmp/www
seq 1 20000 >numbers.txt && echo hello >index.html
printf '#!/bin/sh\necho Content-Type: text/plain\necho\necho "$QUERY_STRING $REQUEST_METHOD"; cat\n' >cgi/echo && chmod 755 cgi/echo
htpasswd -bc /tmp/passwords alice secret 2>/dev/null
printf 'AuthType Basic\nAuthName x\nAuthUserFile /tmp/passwords\nRequire valid-user\n' >closed/.htaccess
echo inside >closed/index.html
{
    echo "ServerRoot /tmp/run"
    for m in mpm_event authz_core authz_user authn_core authn_file auth_basic cgid alias dir mime unixd access_compat env; do
        [ -e /usr/lib/apache2/modules/mod_$m.so ] && echo "LoadModule ${m}_module /usr/lib/apache2/modules/mod_$m.so"
    done
    cat <<'C'
Listen 127.0.0.1:8080
ServerName localhost
PidFile /tmp/run/pid
ErrorLog /tmp/run/error.log
User www-data
Group www-data
TypesConfig /etc/mime.types
DocumentRoot /tmp/www
DirectoryIndex index.html
ScriptAlias /cgi/ /tmp/www/cgi/
ScriptSock /tmp/run/cgid.sock
<Directory /tmp/www>
AllowOverride AuthConfig
Require all granted
</Directory>
C
} >/tmp/apache.conf
touch /etc/mime.types
checked configuration apache2 -t -f /tmp/apache.conf
apache2 -f /tmp/apache.conf -k start && port 8080
curl -s http://127.0.0.1:8080/
curl -s http://127.0.0.1:8080/numbers.txt | md5sum
curl -s -d 'posted text' 'http://127.0.0.1:8080/cgi/echo?a=b'; echo
curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1:8080/closed/
curl -s -u alice:secret http://127.0.0.1:8080/closed/
ab -q -n 3000 -c 50 -k http://127.0.0.1:8080/numbers.txt >/tmp/ab 2>/tmp/ab.err
grep -E 'Complete|Failed|Non-2xx|Document Length' /tmp/ab
figure "$(grep 'Requests per' /tmp/ab)"
pid=$(cat /tmp/run/pid)
apache2 -f /tmp/apache.conf -k graceful && sleep 0.5 && port 8080 && curl -s http://127.0.0.1:8080/
apache2 -f /tmp/apache.conf -k stop && eventually gone "$pid" && echo stopped
grep -iE "segfault|crit|emerg" /tmp/run/error.log || echo "nothing bad in the log"
