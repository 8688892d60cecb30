#!/bin/bash
# title: SQLite
# packages: sqlite3 python3
# what: WAL with six writing and three reading processes; integrity check; the shell's own dump and restore
# quick
set -u
. /programs/lib.sh
cd /tmp
cat >w.py <<'P'
import multiprocessing, sqlite3, sys
def connect():
    c = sqlite3.connect("wal.db", timeout=60, isolation_level=None); c.execute("pragma journal_mode=wal"); c.execute("pragma synchronous=normal")
    return c
def write(w):
    c = connect()
    for i in range(60):
        c.execute("begin immediate"); c.execute("update total set n = n + 1")
        c.executemany("insert into t values (?, ?)", [(w, i * 10 + j) for j in range(10)]); c.execute("commit")
def read(_):
    c = connect(); bad = 0
    for _ in range(100):
        c.execute("begin"); n, = c.execute("select n from total").fetchone(); k, = c.execute("select count(*) from t").fetchone(); c.execute("commit")
        bad += k != 10 * n
    return bad
if __name__ == "__main__":
    c = connect(); c.execute("create table t (w, i)"); c.execute("create table total (n)"); c.execute("insert into total values (0)"); c.close()
    with multiprocessing.Pool(9) as pool:
        writers = pool.map_async(write, range(6), 1); print("inconsistent reads:", pool.map(read, range(3), 1)); writers.get()
    c = connect()
    print(c.execute("select n from total").fetchall(), c.execute("select w, count(*), sum(i) from t group by w order by w").fetchall())
    print(c.execute("pragma integrity_check").fetchall(), c.execute("pragma wal_checkpoint(truncate)").fetchall())
P
python3 w.py
sqlite3 wal.db .dump | sqlite3 copy.db && sqlite3 copy.db 'select count(*), sum(i) from t' && sqlite3 copy.db 'pragma integrity_check'
sqlite3 copy.db 'pragma mmap_size=10000000; create index x on t (i); vacuum; select max(i) from t'
ls *.db*
