"""Classic BPF: programs that decide over packets and system calls."""
