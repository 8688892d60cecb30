import os, stat, errno


def show(what, f, *a, **k):
    try:
        r = f(*a, **k)
    except OSError as e:
        print(what, errno.errorcode[e.errno])
    else:
        print(what, r if isinstance(r, (int, str, bytes, list, type(None))) else type(r).__name__)


open("a", "w").write("alpha\nbeta\n")
print(open("a").readlines())
with open("b", "xb") as f:
    print(f.write(b"\0" * 10000))
show("exclusive", open, "b", "x")
with open("b", "r+b") as f:
    f.seek(5000)
    f.write(b"mid")
    f.seek(4998)
    print(f.read(7))
    print(f.truncate(20))
    print(f.tell())
print(os.path.getsize("b"))
os.makedirs("d/e/f")
show("again", os.makedirs, "d/e/f")
os.makedirs("d/e/f", exist_ok=True)
show("rmdir", os.rmdir, "d")
show("removedirs", os.removedirs, "d/e/f")
print(os.path.exists("d"))
os.symlink("a", "l")
print(os.readlink("l"), os.path.islink("l"), os.path.realpath("l").endswith("/a"))
show("replace", os.replace, "a", "c")
print(os.path.exists("l"), os.path.lexists("l"))
print(sorted(os.listdir(".")), sorted((e.name, e.is_file(), e.is_symlink()) for e in os.scandir(".")))
os.chmod("c", 0o4711)
print(stat.filemode(os.stat("c").st_mode))
os.utime("c", ns=(1, 2))
s = os.stat("c")
print(s.st_atime_ns, s.st_mtime_ns)
show("stat", os.stat, "none")
show("slash", os.stat, "c/")
show("nul", os.open, ".", os.O_RDWR)
