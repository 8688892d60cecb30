"""Ways to use a stack: asyncio streams and datagrams, blocking sockets."""
