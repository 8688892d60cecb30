#!/bin/bash
curl --version | head -1 | cut -d' ' -f1; curl -sS http://127.0.0.1:1/ 2>/dev/null; echo "refused $?"; curl -s file:///etc/hostname > /dev/null; echo $?
wget -q -O /dev/null --tries=1 http://127.0.0.1:1/; echo "wget $?"; curl -s http://no.such.name.invalid/; echo "name $?"; getent hosts localhost | awk '{print $2}'; getent passwd root | cut -d: -f1
