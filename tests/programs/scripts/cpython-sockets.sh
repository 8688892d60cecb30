#!/bin/bash
# title: CPython: sockets and protocols
# packages: libpython3.11-testsuite python3 python3-venv gcc gdb
# what: test_select test_selectors test_poll test_epoll test_socket test_socketserver test_ssl test_httplib test_http_cookies test_http_cookiejar test_httpservers test_urllib test_urllib2 test_urllib2_localnet test_urllib_response test_urllibnet test_urllib2net test_urlparse test_ftplib test_smtplib test_poplib test_imaplib test_asyncore test_asynchat test_asyncio
ulimit -n 1024
exec python3 /programs/cpython.py test_select test_selectors test_poll test_epoll test_socket test_socketserver test_ssl test_httplib test_http_cookies test_http_cookiejar test_httpservers test_urllib test_urllib2 test_urllib2_localnet test_urllib_response test_urllibnet test_urllib2net test_urlparse test_ftplib test_smtplib test_poplib test_imaplib test_asyncore test_asynchat test_asyncio
