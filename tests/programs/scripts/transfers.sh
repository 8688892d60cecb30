#!/bin/bash
# title: Samba, ProFTPD, rsync, Dropbear and stunnel
# packages: samba smbclient proftpd-core lftp rsync dropbear-bin stunnel4 curl openssl python3
# what: shares, accounts and modules served; files put, listed, renamed, fetched and compared; commands run over SSH; a TLS wrapper of a web server
set -u
. /programs/lib.sh
mkdir -p /tmp/samba && chmod 755 /tmp/samba && cd /tmp/samba && export HOME=/tmp/samba
mkdir -p sh st && chmod 777 sh && printf '[global]\nworkgroup=W\nsecurity=user\nmap to guest=Bad User\nguest account=nobody\nsmb ports=7445\ninterfaces=lo\nbind interfaces only=yes\nprivate dir=/tmp/samba/st\nlock directory=/tmp/samba/st\nstate directory=/tmp/samba/st\ncache directory=/tmp/samba/st\npid directory=/tmp/samba/st\nncalrpc dir=/tmp/samba/st/nc\nlog file=/tmp/samba/smb.log\nserver role=standalone\nload printers=no\n[s]\npath=/tmp/samba/sh\nguest ok=yes\nread only=no\n' >smb.conf
chmod 755 /tmp/samba
testparm -s smb.conf 2>/dev/null | grep -c path
smbd -s smb.conf -D
port 7445
head -c 1000000 /dev/zero >big
smbclient -s smb.conf -p 7445 -N //127.0.0.1/s -c 'put big; mkdir d; cd d; put smb.conf c; ls; get c c2; rename c e; del e; cd ..; rmdir d; allinfo big' 2>&1 | grep -vE 'time:|blocks|^ +\.|kb/s' | sed 's/(.*KiloB.*)//; s/  *[A-Z][a-z][a-z] [A-Z][a-z][a-z] .*//'
cmp big sh/big
cmp c2 smb.conf
smbclient -s smb.conf -p 7445 -N -L //127.0.0.1 2>/dev/null | grep -cE 'Disk|IPC'
kill $(cat st/smbd.pid)
grep -iE 'panic|not implemented|ENOSYS' smb.log* | head -3
mkdir -p /tmp/proftpd && chmod 755 /tmp/proftpd && cd /tmp/proftpd && export HOME=/tmp/proftpd
useradd -m fu
echo fu:pw | chpasswd
echo file >/home/fu/a
printf 'ServerType standalone\nPort 7121\nDefaultAddress 127.0.0.1\nUser nobody\nGroup nogroup\nPidFile /tmp/proftpd/pp\nScoreboardFile /tmp/proftpd/ps\nDefaultRoot ~\nAuthPAM off\nRequireValidShell off\nWtmpLog off\nUseIPv6 off\nSystemLog /tmp/proftpd/pl\nTransferLog none\n' >p.conf
proftpd -c /tmp/proftpd/p.conf >po 2>&1
echo $?
port 7121
echo up >u
lftp -u fu,pw -e 'set ftp:ssl-allow no; cat a; put u; mv u v; ls; rm v; quit' -p 7121 127.0.0.1 2>&1 | awk '{print $1,$NF}'
kill $(cat pp)
tail -1 po
mkdir -p /tmp/rsyncd && chmod 755 /tmp/rsyncd && cd /tmp/rsyncd && export HOME=/tmp/rsyncd
mkdir src dst
for i in $(seq 300); do echo $i >src/f$i; done
ln -s f1 src/l
printf 'port=7500\naddress=127.0.0.1\nuse chroot=yes\npid file=/tmp/rsyncd/r.pid\nuid=root\ngid=root\n[m]\npath=/tmp/rsyncd/dst\nread only=no\n' >r.conf
rsync --daemon --config=r.conf
port 7500
rsync -a src/ rsync://127.0.0.1:7500/m/
diff -r src dst && echo same
rsync -av --dry-run src/ rsync://127.0.0.1:7500/m/ | grep -c '^f'
echo x >>src/f9
rsync -a --checksum src/ rsync://127.0.0.1:7500/m/
rsync rsync://127.0.0.1:7500/
kill $(cat r.pid)
mkdir -p /tmp/dropbear && chmod 755 /tmp/dropbear && cd /tmp/dropbear && export HOME=/tmp/dropbear
mkdir -p ~/.ssh /root/.ssh
chmod 700 /root /root/.ssh ~
dropbearkey -t ed25519 -f hk >/dev/null 2>&1
dropbearkey -t ed25519 -f ck 2>/dev/null | grep ^ssh >/root/.ssh/authorized_keys
chmod 600 /root/.ssh/authorized_keys
dropbear -r hk -p 127.0.0.1:7400 -P dp -E 2>dlog
port 7400
dbclient -y -i ck -p 7400 root@127.0.0.1 'echo hi; id -u; exit 5' 2>/dev/null
echo $?
head -c 300000 /dev/zero | dbclient -y -i ck -p 7400 root@127.0.0.1 md5sum 2>/dev/null
dbclient -y -i ck -t -p 7400 root@127.0.0.1 'tty >/dev/null && echo term' </dev/null 2>/dev/null | tr -d '\r'
kill $(cat dp)
mkdir -p /tmp/stunnel && chmod 755 /tmp/stunnel && cd /tmp/stunnel && export HOME=/tmp/stunnel
openssl req -x509 -newkey rsa:2048 -nodes -keyout k -out c -days 2 -subj /CN=localhost 2>/dev/null
(
    echo ok >i
    python3 -m http.server 7301 --bind 127.0.0.1 >/dev/null 2>&1
) &
port 7301
printf 'foreground=no\npid=/tmp/stunnel/st.pid\noutput=/tmp/stunnel/st.log\n[a]\naccept=127.0.0.1:7300\nconnect=127.0.0.1:7301\ncert=/tmp/stunnel/c\nkey=/tmp/stunnel/k\n' >st.conf
stunnel st.conf
echo $?
port 7300
for i in 1 2 3 4 5 6; do curl -s --cacert c https://localhost:7300/i; done
kill $(cat st.pid)
eventually test ! -e st.pid
echo end
