"""Guest threads trapped by seccomp, asking over lanes of shared memory. See layout.py for the map."""
