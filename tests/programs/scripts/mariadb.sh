#!/bin/bash
# title: MariaDB
# packages: mariadb-server
# what: install, start, load 20,000 rows in 4 sessions, joins and transactions, SIGKILL of the whole sandbox and recovery
# crash
set -u
. /programs/lib.sh
start() {
    mariadbd --no-defaults --datadir=/data/db --socket=/tmp/db.sock --skip-networking --user=root --pid-file=/tmp/db.pid \
        --innodb-buffer-pool-size=32M >/tmp/db.log 2>&1 &
    eventually mariadb-admin --no-defaults -S /tmp/db.sock ping || tail -n 20 /tmp/db.log >&2
}
sql() { mariadb --no-defaults -S /tmp/db.sock -N -B test "$@"; }
if [ "$1" = before ]; then
    checked install mariadb-install-db --no-defaults --datadir=/data/db --user=root --auth-root-authentication-method=normal
    start
    mariadb --no-defaults -S /tmp/db.sock -e 'create database if not exists test'
    sql -e 'create table t (id int auto_increment primary key, worker int, n int, text varchar(40), index (n)) engine=innodb'
    for w in 1 2 3 4; do
        { echo "begin;"; for i in $(seq 1 100); do
            printf 'insert into t (worker, n, text) values '; for j in $(seq 1 50); do [ $j = 1 ] || printf ,; printf "($w, $((i * 50 + j)), 'text $i')"; done; echo ';'
        done; echo "commit;"; } | sql & loads="${loads-} $!"
    done
    wait $loads
    sql -e 'select count(*), sum(n), count(distinct text) from t; select worker, count(*) from t group by worker order by worker'
    sql -e 'select count(*) from t a join t b on a.n = b.n and a.worker < b.worker'
    sql -e 'begin; delete from t where worker = 1; rollback; select count(*) from t; begin; delete from t where worker = 2; commit; select count(*) from t'
    touch /data/kill
    sleep 100
fi
start
sql -e 'select count(*), sum(n) from t; check table t; alter table t add column extra int default 7; select sum(extra) from t'
checked dump mariadb-dump --no-defaults -S /tmp/db.sock test
checked shutdown mariadb-admin --no-defaults -S /tmp/db.sock shutdown
wait; tail -n 1 /tmp/db.log | grep -o 'Shutdown complete'
