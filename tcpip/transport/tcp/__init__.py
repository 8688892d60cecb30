"""One TCP connection, its listeners, and the protocol that finds them."""
