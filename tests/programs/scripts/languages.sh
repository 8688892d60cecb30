#!/bin/bash
# title: Ruby, Perl, PHP and Lua
# packages: ruby perl php-cli lua5.4
# what: in each: files, processes and pipes, signals, sockets or threads where it has them
# quick
set -u
. /programs/lib.sh
cd /tmp
ruby -rsocket -rtempfile -e '
puts RUBY_VERSION
s = TCPServer.new("127.0.0.1", 0); t = Thread.new { 10.times { Thread.new(s.accept) { |c| c.write c.gets.upcase; c.close } } }
puts (1..10).map { |i| Thread.new { c = TCPSocket.new("127.0.0.1", s.addr[1]); c.puts "line #{i}"; c.read } }.map(&:value).join
r, w = IO.pipe; pid = fork { r.close; w.puts "child"; exit! 6 }; w.close; puts r.read; Process.wait pid; puts $?.exitstatus
trap("USR1") { puts "signal" }; Process.kill "USR1", $$; sleep 0.05; puts `echo shell; exit 2`, $?.exitstatus
File.write("r", "x" * 100000); puts File.open("r") { |f| f.flock(File::LOCK_EX); f.seek(-5, IO::SEEK_END); f.read }; puts Dir.glob("/etc/p*").sort.first
q = Queue.new; 5.times { |i| Thread.new { q << i } }; puts 5.times.sum { q.pop }; puts (begin; File.open("/none"); rescue => e; e.class; end); GC.start; puts Fiber.new { Fiber.yield 1; 2 }.then { |f| [f.resume, f.resume].inspect }'
perl -MIO::Socket::INET -MPOSIX -MFcntl=:flock -MTime::HiRes=ualarm -e '$| = 1;
my $l = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1") or die; my $p = $l->sockport;
if (!(my $c = fork)) { for (1..5) { my $s = $l->accept; print $s uc(<$s>); close $s } POSIX::_exit(9) }
for (1..5) { my $s = IO::Socket::INET->new("127.0.0.1:$p"); print $s "hello $_\n"; print <$s> } wait; print $? >> 8, "\n";
$SIG{ALRM} = sub { die "alarm\n" }; eval { ualarm(20000); select(undef, undef, undef, 10) }; print $@; open my $f, ">", "p"; flock $f, LOCK_EX; print $f "y" x 70000; close $f; print -s "p", "\n";
open my $k, "-|", "sort -n" or 1; print `printf "3\n1\n2\n" | sort`; print "$!\n" unless open my $n, "<", "/none"; print join(",", map { sprintf "%o", (stat $_)[2] } "/tmp", "/etc/passwd"), "\n"; my @a = map { $_ ** 2 } 1..10; print "@a\n"' </dev/null
php -r '
$s = stream_socket_server("tcp://127.0.0.1:0", $e, $m); $n = stream_socket_get_name($s, false); $c = stream_socket_client("tcp://$n"); $a = stream_socket_accept($s); fwrite($c, "php\n"); echo fgets($a);
$p = proc_open(["sort", "-r"], [["pipe", "r"], ["pipe", "w"]], $io); fwrite($io[0], "a\nc\nb\n"); fclose($io[0]); echo stream_get_contents($io[1]); echo proc_close($p), "\n";
file_put_contents("/tmp/php", str_repeat("z", 50000), LOCK_EX); echo md5_file("/tmp/php"), " ", filesize("/tmp/php"), "\n"; echo shell_exec("echo shell"); var_dump(@file_get_contents("/none")); echo array_sum(range(1, 1000)), "\n"; echo strlen(random_bytes(8)), "\n";
$pid = pcntl_fork(); if (!$pid) exit(4); pcntl_waitpid($pid, $st); echo pcntl_wexitstatus($st), "\n"; [$x, $y] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0); fwrite($x, "pair\n"); echo fgets($y);'
mkdir -p web && echo '<?php echo "served ", $_GET["q"], "\n";' >web/i.php && (php -q -S 127.0.0.1:8080 -t web >/dev/null 2>&1 & echo $! >pid; wait) & port 8080; perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new("127.0.0.1:8080"); print $s "GET /i.php?q=7 HTTP/1.0\r\n\r\n"; @l = <$s>; print $l[-1]'; kill "$(cat pid)"
lua5.4 -e 'local f = io.popen("printf 1; exit 3"); print(f:read("a"), f:close()); local t = os.tmpname(); local h = io.open(t, "w"); h:write(("k"):rep(1000)); h:close(); h = io.open(t, "r+"); h:seek("set", 500); h:write("middle"); h:close(); print(#io.open(t):read("a"), io.open("/none")); print(os.remove(t), os.rename("/none", "/x")); local c = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end); print(c(), c(), c()); print(os.execute("exit 9"))'
