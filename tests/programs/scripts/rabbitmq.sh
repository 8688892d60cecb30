#!/bin/bash
# title: RabbitMQ
# packages: rabbitmq-server python3
# what: started, an account and a virtual host made, messages put on a durable queue and an exchange, acknowledged and rejected by AMQP; stopped, started again, and what was durable is there
set -u
. /programs/lib.sh
export HOME=/tmp/rmq RABBITMQ_NODENAME=r@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_LOG_BASE=/tmp/rmq/log RABBITMQ_MNESIA_BASE=/tmp/rmq/db RABBITMQ_DIST_PORT=25672
export RABBITMQ_ENABLED_PLUGINS_FILE=/tmp/rmq/plugins ERL_EPMD_ADDRESS=127.0.0.1
mkdir -p /tmp/rmq/log /tmp/rmq/db && chown -R rabbitmq: /tmp/rmq && cd /tmp/rmq && echo '[].' >plugins
cat >amqp.py <<'X'
"""AMQP 0-9-1 by hand: as much as it takes."""
import socket, struct, sys

class Channel:
    def __init__(self):
        self.s = socket.create_connection(("127.0.0.1", 5672)); self.s.settimeout(60); self.f = self.s.makefile("rb")
        self.s.sendall(b"AMQP\0\0\x09\x01"); self.expect(10, 10)
        self.send(0, 10, 11, struct.pack(">I", 0) + short("PLAIN") + long(b"\0u\0pw") + short("C"))
        channels, frame, beat = struct.unpack(">HIH", self.expect(10, 30)); self.send(0, 10, 31, struct.pack(">HIH", channels, frame, 0))
        self.send(0, 10, 40, short("v") + b"\0\0"); self.expect(10, 41); self.send(1, 20, 10, b"\0"); self.expect(20, 11)
    def send(self, channel, cls, method, body): self.frame(1, channel, struct.pack(">HH", cls, method) + body)
    def frame(self, kind, channel, body): self.s.sendall(struct.pack(">BHI", kind, channel, len(body)) + body + b"\xce")
    def read(self):
        kind, _, size = struct.unpack(">BHI", self.f.read(7)); body = self.f.read(size); self.f.read(1); return kind, body
    def expect(self, cls, method):
        while True:
            kind, body = self.read()
            if kind == 1 and struct.unpack(">HH", body[:4]) == (cls, method): return body[4:]
            if kind == 1 and body[:4] in (b"\0\x0a\0\x32", b"\0\x14\0\x28"): raise SystemExit(body)
    def call(self, cls, method, body): self.send(1, cls, method, body); return self.expect(cls, method + 1)
    def publish(self, exchange, key, text):
        self.send(1, 60, 40, b"\0\0" + short(exchange) + short(key) + b"\0")
        self.frame(2, 1, struct.pack(">HHQHB", 60, 0, len(text), 0x1000, 2)); self.frame(3, 1, text)
    def get(self, queue):
        self.send(1, 60, 70, b"\0\0" + short(queue) + b"\0")
        kind, body = self.read()
        if body[2:4] == b"\0\x48": return 0, None
        self.read(); return struct.unpack(">Q", body[4:12])[0], self.read()[1]

def short(text): return bytes([len(text)]) + text.encode()
def long(text): return struct.pack(">I", len(text)) + text
c = Channel()
if sys.argv[1] == "1":
    for q in ("q", "a", "b"): c.call(50, 10, b"\0\0" + short(q) + b"\x02" + long(b""))
    c.call(40, 10, b"\0\0" + short("x") + short("fanout") + b"\x02" + long(b""))
    for q in ("a", "b"): c.call(50, 20, b"\0\0" + short(q) + short("x") + short("") + b"\0" + long(b""))
    c.call(85, 10, b"\0")
    for n in range(200): c.publish("", "q", b"m%d" % n)
    for n in range(5): c.publish("x", "", b"all%d" % n)
    tag = 0
    while tag < 205:
        body = c.expect(60, 80); tag = max(tag, struct.unpack(">Q", body[:8])[0])
    print("confirmed", tag)
    for n in range(50): tag, text = c.get("q")
    print(text); c.send(1, 60, 80, struct.pack(">QB", tag, 1))
    tag, text = c.get("q"); c.send(1, 60, 90, struct.pack(">QB", tag, 1)); print(text, c.get("q")[1], c.get("a")[1], c.get("b")[1])
else:
    print(c.get("q")[1], c.get("a")[1])
c.send(0, 10, 50, struct.pack(">H", 200) + short("bye") + b"\0\0\0\0"); c.expect(10, 51)
X
started() { # what asks before the node is there fails at once
    local end=$((SECONDS + 600))
    until rabbitmqctl -q --timeout 600 await_startup >/dev/null 2>&1; do [ $SECONDS -lt $end ] || return 1; done
}
begin=$(date +%s%N)
rabbitmq-server >out 2>err & server=$!
started && echo "started"
figure "started after $((($(date +%s%N) - begin) / 1000000)) ms"
rabbitmqctl -q add_user u pw; rabbitmqctl -q add_vhost v; rabbitmqctl -q set_permissions -p v u '.*' '.*' '.*'
timeout 100 python3 amqp.py 1
rabbitmqctl -q list_queues -p v name messages durable | sort
rabbitmqctl -q stop; wait $server; echo "stopped: $?"
rabbitmq-server >out 2>err & server=$!
started && echo "started"
timeout 100 python3 amqp.py 2
rabbitmqctl -q stop; wait $server; echo "stopped: $?"; cat log/*.log | grep -c '\[error\]'; true
