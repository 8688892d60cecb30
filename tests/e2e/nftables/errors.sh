exec 2>&1; cd "${1:-$(mktemp -d)}"
nft add table ip t; nft add chain ip t a; nft add chain ip t b; nft add rule ip t a jump b
nft add rule ip t b jump a; echo $?
nft 'add chain ip t in { type filter hook input priority 0; }'; nft add rule ip t in jump a
nft add rule ip t b jump a; echo $?
nft add rule ip t a jump a; echo $?
nft add rule ip t nope accept; echo $?
nft add rule ip q nope accept; echo $?
nft delete chain ip t b; echo $?
nft create table ip t; echo $?
nft delete table ip z; echo $?
nft add rule ip t a position 99 accept; echo $?
nft delete rule ip t a handle 99; echo $?
nft add element ip t s { 1.1.1.1 }; echo $?
nft add set ip t s '{ type ipv4_addr; }'; nft add element ip t s { 1.1.1.1 }; nft create element ip t s { 1.1.1.1 }; echo $?
nft delete element ip t s { 1.1.1.2 }; echo $?
nft add chain ip t in '{ type filter hook input priority 0; policy drop; }';echo $?
nft add chain ip t in '{ type nat hook input priority 0; policy drop; }';echo $?
nft add chain ip t in2 '{ type nat hook forward priority 0; policy drop; }';echo $?
nft add rule ip t in masquerade;echo $?
nft add rule ip t a masquerade;echo $?
nft list table ip zzz;echo $?
nft list chain ip t zzz;echo $?
nft add table ip t '{ flags dormant; }'; nft list ruleset;echo $?
nft delete set ip t s; nft delete set ip t s;echo $?
nft flush ruleset; nft list ruleset
