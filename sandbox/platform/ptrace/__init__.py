"""The platform that needs nothing but ptrace(2): PTRACE_SYSEMU stops guest threads at their calls."""
