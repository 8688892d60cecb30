#!/bin/bash
# title: PostgreSQL
# packages: postgresql-15 postgresql-contrib
# what: initdb; pgbench -c 8, whose sums hold; SIGKILL of the whole sandbox under load, recovery, and what was acknowledged is there; vacuum, dump and restore
# crash
set -u
. /programs/lib.sh
export PATH=$PATH:/usr/lib/postgresql/15/bin PGDATA=/data/pg PGHOST=/tmp PGUSER=postgres
as() { setpriv --reuid postgres --regid postgres --clear-groups env HOME=/tmp PATH=$PATH PGDATA=$PGDATA PGHOST=/tmp "$@"; }
sums() {
    as psql -Atq bench -c "select (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history),
        (select sum(tbalance) from pgbench_tellers) = (select sum(delta) from pgbench_history),
        (select sum(bbalance) from pgbench_branches) = (select sum(delta) from pgbench_history)"
}
chmod 755 /data
if [ "$1" = before ]; then
    mkdir /data/pg && chown postgres /data/pg && chmod 700 /data/pg
    checked initdb as initdb -A trust --locale=C.UTF-8
    checked start as pg_ctl -w -t 120 -l /tmp/pg.log start -o "-k /tmp -h ''"
    as createdb bench
    checked fill as pgbench -i -s 1 bench
    checked pgbench as pgbench -c 8 -j 2 -t 100 bench
    figure "$(grep -E 'tps' /tmp/checked.log)"
    as psql -Atq bench -c 'select count(*) from pgbench_history'
    sums
    as psql -Atq bench -c 'create table acknowledged (n int)'
    as pgbench -c 4 -j 2 -T 60 bench >/dev/null 2>&1 &
    for n in $(seq 1 20); do as psql -Atq bench -c "insert into acknowledged values ($n)" || echo "lost $n"; done
    touch /data/kill
    sleep 100
fi
rm -f /data/pg/postmaster.pid
checked restart as pg_ctl -w -t 120 -l /tmp/pg.log start -o "-k /tmp -h ''"
grep -o 'automatic recovery in progress' /tmp/pg.log
as psql -Atq bench -c 'select count(*), sum(n) from acknowledged'
sums
checked vacuum as vacuumdb -q --full bench
checked check as pg_amcheck -d bench --install-missing
as pg_dump bench >/tmp/dump && as createdb copy && as psql -q copy </tmp/dump >/dev/null && as psql -Atq copy -c 'select count(*) from pgbench_accounts'
as psql -Atq bench -c 'create index on pgbench_accounts (abalance)' -c 'set max_parallel_workers_per_gather = 2; set min_parallel_table_scan_size = 0; set parallel_setup_cost = 0; set parallel_tuple_cost=0; select count(*) from pgbench_accounts'
as psql -Atq -c 'listen x' -c "notify x, 'heard'" bench | sed 's/PID [0-9]*/PID/'
checked stop as pg_ctl -w stop
