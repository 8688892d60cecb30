#!/bin/bash
# title: Elixir, Clojure, Pike, Tcl, Schemes, Poly/ML, Icon, iperf, qperf, SockPerf, Gearman, LMDB, RocksDB and tgt
# packages: elixir clojure pike8.0 tcl jimsh newlisp mit-scheme gambc chicken-bin polyml libpolyml-dev g++ icont iconx gprolog gawk iperf qperf nuttcp sockperf gearman-job-server gearman-tools lmdb-utils rocksdb-tools tgt iproute2 procps
# what: in each language a small program with threads, processes or sockets, compiled where it is a compiler; what a network carries, measured; jobs handed to a worker; keys kept; a disc served
set -u
. /programs/lib.sh
# heard PORT: somebody listens there, found without connecting.
heard() { eventually sh -c "ss -Hltn 'sport = :$1' | grep -q ."; }
ended() { kill -9 "$@"; wait "$@" 2>/dev/null; }
mkdir -p /tmp/d /root; cd /tmp/d
r() { echo "== $1"; shift; timeout 120 "$@" 2>&1 </dev/null | head -30; echo "status ${PIPESTATUS[0]}"; }

cat >a.exs <<'X'
squares = for i <- 1..1000, do: Task.async(fn -> i * i end)
IO.inspect(Enum.sum(Task.await_many(squares)))
{:ok, listener} = :gen_tcp.listen(0, [:binary, active: false])
{:ok, port} = :inet.port(listener)
spawn(fn -> {:ok, s} = :gen_tcp.accept(listener); :gen_tcp.send(s, "hello"); :gen_tcp.close(s) end)
{:ok, c} = :gen_tcp.connect({127, 0, 0, 1}, port, [:binary, active: false])
IO.inspect(:gen_tcp.recv(c, 0))
IO.inspect(System.cmd("sh", ["-c", "echo hi; exit 3"]))
{:ok, a} = Agent.start_link(fn -> 0 end)
for _ <- 1..100, do: Agent.update(a, &(&1 + 1))
IO.puts(Agent.get(a, & &1))
X
r elixir elixir a.exs
r mix sh -c 'mix new app >/dev/null && cd app && mix test 2>&1 | grep "1 test,"'
cat >a.clj <<'X'
(println (reduce + (pmap #(* % %) (range 100))))
(def a (agent 0)) (dotimes [_ 50] (send a inc)) (await a) (println @a)
(require 'clojure.java.shell) (println (:out (clojure.java.shell/sh "echo" "hi"))) (shutdown-agents)
X
r clojure clojure a.clj
cat >a.pike <<'X'
int main() {
  Thread.Queue q = Thread.Queue();
  for (int i = 0; i < 4; i++) Thread.Thread(lambda(int k) { q->write(k * k); }, i);
  int s; for (int i = 0; i < 4; i++) s += q->read();
  write("%d\n", s);
  mapping m = Process.run(({"sh", "-c", "echo hi; exit 2"})); write("%O %d\n", m->stdout, m->exitcode);
  Stdio.Port p = Stdio.Port(); p->bind(0, 0, "127.0.0.1"); int n = (int)(p->query_address() / " ")[1];
  Stdio.File c = Stdio.File(); c->connect("127.0.0.1", n);
  object t = p->accept(); t->write("yo"); t->close(); write("%s\n", c->read()); return 0;
}
X
r pike pike8.0 a.pike
cat >a.tcl <<'X'
set s [socket -server {apply {{c a p} {puts $c hi; close $c}}} -myaddr 127.0.0.1 0]
set c [socket -async 127.0.0.1 [lindex [fconfigure $s -sockname] 2]]
fileevent $c readable {puts [gets $c]; close $c; set done 1}; vwait done
puts [exec sh -c {echo sub}]; after 50 {set later 1}; vwait later; puts [expr 2**100]
set p [open |cat r+]; puts $p x; flush $p; puts [gets $p]; close $p w; puts [catch {exec false} m]; exit 3
X
r tcl tclsh a.tcl
echo 'puts [expr 6*7]; puts [exec echo hi]; lassign [socket pipe] a b; puts $b x; flush $b; puts [gets $a]' >a.jim
r jimsh jimsh a.jim
r newlisp newlisp -n -e '(println (exec "echo hi"))' -e '(let (p (spawn (quote r) (* 6 7))) (sync 5000) r)'
echo '(define (f n) (if (< n 2) n (+ (f (- n 1)) (f (- n 2))))) (display (f 20)) (newline) (exit 2)' >a.scm
r mit mit-scheme --quiet --load a.scm
r gambit gsi a.scm
r chicken sh -c 'csc a.scm -o ac && ./ac'
echo 'fun main () = (print (Int.toString (foldl op+ 0 (List.tabulate (1000, fn x => x))) ^ "\n"); OS.Process.system "echo hi"; ())' >a.sml
r polyml sh -c 'polyc -o pp a.sml 2>/dev/null && ./pp'
printf 'procedure main()\n every writes(!3," ")\n write()\n p:=open("echo hi","p")\n write(read(p))\nend\n' >a.icn
r icon icont -s a.icn -x
echo ":- initialization(main). main :- X is 1 << 10, write(X), nl, shell('echo hi'), halt." >a.pl
r gprolog sh -c 'gplc a.pl -o gp && ./gp'
r gawk gawk 'BEGIN { c = "cat"; print "hi" |& c; close(c, "to"); c |& getline x; print x; "date +%Y" | getline y; print (y > 2000); exit system("exit 3") }'

iperf -s -p 5001 >/dev/null 2>&1 & pid=$!; heard 5001
r iperf sh -c 'iperf -c 127.0.0.1 -p 5001 -n 20M -P 2 -y C | wc -l'; ended $pid
qperf >/dev/null 2>&1 & pid=$!; heard 19765
r qperf sh -c 'qperf -t 1 127.0.0.1 tcp_bw tcp_lat udp_lat | grep -c ='; ended $pid
nuttcp -S -p 5003 -P 5004; heard 5004
r nuttcp sh -c 'nuttcp -p 5003 -P 5004 -T 1 127.0.0.1 | grep -c Mbps'; pkill -x nuttcp
sockperf sr --tcp -p 5006 >/dev/null 2>&1 & pid=$!; heard 5006
r sockperf sh -c 'sockperf pp --tcp -i 127.0.0.1 -p 5006 -t 1 2>&1 | grep -c avg-lat'; ended $pid
gearmand -p 4730 -l stderr -t 2 >/dev/null 2>&1 & pid=$!; heard 4730
gearman -w -f wc -- wc -c >/dev/null 2>&1 & worker=$!
r gearman sh -c 'printf abcde | gearman -f wc; for i in 1 2 3; do echo x$i | gearman -f wc; done; gearadmin --status | grep wc | cut -f 1-3'
ended $worker $pid
printf 'VERSION=3\nformat=print\ntype=btree\nHEADER=END\n k\n v\nDATA=END\n' >d; mkdir db copy
r lmdb sh -c 'mdb_load -f d db && mdb_stat -e db | grep Entries; mdb_copy db copy && mdb_dump -p copy | tail -3'
r rocksdb sh -c 'ldb --db=rdb --create_if_missing put a b; ldb --db=rdb get a; ldb --db=rdb scan'
tgtd -f >/dev/null 2>&1 & pid=$!; eventually tgtadm --lld iscsi --op show --mode sys
r tgt sh -c 'truncate -s 10M i; tgtadm --lld iscsi --op new --mode target --tid 1 -T iqn.x:y
tgtadm --lld iscsi --op new --mode logicalunit --tid 1 --lun 1 -b $PWD/i; tgtadm --lld iscsi --op show --mode target | grep -E "Target|LUN:|Size"'
ended $pid
exit 0
