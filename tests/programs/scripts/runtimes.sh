#!/bin/bash
# title: Erlang, SBCL, OCaml, Guile and Emacs
# packages: erlang-base sbcl ocaml-nox guile-3.0 emacs-nox
# what: processes and messages, TCP and timers of the BEAM; Lisp and Scheme with garbage collection, threads, processes and signals; OCaml compiled and run; an editor in batch mode with child processes and sockets
set -u
. /programs/lib.sh
cd /tmp
cat >b.erl <<'E'
-module(b).
-export([main/1]).
ring(0, Last) -> receive X -> Last ! X end;
ring(N, Last) -> Next = spawn(fun() -> ring(N - 1, Last) end), receive X -> Next ! X end.
serve(L) -> {ok, S} = gen_tcp:accept(L), spawn(fun() -> serve(L) end), {ok, B} = gen_tcp:recv(S, 0), gen_tcp:send(S, lists:reverse(B)), timer:sleep(100), gen_tcp:close(S).
main(_) ->
    Me = self(), First = spawn(fun() -> ring(20000, Me) end), First ! around, receive M -> io:format("~p~n", [M]) end,
    {ok, L} = gen_tcp:listen(0, [list, {active, false}, {reuseaddr, true}]), {ok, P} = inet:port(L), spawn(fun() -> serve(L) end),
    [spawn(fun() -> {ok, S} = gen_tcp:connect("localhost", P, [list, {active, false}]), gen_tcp:send(S, "n" ++ integer_to_list(N)),
        {ok, B} = gen_tcp:recv(S, 0), Me ! {got, lists:reverse(B)} end) || N <- lists:seq(1, 30)],
    io:format("~p~n", [length(lists:usort([receive {got, B} -> B end || _ <- lists:seq(1, 30)]))]),
    erlang:send_after(20, self(), late), receive late -> io:format("late~n") after 5000 -> io:format("never~n") end,
    io:format("~s", [os:cmd("echo from a shell")]),
    ok = file:write_file("erl.txt", lists:duplicate(1000, "line\n")), {ok, D} = file:read_file("erl.txt"), io:format("~p~n", [byte_size(D)]),
    Port = open_port({spawn, "cat"}, [stream, exit_status]), port_command(Port, "echoed"), receive {Port, {data, T}} -> io:format("~s~n", [T]) end,
    halt(3).
E
erlc b.erl && erl -noshell -run b main x; echo "erlang: status $?"
cat >l.lisp <<'E'
(require :sb-posix)
(defun fib (n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))
(print (fib 24))
(dotimes (i 30) (make-array 1000000 :initial-element i))
(gc :full t)
(print (reduce #'+ (mapcar #'sb-thread:join-thread (loop for i below 8 collect (let ((i i)) (sb-thread:make-thread (lambda () (dotimes (j 5) (make-list 10000)) (* i i))))))))
(print (handler-case (/ 1 (- 1 1)) (division-by-zero () :caught)))
(print (handler-case (labels ((deep (n) (+ 1 (deep (+ n 1))))) (deep 0)) (sb-kernel::control-stack-exhausted () :exhausted)))
(print (sb-ext:process-exit-code (sb-ext:run-program "/bin/sh" '("-c" "exit 5"))))
(print (handler-case (sb-ext:with-timeout 0.2 (loop)) (sb-ext:timeout () :timeout)))
(finish-output)
(print (let ((pid (sb-posix:fork))) (if (zerop pid) (sb-ext:exit :code 4 :abort t) (ash (nth-value 1 (sb-posix:waitpid pid 0)) -8))))
(terpri)
(sb-ext:save-lisp-and-die "lisp" :executable t :toplevel (lambda () (format t "saved ~a~%" (fib 15)) (finish-output) (sb-ext:exit :code 6)))
E
sbcl --noinform --non-interactive --load l.lisp 2>/dev/null | grep -v '^\[' ; ./lisp; echo "sbcl: status $?"
cat >o.ml <<'E'
let () =
  let r, w = Unix.pipe () in
  (match Unix.fork () with
   | 0 -> ignore (Unix.write_substring w "child" 0 5); exit 2
   | pid -> let b = Bytes.create 9 in let n = Unix.read r b 0 9 in
     let _, s = Unix.waitpid [] pid in
     Printf.printf "%s %s\n" (Bytes.sub_string b 0 n) (match s with Unix.WEXITED n -> string_of_int n | _ -> "?"));
  let m = Mutex.create () and n = ref 0 in
  let ts = List.init 10 (fun _ -> Thread.create (fun () -> for _ = 1 to 1000 do Mutex.lock m; incr n; Mutex.unlock m; if !n mod 100 = 0 then Thread.yield () done) ()) in
  List.iter Thread.join ts; Printf.printf "%d\n" !n;
  (try ignore (let rec f x = 1 + f (x + 1) in f 0) with Stack_overflow -> print_endline "overflow");
  Sys.set_signal Sys.sigalrm (Sys.Signal_handle (fun _ -> print_endline "alarm"; exit 7));
  ignore (Unix.setitimer Unix.ITIMER_REAL { Unix.it_value = 0.05; it_interval = 0. });
  while true do ignore (Array.make 1000 0) done
E
ocamlopt -I +threads unix.cmxa threads.cmxa o.ml -o o && ./o; echo "ocaml: status $?"
cat >g.scm <<'E'
(use-modules (ice-9 threads) (ice-9 popen) (ice-9 rdelim))
(display (apply + (par-map (lambda (x) (let loop ((n 20000) (a 0)) (if (= n 0) (+ a x) (loop (- n 1) a)))) (iota 50)))) (newline)
(display (read-line (open-input-pipe "echo piped"))) (newline)
(let ((m (make-mutex)) (n 0)) (for-each join-thread (map (lambda (i) (call-with-new-thread (lambda () (do ((j 0 (+ j 1))) ((= j 200)) (with-mutex m (set! n (+ n 1))))))) (iota 10))) (display n) (newline))
(let ((s (socketpair PF_UNIX SOCK_STREAM 0))) (display "hi\n" (car s)) (force-output (car s)) (display (read-line (cdr s))) (newline))
(sigaction SIGUSR1 (lambda (n) (display "usr1\n") (exit 9))) (kill (getpid) SIGUSR1) (sleep 5)
E
guile --no-auto-compile g.scm; echo "guile: status $?"
emacs -Q --batch --eval '(progn (with-temp-file "e.txt" (dotimes (i 500) (insert (format "%d\n" i)))) (princ (with-temp-buffer (insert-file-contents "e.txt") (sort-lines t (point-min) (point-max)) (buffer-substring 1 6))) (princ (shell-command-to-string "wc -l <e.txt")) (let ((p (make-process :name "p" :command (list "sh" "-c" "read a; echo got $a") :filter (lambda (p s) (princ s))))) (process-send-string p "word\n") (while (accept-process-output p))) (make-network-process :name "s" :server t :family (quote local) :service "/tmp/e.sock" :filter (lambda (p s) (process-send-string p (upcase s)))) (let ((c (make-network-process :name "c" :family (quote local) :service "/tmp/e.sock" :filter (lambda (p s) (princ (concat s "\n")))))) (process-send-string c "loud") (accept-process-output c 5)))'; echo "emacs: status $?"
