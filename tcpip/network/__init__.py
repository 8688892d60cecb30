"""Network-layer protocols: IPv4, IPv6, ARP, ICMP, neighbour discovery, group membership, reassembly."""
