"""Packet filter, connection tracking and address translation, with the hooks of Linux's netfilter."""
