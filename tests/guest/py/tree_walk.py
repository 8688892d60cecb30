import os, shutil, tempfile, glob, pathlib

for i in range(3):
    for j in range(3):
        p = pathlib.Path(f"t/{i}/{j}")
        p.mkdir(parents=True)
        (p / "x.txt").write_text(f"{i}{j}")
        (p / ".hidden").touch()
for top, dirs, files in sorted(os.walk("t")):
    print(top, sorted(dirs), sorted(files))
print(sorted(glob.glob("t/**/*.txt", recursive=True)))
shutil.copytree("t", "u", symlinks=True)
print(len(list(pathlib.Path("u").rglob("*"))))
shutil.move("u/1", "u/moved")
shutil.rmtree("u/0")
print(sorted(os.listdir("u")))
print(shutil.disk_usage(".").total > 0)
with tempfile.TemporaryDirectory(dir=".") as d:
    with tempfile.NamedTemporaryFile(dir=d) as f:
        f.write(b"x")
        f.flush()
        print(os.path.getsize(f.name))
    print(os.listdir(d))
with tempfile.TemporaryFile(dir=".") as f:
    f.write(b"abc")
    f.seek(1)
    print(f.read())
os.mkdir("many")
for i in range(500):
    open(f"many/{i:04}", "w").close()
print(len(os.listdir("many")), min(os.listdir("many")), max(os.listdir("many")))
shutil.rmtree("many")
shutil.rmtree("t")
