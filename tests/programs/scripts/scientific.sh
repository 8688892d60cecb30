#!/bin/bash
# title: R, Octave, GHC, Racket, Nim, Crystal, Mono, Ada, Fortran and Pascal
# packages: r-base-core octave ghc racket chicken-bin nim crystal mono-mcs gfortran fpc gnat ocaml-nox swi-prolog-nox gcc libc6-dev
# what: in each a program with threads, processes or sockets, compiled where it is a compiler
set -u
. /programs/lib.sh
mkdir -p /tmp/langs2 && chmod 755 /tmp/langs2 && cd /tmp/langs2 && export HOME=/tmp/langs2
cat >t.pl <<'X'
:- initialization(main).
main :- findall(X,between(1,10,X),L), sum_list(L,S), print(S), nl, thread_create(true,Id,[]), thread_join(Id,St), print(St), nl, process, halt.
process :- use_module(library(process)), process_create(path(echo),[hi],[stdout(pipe(O))]), read_string(O,_,T), print(T), nl.
X
swipl -q t.pl 2>&1 | tail -3
cat >t.R <<'X'
print(sum(1:10)); x <- system("echo hi", intern=TRUE); print(x); library(parallel); print(unlist(mclapply(1:4, function(i) i*i, mc.cores=2))); f <- fifo("ff", open="w+"); con <- serverSocket(7801); p <- mcparallel({s<-socketConnection(port=7801, open="r+"); writeLines("abc", s); close(s); 1}); s <- socketAccept(con, open="r+", blocking=TRUE); print(readLines(s, 1)); m <- matrix(1:4,2); print(solve(m)); print(m %*% m); print(mccollect(p)[[1]])
X
Rscript t.R 2>&1
octave-cli --no-gui --eval 'disp(sum(1:10)); [s,o]=system("echo hi"); disp(o); A=[1 2;3 4]; disp(inv(A)); pid=getpid()>0; disp(pid); f=fopen("x","w"); fprintf(f,"a"); fclose(f); disp(exist("x"))' 2>&1
printf 'import Control.Concurrent\nimport Control.Monad\nimport System.Process\nmain = do { m <- newEmptyMVar; forM_ [1..100] (\\i -> forkIO (putMVar m i)); s <- replicateM 100 (takeMVar m); print (sum s); readProcess "echo" ["hi"] "" >>= putStr; threadDelay 1000 }\n' >t.hs
ghc -v0 -threaded -rtsopts t.hs -o hs 2>&1 | tail -2
./hs +RTS -N2
runghc t.hs
printf '#lang racket/base\n(require racket/place racket/tcp racket/port racket/system)\n(define t (thread (lambda () (display "t\n")))) (thread-wait t)\n(define l (tcp-listen 7802 4 #t)) (thread (lambda () (define-values (i o) (tcp-accept l)) (write-string "yo\n" o) (close-output-port o)))\n(define-values (i o) (tcp-connect "localhost" 7802)) (display (read-line i)) (newline)\n(system "echo sys") (display (length (for/list ([i 100000]) i)))\n' >t.rkt
racket t.rkt
echo
printf '(import (chicken process)) (print (apply + (list 1 2 3))) (process-wait (process-run "echo chick"))\n' >t.scm
csi -s t.scm
printf 'import os, osproc, threadpool, net\nproc f(x:int):int = x*x\nvar r = spawn f(5)\necho ^r\necho execProcess("echo hi")\n' >n.nim
nim c --threads:on --hints:off -w:off -o:nn n.nim 2>&1 | tail -2
./nn
printf 'ch = Channel(Int32).new\n10.times { |i| spawn { ch.send i } }\ns = 0\n10.times { s += ch.receive }\nputs s\nputs `echo hi`\nrequire "socket"\nsv = TCPServer.new("127.0.0.1", 0)\nspawn { c = sv.accept; c.puts "yo"; c.close }\nk = TCPSocket.new("127.0.0.1", sv.local_address.port)\nputs k.gets\n' >c.cr
crystal build c.cr -o crr 2>&1 | tail -3
./crr
printf 'using System; using System.Threading; using System.Threading.Tasks; using System.Diagnostics; class P { static void Main() { int s=0; Parallel.For(0,100,i=>Interlocked.Add(ref s,i)); Console.WriteLine(s); var p=Process.Start(new ProcessStartInfo("echo","hi"){UseShellExecute=false}); p.WaitForExit(); Console.WriteLine(p.ExitCode); GC.Collect(); for(int i=0;i<200000;i++){var o=new byte[100];} Console.WriteLine(System.IO.File.Exists("/etc/passwd")); var l=new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback,0); l.Start(); Console.WriteLine("listening"); } }' >p.cs
mcs p.cs && mono p.exe
printf 'program t\nuse omp_lib\ninteger::i,s\ns=0\n!$omp parallel do reduction(+:s)\ndo i=1,100\ns=s+i\nend do\nprint *,s\ncall execute_command_line("echo hi")\nopen(10,file="fx")\nwrite(10,*) "z"\nclose(10)\nend\n' >t.f90
gfortran -fopenmp t.f90 -o ft && ./ft
cat fx
printf "program p; uses cthreads, classes, process; var s:string; begin writeln('pas'); RunCommand('/bin/echo',['hi'],s); write(s); end." >p.pas
fpc p.pas >/dev/null 2>&1
./p
printf 'with Ada.Text_IO; use Ada.Text_IO;\nprocedure M is task T is entry E; end T; task body T is begin accept E do Put_Line ("e"); end E; end T; begin T.E; delay 0.01; Put_Line ("d"); end M;\n' >m.adb
gnatmake -q m.adb && ./m
printf 'let () = let r,w = Unix.pipe () in match Unix.fork () with 0 -> ignore (Unix.write_substring w "hi" 0 2); exit 0 | p -> let b=Bytes.create 2 in ignore(Unix.read r b 0 2); print_endline (Bytes.to_string b); ignore (Unix.waitpid [] p)\n' >o.ml
ocamlfind ocamlopt -package unix -linkpkg o.ml -o oo 2>/dev/null || ocamlopt -I +unix unix.cmxa o.ml -o oo
./oo
