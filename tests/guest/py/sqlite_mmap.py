import mmap, os, sqlite3, tempfile

for mode in ("delete", "wal"):
    c = sqlite3.connect(f"{mode}.db")
    print(c.execute(f"pragma journal_mode={mode}").fetchone())
    c.execute("create table t(a integer primary key, b text)")
    c.executemany("insert into t(b) values (?)", [(str(i),) for i in range(500)])
    c.commit()
    d = sqlite3.connect(f"{mode}.db", timeout=0.1)
    c.execute("begin immediate")
    c.execute("delete from t where a < 100")
    try:
        d.execute("begin immediate")
    except sqlite3.OperationalError as e:
        print(e)
    c.commit()
    print(d.execute("select count(*), sum(a) from t").fetchone())
    d.close()
    c.execute("pragma mmap_size=1000000")
    print(c.execute("pragma integrity_check").fetchone())
    c.close()
    [os.unlink(f) for f in os.listdir(".") if f.startswith(mode)]
with open("m", "w+b") as f:
    f.write(b"a" * 10000)
    f.flush()
    m = mmap.mmap(f.fileno(), 0)
    m[5000:5003] = b"xyz"
    m.flush()
    f.seek(5000)
    print(f.read(3), m.find(b"xyz"))
    f.seek(0)
    f.write(b"B")
    f.flush()
    print(m[0:1])
    pid = os.fork()
    if not pid:
        m[1:2] = b"C"
        os._exit(0)
    os.waitpid(pid, 0)
    print(m[1:2])
    m.resize(20000)
    print(len(m), os.fstat(f.fileno()).st_size)
    m.close()
a = mmap.mmap(-1, 8192)
a.write(b"anon")
print(a[:4])
p = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE)
p[0] = 1
print(p[0])
with tempfile.TemporaryFile(dir=".") as t:
    t.write(b"t")
    print(t.tell())
