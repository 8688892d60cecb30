#!/bin/bash
# title: Exim, Dovecot, vsftpd, ngIRCd, Prosody and chrony
# packages: exim4-daemon-light dovecot-imapd dovecot-pop3d vsftpd ngircd prosody chrony lftp curl python3 openssl
# what: mail sent, queued, delivered and read by IMAP (IDLE, SEARCH, COPY) and POP3; files by FTP; a channel that three talk in; messages between two accounts by XMPP; a clock that is asked
set -u
. /programs/lib.sh
useradd -m ann 2>/dev/null; useradd -m bob 2>/dev/null; printf 'ann:pw\nbob:pw\n' | chpasswd
mkdir -p /tmp/exim && chmod 777 /tmp/exim && cd /tmp/exim
cat >/etc/exim4/exim4.conf <<'X'
primary_hostname = mail.test
domainlist local_domains = mail.test
spool_directory = /tmp/exim/spool
log_file_path = /tmp/exim/%slog
pid_file_path = /tmp/exim/pid
daemon_smtp_ports = 2525
local_interfaces = 127.0.0.1
host_lookup =
rfc1413_query_timeout = 0s
acl_smtp_rcpt = rcpt
keep_environment =
begin acl
rcpt:
  accept domains = +local_domains
         verify = recipient
  deny message = not here
begin routers
local:
  driver = accept
  check_local_user
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = $home/Maildir
  maildir_format
  user = $local_part
X
mkdir -p spool && chown -R Debian-exim: /tmp/exim
chmod 644 /etc/exim4/exim4.conf
exim4 -bV | grep -c 'Exim version'
bash -c 'exim4 -bd -q10s; true' && port 2525 # a child of process 1 would not go into the background
cat >send.py <<'X'
import smtplib
s = smtplib.SMTP("127.0.0.1", 2525, local_hostname="here.test")
for n in range(1, 6): print(s.sendmail("bob@mail.test", ["ann@mail.test"], f"Subject: n{n}\r\n\r\ntext {n}\r\n"))
for to in ("nobody.there@mail.test", "x@elsewhere.test"):
    try: s.sendmail("bob@mail.test", [to], "no")
    except smtplib.SMTPRecipientsRefused as error: print(error.recipients)
print(s.quit()[0])
X
timeout 60 python3 send.py
eventually bash -c '[ "$(ls /home/ann/Maildir/new | wc -l)" = 5 ]' && echo "five are there"
exim4 -bpc
kill "$(cat pid)"; eventually gone "$(cat pid)"; grep -c '=> ann' mainlog

mkdir -p /tmp/dovecot && cd /tmp/dovecot && mkdir -p run state && cat >d.conf <<'X'
base_dir = /tmp/dovecot/run
state_dir = /tmp/dovecot/state
log_path = /tmp/dovecot/log
protocols = imap pop3
ssl = no
disable_plaintext_auth = no
listen = 127.0.0.1
mail_location = maildir:~/Maildir
service imap-login {
  inet_listener imap {
    port = 2143
  }
}
service pop3-login {
  inet_listener pop3 {
    port = 2110
  }
}
passdb {
  driver = shadow
}
userdb {
  driver = passwd
}
X
dovecot -c d.conf && port 2143
cat >mail.py <<'X'
import imaplib, poplib, threading
m = imaplib.IMAP4("127.0.0.1", 2143); m.login("ann", "pw")
print(m.select("INBOX")[1], len(m.search(None, "SUBJECT", "n3")[1][0].split()), m.create("Box")[0], m.copy("2:3", "Box")[0])
one = m.search(None, "SUBJECT", "n1")[1][0]
print(m.store(one, "+FLAGS", r"(\Deleted)")[0], m.expunge()[1] == [one], sorted(part[1].strip() for part in m.fetch("1:*", "(BODY[TEXT])")[1] if len(part) == 2))
other = imaplib.IMAP4("127.0.0.1", 2143); other.login("ann", "pw"); other.select("INBOX")
other.send(b"x IDLE\r\n"); print(other.readline().strip()[:6])
m.append("INBOX", None, None, b"Subject: new\r\n\r\nappended\r\n"); print(other.readline().strip())
other.send(b"DONE\r\n"); print(m.select("Box")[1], sorted(line.split()[-1] for line in m.list()[1]))
try: imaplib.IMAP4("127.0.0.1", 2143).login("ann", "wrong")
except imaplib.IMAP4.error as error: print(error)
m.logout()
p = poplib.POP3("127.0.0.1", 2110); p.user("ann"); p.pass_("pw"); print(p.stat()[0], p.retr(5)[1][-1], p.dele(1)[:3], p.quit()[:3])
def many():
    c = imaplib.IMAP4("127.0.0.1", 2143); c.login("ann", "pw"); c.select("INBOX"); found.append(len(c.fetch("1:*", "(FLAGS)")[1])); c.logout()
found = []; threads = [threading.Thread(target=many) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]; print(sorted(found))
X
timeout 100 python3 mail.py; doveadm -c d.conf who 2>/dev/null | grep -c ann
doveadm -c d.conf stop; eventually bash -c '! : </dev/tcp/127.0.0.1/2143'; grep -ciE 'panic|fatal' log

