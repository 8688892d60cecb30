"""How a host comes by its addresses: DHCP, and link-local addresses of IPv4."""
