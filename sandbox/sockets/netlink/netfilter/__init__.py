"""NETLINK_NETFILTER: nf_tables for nft(8) and iptables-nft(8)."""
