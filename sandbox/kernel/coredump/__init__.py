"""Core files (core(5)): what a process that a signal ends leaves of its memory and registers."""
