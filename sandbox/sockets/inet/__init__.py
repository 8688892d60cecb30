"""AF_INET and AF_INET6: sockets of the guest over endpoints of the netstack."""
