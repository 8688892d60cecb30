"""The verbs of `python -m tcpip`."""
