#!/bin/bash
# title: CPython: processes, terminals and signals
# packages: libpython3.11-testsuite python3 python3-venv gcc gdb
# what: test_pty test_tty test_ioctl test_termios test_resource test_signal test_wait3 test_wait4 test_fork1 test_subprocess test_popen test_eintr test_faulthandler test_gdb test_pwd test_grp test_platform test_getpass test_site test_venv test_time test_timeout test_uuid
ulimit -n 1024
exec python3 /programs/cpython.py test_pty test_tty test_ioctl test_termios test_resource test_signal test_wait3 test_wait4 test_fork1 test_subprocess test_popen test_eintr test_faulthandler test_gdb test_pwd test_grp test_platform test_getpass test_site test_venv test_time test_timeout test_uuid
