#!/bin/bash
# title: Clang, libFuzzer, XRay, gperftools, jemalloc, mimalloc, QEMU and nbdkit
# packages: clang lld llvm libclang-rt-14-dev libomp-dev gcc libc6-dev libgoogle-perftools4 google-perftools libtcmalloc-minimal4 libjemalloc2 libmimalloc2.0 qemu-system-x86 qemu-utils seabios nbdkit python3
# what: each sanitizer of a compiler, with and without what it looks for; a fuzzer that finds a word; coverage and calls recorded; teams of threads; allocators and a profiler put before a program; a boot sector run, discs written in every way, served and read by NBD, a machine asked by its socket
set -u
. /programs/lib.sh
cd /tmp
cat >a.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>
int g; void*f(void*a){ for(int i=0;i<1000;i++) g++; return 0;}
int main(int c,char**v){ if(c==2){ int*p=malloc(8); if(p[1]) puts("y"); else puts("n"); free(p); } if(c==3){ pthread_t a,b; pthread_create(&a,0,f,0); pthread_create(&b,0,f,0); pthread_join(a,0); pthread_join(b,0);} if(c==4){ char*p=malloc(9); free(p); return p[3]; } if(c==5){ void (*q)(int)=(void(*)(int))f; q(1);} if (c==6) { char b[8]; volatile int i=40; b[i]=1; } puts("end"); return 0; }
C
for s in address memory thread undefined leak dataflow cfi safe-stack scudo; do x=; [ $s = cfi ] && x='-flto -fvisibility=hidden -fuse-ld=lld'; clang -g -O1 -fno-omit-frame-pointer $x -fsanitize=$s a.c -o c_$s -pthread >cl.log 2>&1; echo "$s $?"; [ -x c_$s ] && for n in "" 1 "1 2" "1 2 3 4 5"; do timeout 20 ./c_$s $n >o 2>&1; echo "$n: $? $(grep -oE 'SUMMARY: [A-Za-z]*: [a-z-]*|^end|runtime error: .*' o | tr '\n' ' ')"; done; done 2>&1
cat >fz.c <<'C'
#include <stdint.h>
#include <stddef.h>
int LLVMFuzzerTestOneInput(const uint8_t*d,size_t n){ if(n>2&&d[0]=='B'&&d[1]=='U'&&d[2]=='G') __builtin_trap(); return 0; }
C
clang -g -fsanitize=fuzzer,address fz.c -o fz && mkdir co && timeout 60 ./fz -seed=1 -runs=500000 co >fz.log 2>&1; echo $?; grep -oE 'ERROR: libFuzzer: .*' fz.log | cut -c1-40; ls crash-* >/dev/null; echo $?
clang -fprofile-instr-generate -fcoverage-mapping a.c -o cov -pthread; LLVM_PROFILE_FILE=c%m-%p.profraw ./cov >/dev/null; LLVM_PROFILE_FILE='%ccont.profraw' ./cov 1 2 >/dev/null;  llvm-profdata merge -o c.pd c*.profraw; llvm-cov report ./cov -instr-profile=c.pd | tail -1 | awk '{print $2,$3}'
clang -fxray-instrument -fxray-instruction-threshold=1 a.c -o xr -pthread 2>&1 | head -1; XRAY_OPTIONS="patch_premain=true xray_mode=xray-basic verbosity=0 xray_logfile_base=xr" ./xr 1 2 ; ls xr.* 2>/dev/null | wc -l; for f in xr.*; do llvm-xray account $f -sort=count -sortorder=dsc -instr_map ./xr 2>&1 | head -1; done
echo 'int main(){int s=0; 
#pragma omp parallel for reduction(+:s)
for(int i=0;i<1000000;i++) s+=i%3; return s==999999?0:1;}' >om.c; clang -fopenmp om.c -o om && OMP_NUM_THREADS=8 ./om; echo $?; KMP_BLOCKTIME=0 OMP_PROC_BIND=true OMP_DISPLAY_AFFINITY=true ./om | wc -l; clang -O1 -fsplit-stack a.c -o ss 2>&1 | head -1; opt --version | head -2 | tail -1 | cut -c1-12; lli --version >/dev/null; clang -emit-llvm -c -O1 om.c -o om.bc; lli om.bc; echo $?
cat >b.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <unistd.h>
#include <sys/wait.h>
int leaf(int x){ return x*3+1; }
int mid(int x){ int s=0; for(int i=0;i<x;i++) s+=leaf(i); return s; }
void*th(void*a){ for(int i=0;i<50;i++){ free(malloc(100+i)); mid(10);} return 0;}
int main(int c,char**v){ pthread_t t[3]; for(int i=0;i<3;i++) pthread_create(t+i,0,th,0); for(int i=0;i<3;i++) pthread_join(t[i],0); int p=fork(); if(!p){ mid(5); _exit(4);} int st; waitpid(p,&st,0); printf("%d %d %s\n",mid(100),WEXITSTATUS(st),getenv("A")?:"-"); puts(strdup("x")); double s=0; for(long i=0;i<(c>1?atol(v[1]):1000);i++) s+=leaf(i); printf("%g\n",s); return 0;}
C
gcc -g -O0 -o a b.c -pthread
LD_PRELOAD=libprofiler.so.0 CPUPROFILE=/tmp/cp CPUPROFILE_FREQUENCY=500 ./a 100000000 2>/dev/null; google-pprof --text ./a cp 2>/dev/null | grep -cE 'leaf|main'; LD_PRELOAD=libtcmalloc.so.4 HEAPPROFILE=/tmp/hp ./a 2>/dev/null; ls hp* | wc -l; HEAPCHECK=normal LD_PRELOAD=libtcmalloc.so.4 ./a 2>&1 | grep -c leak; for l in libjemalloc.so.2 libmimalloc.so.2 libtcmalloc_minimal.so.4; do LD_PRELOAD=$l ./a; done
MALLOC_CONF=stats_print:true,background_thread:true LD_PRELOAD=libjemalloc.so.2 ./a 2>&1 | grep -c 'background_thread: true'
# a boot sector that prints to the serial port and ends
printf '\xbe\x1a\x7c\xba\xf8\x03\xac\x84\xc0\x74\x03\xee\xeb\xf8\xb0\x00\xba\x01\x05\xee\xf4\xeb\xfd\x90\x90\x90hello from the boot sector\r\n\x00' >b.img; truncate -s 510 b.img; printf '\x55\xaa' >>b.img
for m in pc; do timeout 40 qemu-system-x86_64 -M $m -accel tcg -display none -serial stdio -device isa-debug-exit -drive file=b.img,format=raw -net none -monitor none </dev/null 2>&1 | tr -d '\r'; echo ${PIPESTATUS[0]}; done
qemu-system-x86_64 -accel kvm -M pc -display none 2>&1 | head -1 | cut -c1-60
qemu-img create -f qcow2 d.qcow2 100M >/dev/null; qemu-io -c 'write -P 7 0 1M' -c 'read -P 7 0 1M' -c 'flush' -c 'write -z 2M 64k' d.qcow2 | grep -vE 'ops'; qemu-img snapshot -c s d.qcow2; qemu-img check d.qcow2 | head -1; qemu-img convert -O raw d.qcow2 d.raw; stat -c %s d.raw; qemu-img map --output=json d.qcow2 | wc -l; qemu-img bench -c 500 -d 8 -s 4k -w -f raw d.raw 2>&1 | grep -c 'Run completed'; for a in threads native io_uring; do qemu-img bench -c 200 -d 16 -s 4k -n -t none -i $a -f raw d.raw 2>&1 | grep -E 'completed|rror' | sed 's/in .*//'; done
qemu-nbd -k /tmp/n.sock -f qcow2 -t d.qcow2 & p=$!; eventually test -S n.sock; qemu-img info --image-opts driver=nbd,server.type=unix,server.path=/tmp/n.sock | grep virtual; qemu-io -f raw -c 'read -P 7 0 1M' nbd+unix:///?socket=/tmp/n.sock | head -1; kill $p; wait $p
qemu-system-x86_64 -M pc -accel tcg,thread=multi -smp 4 -display none -S -qmp unix:/tmp/q.sock,server=on,wait=off -netdev user,id=n -device virtio-net,netdev=n -object memory-backend-memfd,id=m,size=64M,share=on -m 64M -machine memory-backend=m -object iothread,id=i & p=$!; eventually test -S q.sock; python3 - <<'P'
import socket,json
s=socket.socket(socket.AF_UNIX); s.connect("/tmp/q.sock"); f=s.makefile("rw"); print("QMP" in json.loads(f.readline()))
for c in ("qmp_capabilities","query-status","query-cpus-fast","cont","stop","quit"):
    f.write(json.dumps({"execute":c})+"\n"); f.flush()
    while True:
        r=json.loads(f.readline())
        if "return" in r or "error" in r: break
    print(c, r["return"] if not isinstance(r.get("return"),list) else len(r["return"]))
P
wait $p; echo $?
nbdkit -U /tmp/nk.sock memory 10M --run 'qemu-io -f raw -c "write -P 3 0 64k" -c "read -P 3 0 64k" $uri' 2>&1 | grep -v ops; nbdkit -U - pattern 1G --filter=delay rdelay=1ms --run 'qemu-img info $uri' 2>&1 | grep virtual
