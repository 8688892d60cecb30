"""The kernel of a sandbox: platform, system calls, processes, memory, files, sockets. It is what `runsc` starts; programs that want
sandboxes import `stackbox` (docs/python.md)."""
