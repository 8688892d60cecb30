#!/bin/bash
# title: CLISP, Gforth, SWI-Prolog, GnuCOBOL, tcsh, mksh and Elvish
# packages: clisp gforth swi-prolog-nox gnucobol4 tcsh mksh elvish
# what: in each a small program: numbers, threads, child processes and coprocesses; output to a file
# quick
set -u
. /programs/lib.sh
mkdir -p /tmp/interpreters && cd /tmp/interpreters || exit 1
export HOME=/tmp/interpreters
clisp -q -norc -x '(print (expt 2 100))' | tail -1; timeout 20 clisp -q -norc -x '(print (expt 3 50))' >out 2>&1; echo "status $?"; tail -1 out
gforth -e ': f 10 0 do i . loop ; f cr bye'
swipl -g 'numlist(1,5,L),sum_list(L,S),print(S),nl,thread_create(true,T),thread_join(T),concurrent_maplist(succ,[1,2],M),print(M),nl,process_create(path(echo),[hi],[]),halt' -t halt
cat >h.cob <<'C'
       IDENTIFICATION DIVISION.
       PROGRAM-ID. H.
       PROCEDURE DIVISION.
           DISPLAY "COBOL".
           STOP RUN.
C
cobc -x h.cob && ./h
tcsh -f -c 'foreach i (1 2); echo $i; end'; tcsh -f -c 'sleep 0.1 &; wait; echo done' | tail -1
mksh -c 'cat |& print -p hi; read -p x; echo $x'; elvish -norc -c 'peach {|x| + $x 1 } [1 2 3] | order'
