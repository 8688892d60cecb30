"""A TCP/IP stack: packets in, packets and readiness out. Nothing is imported here: begin with `tcpip.stack.stack.Stack`, and on an
event loop with `tcpip.adapters.aio`, in blocking programs with `tcpip.adapters.blocking`, as tcpip/README.md shows."""
