sleep 0.05 & p=$!; wait $p; echo $?
(sleep 0.02; exit 5) & wait $!; echo $?
sleep 100 & kill $!; wait $! 2>/dev/null; echo $?
for i in 1 2 3 4 5; do (exit $i) & done; wait; echo all
mkfifo /tmp/sbx-fifo.$$ && { echo through >/tmp/sbx-fifo.$$ & cat /tmp/sbx-fifo.$$; rm /tmp/sbx-fifo.$$; wait; }
(sleep 0.1; echo late >late) & cat late 2>/dev/null; wait; cat late
timeout 0.1 sleep 10; echo $?; timeout -s KILL 0.1 sleep 10; echo $?; nohup true 2>/dev/null; echo $?
