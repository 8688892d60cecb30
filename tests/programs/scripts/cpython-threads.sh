#!/bin/bash
# title: CPython: threads
# packages: libpython3.11-testsuite python3 python3-venv gcc gdb
# what: test_thread test_threading test_threadsignals test_queue test_concurrent_futures
ulimit -n 1024
exec python3 /programs/cpython.py test_thread test_threading test_threadsignals test_queue test_concurrent_futures
