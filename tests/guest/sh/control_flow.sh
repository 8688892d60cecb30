for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done
n=0; while [ $n -lt 5 ]; do n=$((n + 1)); [ $n = 4 ] && break; done; echo $n
case abc in a*) echo glob;; *) echo no;; esac
f() { local x=in; echo "$x $1 $#"; return 3; }; x=out; f a b; echo $? $x
(exit 7); echo $?; false || echo or; true && echo and; ! true; echo $?
set -- a "b c" d; echo $# "$2"; shift; echo "$*"; IFS=:; echo "$*"
trap 'echo trapped' USR1; kill -USR1 $$; trap - USR1; (trap 'echo bye' EXIT; exit 2); echo $?
sh -c 'kill -9 $$'; echo $?; sh -c 'exit 300'; echo $?
