import mmap, os

with open("f", "w+b") as f:
    f.write(b"0123456789" * 1000)
    f.flush()
    m = mmap.mmap(f.fileno(), 0)
    print(len(m), m[5:15], m.find(b"89"), m.rfind(b"89"))
    m[0:4] = b"HEAD"
    m.flush()
    f.seek(0)
    print(f.read(6))
    m.resize(20000)
    print(len(m), os.path.getsize("f"))
    m.close()
    c = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_COPY)
    c[0] = 0
    f.seek(0)
    print(f.read(1))
    c.close()
    r = mmap.mmap(f.fileno(), 4096, access=mmap.ACCESS_READ, offset=4096)
    print(r[:4])
    try:
        r[0] = 1
    except TypeError:
        print("read only")
    r.close()
s = mmap.mmap(-1, 4096)
if os.fork() == 0:
    s[0:5] = b"child"
    os._exit(0)
os.wait()
print(s[:5])
p = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
if os.fork() == 0:
    p[0:5] = b"child"
    os._exit(0)
os.wait()
print(p[:5])
p.madvise(mmap.MADV_DONTNEED)
