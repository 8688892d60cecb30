#!/bin/bash
# clone over HTTP from a server inside
export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
git config --global user.email a@example.org; git config --global user.name A; git config --global init.defaultBranch main
git init -q r; cd r; for i in $(seq 30); do echo $i > f$i; done; git add .; git commit -qm files; git update-server-info; cd ..
/usr/bin/python3 -c '
import functools, http.server as h
class Quiet(h.SimpleHTTPRequestHandler):
    def log_message(self, *a): pass
s = h.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory="r"))
open("port", "w").write(str(s.server_port))
open("ready", "w").close()
s.serve_forever()' & server=$!
until [ -e ready ]; do read -rt 0.05 < <(:) ; done
git clone -q "http://127.0.0.1:$(cat port)/.git" copy; git -C copy log --format=%H; ls copy | wc -l
curl -s "http://127.0.0.1:$(cat port)/f7"; wget -qO- "http://127.0.0.1:$(cat port)/f8"; curl -s -o /dev/null -w '%{http_code}\n' "http://127.0.0.1:$(cat port)/nope"
kill $server; wait $server 2>/dev/null; echo "server $?"; rm -rf r copy .gitconfig port ready
