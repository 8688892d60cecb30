#!/bin/bash
# title: Mercurial, Subversion, CVS, Fossil and git-annex
# packages: mercurial subversion cvs fossil git-annex git curl
# what: a repository of each: commits, branches, a server and a clone, verification
set -u
. /programs/lib.sh
mkdir -p /tmp/vcs && chmod 755 /tmp/vcs && cd /tmp/vcs && export HOME=/tmp/vcs
hg init h
cd h
echo a >f
hg add -q f
hg commit -u x -m m
hg branch -q b
echo b >>f
hg commit -u x -m n
hg log -T '{rev} {branch} {desc}\n'
hg serve -d -a 127.0.0.1 -p 8401 --pid-file ../hp
port 8401
hg clone -q http://127.0.0.1:8401 ../h2
hg -R ../h2 log -T '{rev}'
kill $(cat ../hp)
hg verify 2>&1 | tail -1
cd ..
svnadmin create r
printf '[general]\nanon-access=write\n' >r/conf/svnserve.conf
svnserve -d --listen-host 127.0.0.1 --listen-port 8402 -r /tmp/vcs --pid-file sp
port 8402
svn co -q svn://127.0.0.1:8402/r wc
cd wc
for i in $(seq 50); do echo $i >f$i; done
svn add -q f*
svn ci -q -m one
svn cp -q f1 g
svn ci -q -m two
svn up -q
svn log -q | grep -c '^r'
svn ls | wc -l
svn info --show-item revision
svnadmin verify -q ../r
echo $?
svnadmin dump -q ../r | grep -c '^Revision'
cd ..
kill $(cat sp)
export CVSROOT=/tmp/vcs/cvs
cvs init
mkdir m
echo x >m/f
(cd m && cvs -Q import -m i mod v r)
cvs -Q co mod
echo y >>mod/f
(
    cd mod && cvs -Q ci -m c f
    cvs log f | grep -c ^revision
)
fossil init -A u x.fossil >/dev/null 2>&1
echo $?
mkdir fo
cd fo
fossil open ../x.fossil --user u >/dev/null 2>&1
echo 1 >a
fossil add a
fossil commit -m c --user-override u --no-warnings >/dev/null 2>&1
echo $?
fossil server ../x.fossil -P 8403 --localhost >/dev/null 2>&1 &
p=$!
port 8403
curl -s http://127.0.0.1:8403/timeline | grep -c '<title>'
fossil timeline -n 1 -t ci | wc -l
kill $p
cd ..
git config --global user.email a@b
git config --global user.name n
git init -q ga
cd ga
git annex init -q x 2>&1 | head -3
head -c 100000 /dev/zero >big
git annex add -q big
git commit -qm a
readlink big | cut -c1-20
git annex fsck -q big
echo $?
cd ..
git clone -q ga gb 2>&1
cd gb
git annex get big 2>&1 | grep -c ok
cmp big ../ga/big && echo same
