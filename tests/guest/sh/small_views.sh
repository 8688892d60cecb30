awk '{print $2, $3, $NF}' /proc/self/limits | grep -E '^(cpu|file|open|realtime|msgqueue|locked)' | sed 's/[0-9]*$//'
stat -c '%n %b' /usr /usr/bin /usr/lib/x86_64-linux-gnu; mkdir d; cd d; ls -la | head -1
for to in 127.0.0.1 127.0.0.2; do ip -o route get $to | sed 's/ uid [0-9]*//; s/ *\\ */ /'; done
