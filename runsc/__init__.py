"""The command line and OCI runtime: `runsc`, `python -m runsc` (docs/command-line.md)."""
