#!/bin/bash
# title: Django, Flask, nghttp2, ZeroMQ, npm workspaces, Bundler, Rake, Composer, cpanm, virtualenv, Bats, ShellCheck, pytest-xdist, tox, PostGIS, PgBouncer, Pgpool-II, Firebird, LevelDB, Tarantool
# packages: python3-django python3-flask gunicorn nghttp2-client nghttp2-server python3-zmq nodejs npm bundler rake composer cpanminus python3-virtualenv bats shellcheck python3-pytest python3-pytest-xdist tox curl openssl gosu postgresql-15 postgresql-15-postgis-3 pgbouncer pgpool2 firebird3.0-server python3-plyvel tarantool
# what: sites made, migrated, tested, served and reloaded; HTTP/2 asked a hundred times at once; messages by each way of a library; dependencies of a folder and their tests in five languages; tests side by side; places asked for by distance, pools before a database, a standby promoted, and three other stores
set -u
. /programs/lib.sh
chmod 1777 /tmp; cd /tmp
django-admin startproject site1; cd site1; python3 manage.py check; python3 manage.py migrate 2>&1 | tail -1
echo "from django.contrib.auth.models import User; User.objects.create_superuser('a','a@b.c','p'); print(User.objects.count())" | python3 manage.py shell
python3 manage.py startapp app; python3 manage.py test 2>&1 | sed 's/in [0-9.]*s/T/'
PYTHONUNBUFFERED=1 python3 manage.py runserver 127.0.0.1:8001 >/tmp/served.log 2>&1 & p=$!
port 8001; curl -s 127.0.0.1:8001/ | grep -c 'install worked'; curl -s -o /dev/null -w '%{http_code} %{redirect_url}\n' 127.0.0.1:8001/admin/
echo '# changed' >>site1/urls.py; eventually grep -q reloading /tmp/served.log
eventually curl -sf -o /dev/null 127.0.0.1:8001/admin/login/; kill -INT $p; kill $p; wait $p 2>/dev/null
gunicorn -w 2 -b 127.0.0.1:8002 site1.wsgi >/tmp/g.log 2>&1 & p=$!
port 8002; for i in 1 2 3 4; do curl -s -o /dev/null -w '%{http_code}\n' 127.0.0.1:8002/admin/login/; done; kill $p; wait $p; echo $?
cd /tmp; cat >fl.py <<'X'
from flask import Flask, Response, request
app = Flask(__name__)
@app.route("/")
def hello(): return "hi " + request.args.get("n", "")
@app.route("/up", methods=["POST"])
def up(): return str(len(request.files["f"].read()))
@app.route("/s")
def stream(): return Response(f"{i}\n" for i in range(5))
X
FLASK_APP=fl.py flask run --port 8003 >fl.log 2>&1 & p=$!
port 8003; curl -s '127.0.0.1:8003/?n=3'; echo; head -c 300000 /dev/zero >up; curl -s -F f=@up 127.0.0.1:8003/up; echo; curl -s 127.0.0.1:8003/s; kill $p; wait $p 2>/dev/null
nghttpd 8004 --no-tls -d /tmp -n 2 >nd.log 2>&1 & p=$!
port 8004; nghttp -n http://127.0.0.1:8004/fl.py; echo $?
h2load -n 300 -c 5 -m 10 http://127.0.0.1:8004/fl.py | grep -E 'requests:|status codes'; kill $p; wait $p 2>/dev/null; echo $?
openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 2 -subj /CN=localhost 2>/dev/null
nghttpd 8005 k.pem c.pem -d /tmp >nd.log 2>&1 & p=$!
port 8005; curl -sk --http2 https://127.0.0.1:8005/fl.py | wc -l; kill $p; wait $p 2>/dev/null
cat >z.py <<'X'
import threading, zmq
c = zmq.Context()
for url in ("tcp://127.0.0.1:5601", "ipc:///tmp/zs", "inproc://x"):
    r = c.socket(zmq.REP); r.bind(url); q = c.socket(zmq.REQ); q.connect(url)
    def serve():
        for _ in range(200): r.send(r.recv() + b"!")
    t = threading.Thread(target=serve); t.start(); n = 0
    for i in range(200): q.send(b"%d" % i); n += q.recv() == b"%d!" % i
    t.join(); print(url, n); r.close(); q.close()
p = c.socket(zmq.PUB); p.bind("ipc:///tmp/zp"); s = c.socket(zmq.SUB); s.connect("ipc:///tmp/zp"); s.subscribe(b"a")
while not s.poll(50): p.send(b"a1")
print(s.recv())
push = c.socket(zmq.PUSH); push.bind("tcp://127.0.0.1:5602"); pulls = [c.socket(zmq.PULL) for _ in range(3)]
for x in pulls: x.connect("tcp://127.0.0.1:5602")
poller = zmq.Poller(); got = 0
for x in pulls: poller.register(x, zmq.POLLIN)
for i in range(300): push.send(b"x" * 1000)
while got < 300:
    for x, _ in poller.poll(2000): x.recv(); got += 1
