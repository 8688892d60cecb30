# private
id=$(ipcmk -M 10000 -p 0640 | sed 's/.*: //')
ipcs -m -i "$id" | sed -E 's/(shmid|cpid|lpid)=[0-9]*/\1/g; s/(ctime|atime|det_time|att_time|change_time)=.*/\1/'
awk -v id="$id" '$2 == id { print $3, $4, $7, $8, $9 }' /proc/sysvipc/shm
head -n 1 /proc/sysvipc/shm
ipcrm -m "$id"; echo "removed $?"
ipcrm -m "$id"; echo "again $?"
id=$(ipcmk -S 3 | sed 's/.*: //')
ipcs -s -i "$id" | grep -E '^(mode|nsems|[0-9])'
awk -v id="$id" '$2 == id { print $3, $4, $5, $6, $9 }' /proc/sysvipc/sem
ipcrm -s "$id"; echo "removed $?"
id=$(ipcmk -Q | sed 's/.*: //')
ipcs -q -i "$id" | grep -E '^(cbytes|qbytes)' | sed 's/lspid.*//'
awk -v id="$id" '$2 == id { print $3, $4, $5, $6, $7, $8 }' /proc/sysvipc/msg
ipcrm -q "$id"; echo "removed $?"
head -q -n 1 /proc/sysvipc/sem /proc/sysvipc/msg
ipcs -l
