"""ptrace(2): what a tracer may ask for. The stops themselves are the kernel's (sandbox/kernel/trace_stop.py)."""
