#!/bin/bash
# title: OpenSSH
# packages: openssh-server openssh-client python3 rsync
# what: sshd; ssh with a key, with and without a terminal, forwarding of a port; scp, sftp and rsync of 20 MB
set -u
. /programs/lib.sh
cd /tmp && mkdir -p /run/sshd /root/.ssh && chmod 700 /root/.ssh
ssh-keygen -q -t ed25519 -N '' -f host && ssh-keygen -q -t ed25519 -N '' -f user && cp user.pub /root/.ssh/authorized_keys
printf 'Port 2222\nListenAddress 127.0.0.1\nHostKey /tmp/host\nPidFile /tmp/pid\nPermitRootLogin yes\nSubsystem sftp internal-sftp\nUsePAM no\nStrictModes no\n' >sshd_config
/usr/sbin/sshd -f sshd_config -E sshd.log && port 2222
printf 'Host there\nHostName 127.0.0.1\nPort 2222\nIdentityFile /tmp/user\nStrictHostKeyChecking no\nUserKnownHostsFile /tmp/known\nLogLevel ERROR\n' >ssh_config
S="ssh -F ssh_config there"
$S 'echo $SSH_CONNECTION | cut -d" " -f1,3,4; id -u; exit 7'; echo "status $?"
echo text | $S 'tr a-z A-Z'
head -c 20000000 /dev/urandom >big
$S 'cat >/tmp/big.copy' <big && cmp big big.copy && echo same
scp -q -F ssh_config big there:/tmp/big.scp && cmp big big.scp && scp -q -F ssh_config there:/tmp/big.scp /tmp/big.back && cmp big big.back && echo scp
printf 'put /tmp/big /tmp/big.sftp\nmkdir /tmp/folder\nls -1 /tmp/big.sftp\nrename /tmp/big.sftp /tmp/folder/big\n' | sftp -q -F ssh_config -b - there 2>&1 | grep -v '^sftp> put' && cmp big folder/big && echo sftp
rsync -a -e 'ssh -F ssh_config' folder there:/tmp/synced && cmp big synced/folder/big && echo rsync
python3 -c 'import pty,sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)' ssh -tt -F ssh_config there 'stty size; tty | sed s/[0-9]*$//; test -t 0 && echo terminal; exit 3' </dev/null | tr -d '\r'; echo "status ${PIPESTATUS[0]}"
python3 -m http.server -b 127.0.0.1 -d /tmp/folder 8000 >/dev/null 2>&1 & port 8000
ssh -F ssh_config -f -N -L 9000:127.0.0.1:8000 -o ControlMaster=yes -o ControlPath=/tmp/control there; port 9000
python3 -c 'import urllib.request,hashlib; print(len(urllib.request.urlopen("http://127.0.0.1:9000/big").read()))'
ssh -F ssh_config -o ControlPath=/tmp/control there 'echo by the master'
ssh -F ssh_config -o ControlPath=/tmp/control -O exit there 2>&1
ssh -F ssh_config -o BatchMode=yes -i /dev/null -o IdentitiesOnly=yes -o IdentityFile=/dev/null -p 2222 nobody@127.0.0.1 true 2>/dev/null; echo "refused $?"
pid=$(cat pid); kill $pid; eventually gone $pid && echo stopped
