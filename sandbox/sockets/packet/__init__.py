"""AF_PACKET sockets."""
