#!/bin/bash
# pipes, here-documents, process substitution, arrays, arithmetic, functions, traps, subshells
diff <(printf 'a\nb\n') <(printf 'a\nc\n'); echo "diff $?"
cat <<X
here $((6 * 7)) $(echo sub)
X
read -r a b <<<"one two"; echo "$b $a"
arr=(x y z); echo "${#arr[@]} ${arr[@]:1}"
trap 'echo usr1' USR1; kill -USR1 $$
trap 'echo exit trap' EXIT
(exit 3); echo "status $?"
false | true | false; echo "${PIPESTATUS[@]}"
set -o pipefail; false | true; echo "pipefail $?"; set +o pipefail
f() { local x=$1; echo "f $x"; return 5; }; f 1; echo $?
for i in {1..3}; do echo -n "$i "; done; echo
case foo.c in *.c) echo C;; *) echo other;; esac
coproc cat; echo hello >&"${COPROC[1]}"; read -r line <&"${COPROC[0]}"; echo "$line"; exec {COPROC[1]}>&-
wait; printf '%05d|%-5s|%x\n' 42 ab 255
echo "${PATH//[!:]/}" | tr -d '\n' | wc -c
exec 3>fd3; echo to3 >&3; exec 3>&-; cat fd3
mapfile -t lines < <(seq 3); echo "${lines[*]}"
sleep 5 & until [ "$(cat /proc/$!/comm)" = sleep ]; do :; done; kill $!; wait $!; echo "killed $?"
timeout 0.2 sleep 5; echo "timeout $?"
ulimit -n 64; ulimit -n
type -t cd; echo ~root; [[ abc =~ ^a(.)c$ ]] && echo "${BASH_REMATCH[1]}"