print(got)
X
timeout 60 python3 z.py
python3 -m virtualenv -q --no-download --no-seed e; e/bin/python -c 'import sys; print(sys.prefix)'
mkdir -p nw/a nw/b; cd nw; echo '{"name":"root","private":true,"workspaces":["a","b"]}' >package.json; echo '{"name":"a","version":"1.0.0","main":"i.js"}' >a/package.json
echo 'module.exports=41' >a/i.js; echo '{"name":"b","version":"1.0.0","dependencies":{"a":"1.0.0"},"scripts":{"test":"node -e \"console.log(require(\\\"a\\\")+1)\""}}' >b/package.json
npm install --offline --no-audit --no-fund --no-progress 2>&1 | sed 's/in [0-9.]*m\?s/T/'; npm test -s -w b; npm ls 2>&1; npm pack -s -w a
mkdir -p /tmp/bl/g/lib; cd /tmp/bl; echo 'class Q; def q; 7; end; end' >g/lib/q.rb
printf 'Gem::Specification.new{|s| s.name="q"; s.version="0.1"; s.summary="s"; s.authors=["a"]; s.files=["lib/q.rb"]}\n' >g/q.gemspec
printf 'source "https://rubygems.org"\ngem "q", path: "g"\n' >Gemfile; bundle install --local 2>&1 | tail -2; bundle exec ruby -e 'require "q"; p Q.new.q' 2>&1
printf 'task :a do puts :a end\ntask b: :a do sh "echo b" end\nmultitask :c=>[:a,:b]\nfile "o"=>"Gemfile" do touch "o" end\n' >Rakefile; rake b c o 2>&1
mkdir -p /tmp/cp/lib/src; cd /tmp/cp; export COMPOSER_ALLOW_SUPERUSER=1
echo '{"name":"v/lib","version":"1.0.0","autoload":{"psr-4":{"V\\":"src/"}}}' >lib/composer.json; echo '<?php namespace V; class A { static function f(){return 5;} }' >lib/src/A.php
echo '{"repositories":[{"type":"path","url":"./lib"},{"packagist.org":false}],"require":{"v/lib":"1.0.0"}}' >composer.json
composer install -n --no-ansi 2>&1 | tail -4; php -r 'require "vendor/autoload.php"; echo V\A::f(),"\n";'
mkdir -p /tmp/cm/lib /tmp/cm/t; cd /tmp/cm; printf 'use ExtUtils::MakeMaker; WriteMakefile(NAME=>"Foo",VERSION=>"1.0");' >Makefile.PL
echo 'package Foo; our $VERSION="1.0"; sub f{9} 1;' >lib/Foo.pm; echo 'use Test::More tests=>1; use Foo; is(Foo::f(),9);' >t/a.t
cpanm -q -n . 2>&1 | tail -1; perl -MFoo -e 'print Foo::f(),"\n"'; prove -l -j2 t 2>&1 | sed 's/,.*//' | tail -3; cd /tmp
cat >t.bats <<'X'
setup() { cd "$BATS_TEST_TMPDIR"; }
@test "adds" { run expr 1 + 1; [ "$status" -eq 0 ]; [ "$output" = 2 ]; }
@test "breaks" { echo here; false; }
@test "skips" { skip "no"; }
@test "reads" { cat <(echo a) >o; [ "$(<o)" = a ]; }
X
bats --tap t.bats; echo bats $?; printf '#!/bin/sh\nfoo=$1\necho $foo\n' >s.sh; shellcheck -f gcc s.sh; echo $?
mkdir p; cat >p/test_a.py <<'X'
import os, subprocess, pytest
@pytest.mark.parametrize("n", range(40))
def test_n(n, tmp_path): (tmp_path / "x").write_text(str(n)); assert (tmp_path / "x").read_text() == str(n)
def test_captured(capfd): os.system("echo hi"); assert capfd.readouterr().out == "hi\n"
def test_fails(): assert [1, 2] == [1, 3]
def test_set(monkeypatch): monkeypatch.setenv("A", "b"); assert subprocess.check_output("echo $A", shell=True) == b"b\n"
X
python3 -m pytest -q p 2>&1 | tail -2 | sed 's/in [0-9.]*s/T/'; python3 -m pytest -q -n 3 p 2>&1 | tail -2 | sed 's/in [0-9.]*s/T/'
printf '[tox]\nskipsdist=true\nenvlist=py311\n[testenv]\nsitepackages=true\ncommands=python3 -c "print(42)"\n' >tox.ini; env -u PYTHONPATH tox -q 2>&1 | grep -v ' seconds'; echo ${PIPESTATUS[0]}

