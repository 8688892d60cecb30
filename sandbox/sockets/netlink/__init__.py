"""AF_NETLINK: route(7) dumps of the stack's links, addresses, routes, neighbours and rules; socket diagnostics."""
