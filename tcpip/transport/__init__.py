"""Transport protocols, their endpoints, and what they share: ports, demultiplexing, socket options."""
