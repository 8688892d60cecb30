#!/bin/bash
export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' HOME=$PWD GIT_CONFIG_NOSYSTEM=1
git config --global user.email a@example.org; git config --global user.name A; git config --global init.defaultBranch main
git init -q r; cd r; for i in 1 2 3; do seq $((i * 100)) > f$i; git add .; git commit -qm "c$i"; done
git log --oneline; git rev-parse HEAD; git checkout -qb side HEAD~1; echo x > g; git add g; git commit -qm side; git checkout -q main; git merge -q -m merge side; git log --oneline --graph | cat
git gc -q; git fsck; git count-objects -v | grep packs; git diff HEAD~1 --stat | cat; git status --short; git blame -s f1 | head -1; git stash list; git tag v1; git describe
cd ..; git clone -q r copy; git -C copy log --oneline | wc -l; git -C copy ls-files; rm -rf r copy .gitconfig