mkdir -p /tmp/vsftpd/empty && cd /tmp/vsftpd && printf 'listen=YES\nlisten_address=127.0.0.1\nlisten_port=2121\nanonymous_enable=YES\nno_anon_password=YES\nanon_root=/tmp/vsftpd/pub\nsecure_chroot_dir=/tmp/vsftpd/empty\nseccomp_sandbox=NO\nrun_as_launching_user=NO\nisolate_network=NO\nisolate=NO\nbackground=NO\n' >v.conf
mkdir pub && head -c 300000 /dev/zero >pub/z && chmod -R go-w pub empty v.conf
vsftpd /tmp/vsftpd/v.conf & ftp=$!
port 2121
timeout 60 lftp -e 'set net:timeout 20; set net:max-retries 2; cls -1; get z; quit' -p 2121 127.0.0.1; cmp z pub/z && echo "same"
kill $ftp; wait $ftp; echo "vsftpd: $?"

mkdir -p /tmp/irc && cd /tmp/irc && printf '[Global]\nName = irc.test\nInfo = t\nListen = 127.0.0.1\nPorts = 6667\nServerUID = nobody\nServerGID = nogroup\nMotdPhrase = hello\n[Options]\nDNS = no\nIdent = no\nPAM = no\n' >n.conf
ngircd -n -f /tmp/irc/n.conf >log 2>&1 & irc=$!
port 6667
cat >i.py <<'X'
import socket
def join(name):
    f = socket.create_connection(("127.0.0.1", 6667)).makefile("rw", newline="\r\n", encoding="utf-8", errors="replace")
    f.write(f"NICK {name}\r\nUSER {name} 0 * :{name}\r\n"); f.flush(); until(f, " 376 ")
    f.write("JOIN #c\r\n"); f.flush(); until(f, " 366 ")
    return f
def until(f, text):
    for line in f:
        if line.startswith("PING"): f.write("PONG" + line[4:]); f.flush()
        if text in line: return line.strip()
people = [join(n) for n in ("ann", "bob", "cat")]
people[0].write("PRIVMSG #c :hello all\r\n"); people[0].flush()
for f in people[1:]: print(until(f, "PRIVMSG").split(" ", 1)[1])
people[1].write("QUIT :bye\r\n"); people[1].flush(); print(until(people[2], "QUIT").split(" ")[1])
X
timeout 60 python3 i.py; kill $irc; wait $irc; echo "ngircd: $?"

mkdir -p /tmp/prosody && cd /tmp/prosody && mkdir data && cat >p.cfg.lua <<'X'
run_as_root = true
pidfile = "/tmp/prosody/pid"
data_path = "/tmp/prosody/data"
plugin_paths = {}
modules_enabled = { "roster", "saslauth", "disco", "ping", "offline" }
modules_disabled = { "s2s", "tls" }
interfaces = { "127.0.0.1" }
c2s_ports = { 5222 }
allow_unencrypted_plain_auth = true
c2s_require_encryption = false
authentication = "internal_plain"
log = "/tmp/prosody/log"
VirtualHost "x.test"
X
for n in ann bob; do prosodyctl --root --config p.cfg.lua register $n x.test pw >/dev/null 2>&1; echo "register: $?"; done
prosody --root --config /tmp/prosody/p.cfg.lua -F >out 2>&1 & xmpp=$!
port 5222
cat >x.py <<'X'
import base64, socket
def read(s, *ends):
    text = ""
    while not any(end in text for end in ends):
        part = s.recv(65536).decode()
        if not part: raise SystemExit("closed: " + text)
        text += part
    return text
def login(name):
    s = socket.create_connection(("127.0.0.1", 5222)); s.settimeout(60)
    start = "<stream:stream to='x.test' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
    s.sendall(start.encode()); read(s, "</stream:features>")
    token = base64.b64encode(b"\0" + name.encode() + b"\0pw").decode()
    s.sendall(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{token}</auth>".encode()); read(s, "<success")
    s.sendall(start.encode()); read(s, "</stream:features>")
    s.sendall(b"<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>"); print("r</jid>" in read(s, "</iq>"))
    s.sendall(b"<presence/>"); return s
a, b = login("ann"), login("bob")
a.sendall(b"<message to='bob@x.test' type='chat'><body>hi bob</body></message>")
print("<body>hi bob</body>" in read(b, "</message>"))
X
timeout 60 python3 x.py; kill $xmpp; wait $xmpp; echo "prosody: $?"

mkdir -p /tmp/chrony && cd /tmp/chrony && printf 'local stratum 3\nallow 127.0.0.1\nport 1123\nbindaddress 127.0.0.1\ncmdport 0\nbindcmdaddress /tmp/chrony/sock\npidfile /tmp/chrony/pid\nuser root\ndriftfile /tmp/chrony/drift\n' >c.conf
chmod 700 /tmp/chrony
chronyd -x -d -f /tmp/chrony/c.conf >log 2>&1 & clock=$!
eventually chronyc -h /tmp/chrony/sock tracking
chronyc -h /tmp/chrony/sock tracking | grep Stratum
python3 - <<'X'
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(20)
s.sendto(b"\x23" + bytes(47), ("127.0.0.1", 1123)); d = s.recv(100)
print(len(d), d[1], abs(int.from_bytes(d[40:44], "big") - 2208988800 - time.time()) < 5)
X
kill $clock; wait $clock; echo "chronyd: $?"
