#!/bin/bash admin
# Options of proc: whose processes are seen, and by whom. In namespaces of its own, where nobody else's processes are.
export LC_ALL=C
[ "$1" ] || exec unshare -mpf --propagation private bash "$0" inside
mkdir p
as() { setpriv --reuid "$1" --regid "$2" --clear-groups --inh-caps=-all "${@:3}"; }
look='
  stat -c "%u %a" p/1; cat p/1/comm; head -1 p/1/status; [ "$(readlink p/1/cwd)" = "$PWD" ] && echo cwd; ls p/1 >/dev/null && echo listed
  ls p/1/task; cat p/1/task/1/comm; cat p/self/comm; [ "$(readlink p/self)" = $$ ] && echo self
  ls p | grep -cx 1; ls p | grep -cx "$$"; ls p | grep -cx version; ls -d p/self p/thread-self p/mounts p/net
  head -c 5 p/version; echo; cat p/sys/kernel/ostype; (cd p/1 && echo in)'
for options in hidepid=0 hidepid=1 hidepid=2 subset=pid hidepid=1,gid=10 hidepid=2,gid=10,subset=pid; do
  echo "== $options"
  mount -t proc -o "$options" proc p || continue
  grep " $PWD/p " p/self/mounts | cut -d' ' -f3-4
  for who in "0 10" "1000 10" "1000 20"; do echo "-- $who"; as $who bash -c "$look" 2>&1; done
  umount p
done
for options in hidepid=invisible hidepid=noaccess hidepid=off hidepid=0x2 hidepid=02 gid=77 subset=pid,pid; do
  mount -t proc -o "$options" proc p || continue
  grep " $PWD/p " p/self/mounts | cut -d' ' -f3-4
  umount p
done
echo "== only what can be traced"
mount -t proc -o hidepid=4 proc p
grep " $PWD/p " p/self/mounts | cut -d' ' -f3-4
as 1000 0 bash -c 'stat -c "%u %a" p/1; ls p | grep -cx 1; ls p | grep -cx $$; cat p/$$/comm' 2>&1
umount p
for options in hidepid=3 hidepid= hidepid=foo hidepid=-1 hidepid gid=x gid= gid=-2 subset= subset=foo subset none=1; do
  mount -t proc -o "$options" proc p 2>/dev/null; echo "$options $?"
done
echo "== changed while it is mounted"
mount -t proc proc p
as 1000 10 cat p/1/comm
mount -o remount,hidepid=2 p; grep " $PWD/p " p/self/mounts | cut -d' ' -f3-4
as 1000 10 cat p/1/comm 2>&1
mount -o remount,gid=10 p; grep " $PWD/p " p/self/mounts | cut -d' ' -f3-4
as 1000 10 cat p/1/comm
as 1000 11 cat p/1/comm 2>&1
mount -o remount,hidepid=0 p; grep " $PWD/p " p/self/mounts | cut -d' ' -f3-4
as 1000 11 cat p/1/comm
umount p
echo "== a privileged user without the right to trace"
mount -t proc -o hidepid=2 proc p
mkfifo begun
setpriv --reuid 1000 --regid 1000 --clear-groups sh -c 'echo; sleep 100; :' >begun &
other=$!; read -r line <begun
cat p/$other/comm
setpriv --bounding-set=-sys_ptrace --inh-caps=-all bash -c "cat p/$other/comm; cat p/1/comm; ls p | grep -cx $other" 2>&1 | sed "s/$other/PID/"
kill $other; wait 2>/dev/null
umount p
