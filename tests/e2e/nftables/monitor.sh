exec 2>&1; cd "${1:-$(mktemp -d)}"
: >out; nft monitor >>out & monitor=$!
nft add table ip zz # once: how often depends on how long it takes, and each has a handle
until grep -q generation out; do nft add chain ip zz c; nft delete chain ip zz c; sleep 0.05; done; nft delete table ip zz
nft add table ip t; nft add chain ip t c '{ type filter hook input priority 0; }'
nft add rule ip t c tcp dport 1 counter accept comment '"x"'; nft insert rule ip t c ip saddr 1.2.3.4 drop
nft add set ip t s '{ type ipv4_addr; flags interval; }'; nft add element ip t s '{ 1.2.3.0/24, 5.5.5.5 }'; nft delete element ip t s '{ 5.5.5.5 }'
nft replace rule ip t c handle 3 ip saddr @s ip daddr 2.2.2.2 accept; nft add counter ip t k; nft delete rule ip t c handle 2; nft flush ruleset
until grep -q 'delete table ip t$' out; do sleep 0.05; done
kill $monitor; sed 's/ by process.*//; s/generation.*//' out | grep -v zz | uniq | grep -v '# new'
nft --echo --handle add table ip u | grep -v generation; nft --echo --handle add chain ip u c | grep -v generation
nft -e -j add rule ip u c drop; nft add rule ip u c jump '{ ip saddr 1.1.1.1 accept; counter; }'; nft list ruleset; nft -a list chain ip u c; nft delete rule ip u c handle 4; nft list ruleset
nft add map ip u m '{ type ipv4_addr : verdict; elements = { 1.1.1.1 : drop, * : accept }; }'; nft list map ip u m
