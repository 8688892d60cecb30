#!/bin/bash
# title: CPython: files
# packages: libpython3.11-testsuite python3 python3-venv gcc gdb
# what: test_os test_posix test_posixpath test_shutil test_tempfile test_pathlib test_glob test_stat test_fcntl test_file test_io test_largefile test_mmap test_zipfile test_tarfile test_dbm test_mailbox test_sqlite3
# known: test_disk_usage = fails natively, where the private layer (a tmpfs) uses no block yet
# known: test_largefile.Test = wants 6 GB free, and files in memory are bounded by --memory
ulimit -n 1024
exec python3 /programs/cpython.py test_os test_posix test_posixpath test_shutil test_tempfile test_pathlib test_glob test_stat test_fcntl test_file test_io test_largefile test_mmap test_zipfile test_tarfile test_dbm test_mailbox test_sqlite3
