#!/bin/bash
# title: GCC and make
# packages: gcc g++ make dpkg-dev binutils
# what: make -j4 of Debian's zlib and Lua sources, zlib's own tests; C++ with threads and exceptions; -O2 -flto; a shared library
# prepare: sed 's/^deb /deb-src /' /etc/apt/sources.list >/etc/apt/sources.list.d/src.list && apt-get -q update && cd /usr/src && apt-get -q source zlib lua5.4
set -u
. /programs/lib.sh
cd /tmp && cp -r /usr/src/zlib-* zlib && cp -r /usr/src/lua5.4-* lua
cd zlib && checked configure ./configure && checked make make -j4 && checked test make test && ls -l libz.a libz.so.* | wc -l; ./example 2>&1 | tail -n 3; ./minigzip <Makefile | ./minigzip -d | cmp - Makefile && echo minigzip
cd ../lua && checked lua make -C src -j4 linux MYCFLAGS=-DLUA_USE_POSIX MYLIBS= ; find . -name lua -type f -perm -1 | head -n 1
cd /tmp && cat >x.cc <<'C'
#include <future>
#include <iostream>
#include <regex>
#include <thread>
#include <vector>
int main() { std::vector<std::future<int>> f; for (int i = 0; i < 20; i++) f.push_back(std::async(std::launch::async, [i] { if (i == 7) throw std::runtime_error("seven"); return i; })); int s = 0; for (auto &x : f) try { s += x.get(); } catch (std::exception &e) { std::cout << e.what() << "\n"; } std::cout << s << std::regex_match("abc", std::regex("a.c")) << std::endl; thread_local int t = 4; std::thread([] { t = 5; }).join(); std::cout << t << "\n"; }
C
g++ -O2 -flto -pthread x.cc -o x && ./x
echo 'int f(int x) { return x * 3; }' >l.c && gcc -shared -fPIC l.c -o libl.so && echo 'int f(int); int main(void) { return f(7); }' >m.c && gcc m.c -L. -ll -Wl,-rpath,/tmp -o m; ./m; echo "status $?"
gcc -fsanitize=address,undefined -g -x c - -o bad <<<'#include <stdlib.h>
int main(void) { char *p = malloc(3); free(p); return p[1]; }' && ./bad 2>&1 | grep -o 'heap-use-after-free' | head -n 1
gcc -fsanitize=thread -g -x c - -o race <<<'#include <pthread.h>
int n; void *f(void *a) { n++; return a; }
int main(void) { pthread_t a, b; pthread_create(&a, 0, f, 0); pthread_create(&b, 0, f, 0); pthread_join(a, 0); pthread_join(b, 0); return 0; }' && ./race 2>&1 | grep -o 'data race' | head -n 1
