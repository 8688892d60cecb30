# admin
# What ss(8) asks of Unix and netlink sockets, with all that it can show.
if [ "$1" != inside ]; then exec unshare -nm --propagation private /bin/bash "$0" inside; fi
mount -t tmpfs none /run
cd /run
cat > sockets.py <<'P'
import os, socket, struct, subprocess, re
l = socket.socket(socket.AF_UNIX); l.bind("lst"); l.listen(5)
c = socket.socket(socket.AF_UNIX); c.connect("lst"); a, _ = l.accept(); c.send(b"12345")
p = socket.socket(socket.AF_UNIX); p.connect("lst")
q = socket.socket(socket.AF_UNIX); q.connect("lst")
d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); d.bind("\0abs")
e = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); e.connect("\0abs"); e.send(b"abc")
x, y = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
x.shutdown(socket.SHUT_WR)
n = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); n.bind((3000000007, 0x11)); n.setsockopt(270, 12, 1); n.setsockopt(270, 10, 1)
n.setsockopt(270, 1, 34)
m = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 16); m.bind((3000000008, 0)); m.connect((9, 4)); m.setsockopt(270, 3, 1)
o = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); o.setsockopt(270, 1, 5)
numbers = {}
for name in "l c a p q d e x y n m o".split():
    numbers[str(os.fstat(globals()[name].fileno()).st_ino)] = name
def named(text):
    text = re.sub(r"\d+", lambda found: numbers.get(found.group(), found.group()), text)
    text = text.replace(f"pid={os.getpid()},", "pid=me,")
    return re.sub(r"fd=\d+|dev:\S+|ino:\d+ ", lambda found: found.group()[:4], text)
def shown(*words):
    print("$ ss", *words)
    out = subprocess.run(["ss", *words], capture_output=True, text=True).stdout
    for row in sorted(re.sub(" +", " ", named(row)).strip() for row in out.splitlines()[1:]):
        print(row)
shown("-xaepm")
shown("-xae")
shown("-xl")
shown("-x", "state", "established")
e.connect("\0abs")
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind("\0other")
e.connect("\0other")
shown("-xa", "type", "dgram")
diag = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4)
def netlink(protocol, show, flags=0x301, size=24):
    body = struct.pack("=BBHIIQ", 16, protocol, 0, 0, show, 0)[:size - 4 or None]
    diag.send(struct.pack("=IHHII", 16 + len(body), 20, flags, 1, 0) + body)
    rows = []
    while True:
        data = diag.recv(65536)
        while data:
            size, kind = struct.unpack_from("=IH", data)
            part, data = data[16:size], data[(size + 3) & ~3:]
            if kind == 3:
                return sorted(rows)
            if kind == 2:
                return struct.unpack_from("=i", part)[0]
            family, typ, proto, state, port, peer, group, inode = struct.unpack_from("=4B4I", part)
            known = numbers.get(str(inode), "")
            if (known or not port) and proto in (0, 4, 12, 15, 16):
                rest, found = part[28:], []
                while rest:
                    length, attr = struct.unpack_from("=HH", rest)
                    found.append((attr, rest[4:length].hex() if attr or proto != 4 else ""))
                    rest = rest[(length + 3) & ~3:]
                rows.append((proto, known, typ, state, port, peer, group, found))
for protocol, show in ((255, 11), (0, 2), (16, 8), (1, 0), (40, 0)):
    print(protocol, show, netlink(protocol, show))
print(netlink(255, 0, 1))
for row in sorted((row.split() for row in open("/proc/net/netlink").read().splitlines()[1:]), key=lambda row: (int(row[1]), int(row[2]))):
    _, protocol, port, groups, *_ = row
    if protocol in ("0", "4", "12", "15", "16") and port in ("0", "3000000007", "3000000008"):
        print(protocol, port, groups)
P
python3 sockets.py
