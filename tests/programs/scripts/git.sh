#!/bin/bash
# title: git
# packages: git
# what: fast-import of 5,000 commits; gc, fsck, log, blame, bisect, rebase, worktree; clone by the git protocol; status of 5,000 files
set -u
. /programs/lib.sh
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@a GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000' HOME=/tmp
git config --global init.defaultBranch main; git config --global advice.detachedHead false; git config --global safe.directory '*'
mkdir /tmp/r && cd /tmp/r && git init -q
perl -e 'for my $i (1..5000) { my $t = "line\n" x ($i % 50) . "commit $i\n"; my $m = "m $i"; printf "commit refs/heads/main\ncommitter a <a\@a> %d +0000\ndata %d\n%s\nM 644 inline d%d/f%d\ndata %d\n%s\nM 644 inline counter\ndata %d\n%s\n", 1600000000 + $i, length $m, $m, $i % 50, $i % 700, length $t, $t, length "$i\n", "$i\n" }' | git fast-import --quiet
git reset -q --hard; git rev-parse HEAD; git log --oneline | wc -l; git gc -q; git fsck --full 2>&1; git count-objects -v | grep -E 'count|in-pack|packs'
git log --oneline -- d7/f7 | wc -l; git blame counter | wc -l
git bisect start -q HEAD HEAD~4000 >/dev/null; git bisect run sh -c 'test $(cat counter) -lt 3210' 2>/dev/null | grep -A4 'first bad' | head -n 1 | cut -c41-; git bisect reset -q 2>/dev/null
git checkout -q -b side HEAD~20 && for i in 1 2 3; do echo $i >new$i && git add new$i && git commit -q -m "new $i"; done && git rebase -q main && git rev-parse HEAD && git checkout -q main && git merge -q --no-ff -m merge side && git rev-parse HEAD
for i in $(seq 1 100); do mkdir many$i; for j in $(seq 1 50); do echo $i $j >many$i/$j; done; done; git add . && git commit -q -m many && git rev-parse HEAD && git status --short | wc -l; echo x >>many5/5; git status --short; git stash -q; git stash list | wc -l; git diff --stat HEAD~1 | tail -n 1
git worktree add -q ../w side && ls ../w | wc -l
git daemon --reuseaddr --base-path=/tmp --export-all --listen=127.0.0.1 --detach --pid-file=/tmp/pid --enable=receive-pack && port 9418; git clone -q git://127.0.0.1/r /tmp/c && git -C /tmp/c rev-parse HEAD && git -C /tmp/c checkout -q -b pushed && git -C /tmp/c commit -q --allow-empty -m e && git -C /tmp/c push -q origin pushed && git rev-parse pushed; kill $(cat /tmp/pid)
git clone -q --depth 5 file:///tmp/r /tmp/s && git -C /tmp/s log --oneline | wc -l; git archive HEAD | tar t | wc -l; git bundle create -q /tmp/b HEAD && git bundle verify -q /tmp/b && echo bundle
