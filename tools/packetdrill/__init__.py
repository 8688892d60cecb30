"""Runs packetdrill scripts against the netstack in `tcpip/`, in virtual time.

The language is that of packetdrill (Cardwell et al., "packetdrill: Scriptable Network Stack Testing, from Sockets to
Packets", USENIX ATC 2013); docs/packetdrill.md says what of it is recognised.
"""
