"""Sockets as ss and /proc/net list them: states, queues, filters, who holds them; counters of what was done."""

import os
import re
import socket
import subprocess
import time
from pathlib import Path


def ss(words):
    done = subprocess.run(f"ss -H {words}", shell=True, capture_output=True, text=True)
    lines = [" ".join(masked(line).split()) for line in (done.stdout + done.stderr).splitlines()]
    print("$ ss", words.replace(str(port), "PORT").replace(str(udp_port), "UDP"), *sorted(lines), sep="\n  ")


def masked(line):
    line = line.replace(f":{port}", ":PORT").replace(f":{udp_port}", ":UDP")
    return re.sub(r"(pid=|ino:|sk:|timer:\(timewait,|127\.0\.0\.1:)\w+", r"\1X", line)


def rows(name, *keep):
    text = Path(f"/proc/net/{name}").read_text().splitlines()
    print(name, re.sub(" +", " ", text[0]).strip())
    kept = [" ".join(line.split()[1:5]) for line in text[1:] if any(f":{one:04X} " in line for one in keep)]
    address = re.compile("(0100007F|0{24}01000000):([0-9A-F]{4})")
    print(*sorted(address.sub(lambda m: f"{m[1]}:{names.get(int(m[2], 16), 'X')}", line) for line in kept), sep="\n  ")


def settled(*unwanted):
    """Until no connection of ours is in a state that it only passes through."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        ours = [fields[3] for fields in lines if f":{port:04X}" in fields[1] + " " + fields[2]]
        if not set(ours) & set(unwanted):
            return
        time.sleep(0.01)


def counted(*names):
    found = {}
    for name in ("snmp", "netstat"):
        lines = Path(f"/proc/net/{name}").read_text().splitlines()
        for keys, values in zip(lines[::2], lines[1::2], strict=True):
            group = keys.split()[0]
            found.update(
                (group + key, int(value)) for key, value in zip(keys.split()[1:], values.split()[1:], strict=True)
            )
    return {name: found[name] for name in names}


listener = socket.create_server(("127.0.0.1", 0), backlog=5)
port = listener.getsockname()[1]
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
udp_port = receiver.getsockname()[1]
names = {port: "PORT", udp_port: "UDP"}
six = socket.socket(socket.AF_INET6)
six.bind(("::1", port))
six.listen(3)

first = socket.create_connection(("127.0.0.1", port))
served, _ = listener.accept()
served.send(b"abc")
waiting = socket.create_connection(("127.0.0.1", port))  # not accepted
closed = socket.create_connection(("127.0.0.1", port))
closed.close()  # FIN-WAIT-2, the other side CLOSE-WAIT and not accepted
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.connect(("127.0.0.1", udp_port))
sender.send(b"12345678")

settled("04")  # FIN-WAIT-1
both = f"'( sport = :{port} or dport = :{port} )'"
ss(f"-4tan {both}")
ss(f"-6tan {both}")
ss(f"-tlnp sport = :{port}")
ss(f"-tan state established {both}")
ss(f"-tan state fin-wait-2 {both}")
ss(f"-tan exclude listening {both}")
ss(f"-tan 'sport >= :{port} and sport <= :{port} and src 127.0.0.0/8'")
ss(f"-tan 'sport = :{port} and not dst 127.0.0.0/8'")
ss(f"-tan 'dst 127.0.0.1:{port}'")
ss(f"-4tane dport = :{port} | grep -o 'ino:[1-9]' | wc -l")
ss(f"-uan 'sport = :{udp_port} or dport = :{udp_port}' | sed 's/ [0-9]* / N /'")
ss(f"-tinm dport = :{port} | grep -o 'rto:\\|cwnd:\\|mss:\\|skmem:\\|rcv_space:' | sort -u")
rows("tcp", port)
rows("tcp6", port)
rows("udp6", udp_port)

for other in (waiting, first, served):
    other.close()
accepted = [listener.accept()[0] for _ in range(2)]
for other in accepted:
    other.close()
settled("01", "04", "05", "08", "09", "0B")
ss(f"-4tano {both} | sed 's/,[0-9a-zX]*,[0-9]*)/)/'")

one, two = socket.socketpair()
one.send(b"12345")
name = f"\0stackbox-lists-{port}"
hears = socket.socket(socket.AF_UNIX)
hears.bind(name)
hears.listen(7)
calls = socket.socket(socket.AF_UNIX)
calls.connect(name)
datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
datagrams.bind("socket")
listed = subprocess.getoutput("ss -xanH").splitlines()
print(sorted(line.replace(name[1:], "NAME").split()[:5] for line in listed if name[1:] in line))
print(sorted(line.split()[3:6] for line in Path("/proc/net/unix").read_text().splitlines() if name[1:] in line))
number = os.readlink(f"/proc/self/fd/{one.fileno()}")[8:-1]
print([line.split()[2:6] for line in Path("/proc/net/unix").read_text().splitlines() if line.split()[6:7] == [number]])
print([line.split()[:5] for line in listed if line.split()[5:6] == [number]])

KEYS = (
    "Tcp:ActiveOpens Tcp:PassiveOpens Tcp:AttemptFails Tcp:OutRsts Udp:InDatagrams Udp:OutDatagrams Udp:NoPorts Icmp:OutDestUnreachs"
).split()
before = counted(*KEYS)
listener2 = socket.create_server(("127.0.0.1", 0))
pair = socket.create_connection(listener2.getsockname()), listener2.accept()[0]
gone = listener2.getsockname()
listener2.close()
for _ in range(3):
    try:
        socket.create_connection(gone)
    except ConnectionRefusedError:
        pass
for _ in range(5):
    sender.send(b"x")
    receiver.recv(10)
receiver.close()
sender.send(b"x")
after = counted(*KEYS)
print({key: after[key] - before[key] > 0 for key in KEYS})
echoes, echoes6 = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1), socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58)
print(echoes.getsockname(), echoes6.getsockname())
echoes.bind(("127.0.0.1", 7)), echoes6.bind(("::1", 9))
echoes6.connect(("::1", 5))
print(echoes.getsockname(), echoes6.getsockname(), echoes6.getpeername())
ss("-wan src 127.0.0.1")
ss("-wan src [::1]")