B=/usr/lib/postgresql/15/bin; chown postgres /data; mkdir -p /run/postgresql; chown postgres /run/postgresql; export PGHOST=/tmp
gosu postgres $B/initdb -D /data/pg -A trust >/dev/null; gosu postgres $B/pg_ctl -D /data/pg -w -l /data/pg.log -o '-k /tmp' start >/dev/null; echo pg $?
q() { gosu postgres psql -qAt "$@"; }
q <<'X'
create extension postgis; select postgis_lib_version(); create table g(id serial, p geometry(Point,4326));
insert into g(p) select st_setsrid(st_makepoint(i%100,i/100),4326) from generate_series(1,5000) i; create index on g using gist(p); analyze g;
select count(*) from g where st_dwithin(p, st_setsrid(st_makepoint(10,10),4326), 3);
select round(st_length(st_transform(st_setsrid('LINESTRING(0 0,1 1)'::geometry,4326),3857)));
X
printf '[databases]\n* = host=/tmp port=5432 user=postgres\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port=6432\nunix_socket_dir=/tmp\nauth_type=any\npool_mode=transaction\nlogfile=/tmp/pgb.log\npidfile=/tmp/pgb.pid\ndefault_pool_size=4\nadmin_users=postgres\n' >pgb.ini
gosu postgres pgbouncer -d pgb.ini; port 6432; q -h 127.0.0.1 -p 6432 -c 'select 40+2'; gosu postgres $B/pgbench -i -q >/dev/null 2>&1
gosu postgres $B/pgbench -h 127.0.0.1 -p 6432 -c 20 -t 20 -n postgres 2>/dev/null | grep actually; old=$(cat pgb.pid)
gosu postgres pgbouncer -d -R pgb.ini 2>/dev/null; eventually gone $old; q -h 127.0.0.1 -p 6432 -c 'select 1'; kill "$(cat pgb.pid)"
printf "listen_addresses='127.0.0.1'\nport=9999\npcp_port=9898\nunix_socket_directories='/tmp'\npcp_socket_dir='/tmp'\nbackend_hostname0='/tmp'\nbackend_port0=5432\nnum_init_children=5\npid_file_name='/tmp/pgpool.pid'\nbackend_clustering_mode='raw'\nlogdir='/tmp'\n" >pool.conf
gosu postgres pgpool -n -f pool.conf >pool.log 2>&1 & p=$!
port 9999; for i in 1 2 3; do q -h 127.0.0.1 -p 9999 -c "select $i" postgres; done; kill -INT $p; wait $p; echo pool $?
gosu postgres $B/pg_basebackup -c fast -D /data/standby -R -X stream; echo $?; gosu postgres $B/pg_ctl -D /data/standby -w -l /data/standby.log -o '-k /tmp -p 5433' start >/dev/null; echo $?
q -c 'create table r as select 7 as x'; eventually bash -c 'gosu postgres psql -p 5433 -At -c "select x from r" | grep 7'
gosu postgres $B/pg_ctl -D /data/standby promote -w; q -p 5433 -c 'insert into r values(8) returning x'
gosu postgres $B/pg_ctl -D /data/standby stop -m fast >/dev/null; gosu postgres $B/pg_ctl -D /data/pg stop -m immediate >/dev/null; echo $?
mkdir fb; echo "create database '/tmp/fb/a.fdb'; create table t(i int, s varchar(20)); commit; insert into t values(1,'x'); insert into t values (2,'y'); commit; select count(*) from t;" | timeout 20 isql-fb -q -u SYSDBA 2>&1 | tr -s ' ' | grep -v '^$'
gbak -b -user SYSDBA fb/a.fdb fb/a.fbk 2>&1; echo $?; gfix -v -full fb/a.fdb -user SYSDBA; echo $?
python3 - <<'X'
import plyvel
d = plyvel.DB("/tmp/ldb", create_if_missing=True, write_buffer_size=100000)
with d.write_batch() as b:
    for i in range(20000): b.put(b"%06d" % i, b"v" * 50)
print(sum(1 for _ in d.iterator(start=b"000100", stop=b"000200"))); d.compact_range(); s = d.snapshot(); d.delete(b"000150")
print(s.get(b"000150")[:3], d.get(b"000150"))
try: plyvel.DB("/tmp/ldb")
except Exception as error: print(type(error).__name__)
X
cat >tar.lua <<'X'
box.cfg{wal_dir='/tmp/tw',memtx_dir='/tmp/tw',vinyl_dir='/tmp/tw',listen='127.0.0.1:3301',log='/tmp/tw/log',memtx_memory=64*1024*1024}
local s=box.schema.space.create('s'); s:create_index('p'); for i=1,1000 do s:insert{i,'x'..i} end; print(s:count(), s:get(7)[2])
local f=require('fiber'); local c=f.channel(1); f.create(function() c:put(5) end); print(c:get())
print(require('net.box').connect('guest@127.0.0.1:3301'):ping()); box.snapshot(); os.exit(0)
X
mkdir tw; timeout 30 tarantool tar.lua 2>&1; echo tarantool $?
