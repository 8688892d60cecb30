#!/bin/bash
# title: Redis
# packages: redis-server redis-tools
# what: redis-benchmark with and without pipelining; append-only file; SIGKILL of the whole sandbox, and what was acknowledged is there again; RDB snapshot
# crash
set -u
. /programs/lib.sh
cd /data
start() {
    redis-server --port 6379 --dir /data --appendonly yes --appendfsync always --save "" --daemonize yes --logfile /tmp/redis.log \
        >/dev/null && eventually redis-cli ping
    eventually bash -c '[ "$(redis-cli ping)" = PONG ]'
}
if [ "$1" = before ]; then
    start
    redis-benchmark -q -n 5000 -t ping_mbulk,set,get,incr,lpush,lpop,sadd,hset,zadd,mset -c 50 --csv | tail -n +2 | while IFS=, read -r name rate _; do
        figure "$name $rate"; echo "done $name"
    done
    figure "-P 16: $(redis-benchmark -q -n 20000 -P 16 -t set,get --csv | tail -n +2 | cut -d, -f1,2 | tr '\n' ' ')"
    redis-cli flushall
    redis-cli config set appendfsync always
    for i in $(seq 1 50); do redis-cli set key$i value$i >/dev/null; done
    seq 1 2000 | sed 's/.*/SADD numbers &/' | redis-cli | grep -c 1
    redis-cli eval 'for i = 1, 100 do redis.call("rpush", "list", i) end return redis.call("llen", "list")' 0
    (redis-cli --raw subscribe channel & echo $! >/tmp/pid) | head -n 5 >/tmp/heard &
    eventually bash -c '[ "$(redis-cli publish channel message)" = 1 ]'
    wait; tail -n 1 /tmp/heard
    touch /data/kill
    sleep 100
fi
start
redis-cli dbsize
redis-cli scard numbers
redis-cli get key50
redis-cli lrange list 0 3
checked bgsave redis-cli bgsave
eventually test -s dump.rdb
checked rewrite redis-cli bgrewriteaof
eventually bash -c '[ $(redis-cli info persistence | grep -c "in_progress:1") = 0 ]'
redis-cli info persistence | grep -E 'last_bgsave_status|last_bgrewrite_status'
redis-cli shutdown && eventually bash -c '! pidof redis-server' && echo stopped
redis-check-rdb dump.rdb | tail -n 1 | cut -d' ' -f2-
