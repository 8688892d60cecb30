#!/bin/bash
# title: CPython: multiprocessing
# packages: libpython3.11-testsuite python3 python3-venv gcc gdb
# what: test_multiprocessing_fork test_multiprocessing_spawn test_multiprocessing_forkserver
ulimit -n 1024
exec python3 /programs/cpython.py test_multiprocessing_fork test_multiprocessing_spawn test_multiprocessing_forkserver
