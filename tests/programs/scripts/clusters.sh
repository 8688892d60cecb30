#!/bin/bash
# title: Open MPI, MPICH, OpenMP, ccache and distcc
# packages: openmpi-bin libopenmpi-dev mpich gcc g++ libc6-dev ccache distcc
# what: two to four processes that reduce, exchange 4 MB and share memory, over shared memory and TCP; teams of threads; compilers' results kept, and made by a server
set -u
. /programs/lib.sh
cd /tmp
cat >m.c <<'C'
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int c,char**v){int r,n;MPI_Init(&c,&v);MPI_Comm_rank(MPI_COMM_WORLD,&r);MPI_Comm_size(MPI_COMM_WORLD,&n);
 int s=0; for(int i=0;i<100;i++){int t=r+i,o;MPI_Allreduce(&t,&o,1,MPI_INT,MPI_SUM,MPI_COMM_WORLD);s+=o;}
 char*b=malloc(4<<20);memset(b,r,4<<20);char*e=malloc(4<<20);
 MPI_Sendrecv(b,4<<20,MPI_CHAR,(r+1)%n,0,e,4<<20,MPI_CHAR,(r+n-1)%n,0,MPI_COMM_WORLD,MPI_STATUS_IGNORE);
 int ok=e[123456]==(r+n-1)%n,all;MPI_Reduce(&ok,&all,1,MPI_INT,MPI_SUM,0,MPI_COMM_WORLD);
 MPI_Win w;int*p;MPI_Win_allocate_shared(4,4,MPI_INFO_NULL,MPI_COMM_WORLD,&p,&w);*p=r;MPI_Win_fence(0,w);MPI_Win_free(&w);
 if(!r)printf("n=%d s=%d ok=%d\n",n,s,all);MPI_Finalize();return 0;}
C
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 PMIX_MCA_gds=hash
mpicc.openmpi -o m m.c 2>&1 | head -3
timeout 25 mpirun.openmpi --oversubscribe -n 2 ./m 2>/tmp/e; echo $?; grep -v '^$' /tmp/e | head -5
timeout 25 mpirun.openmpi --oversubscribe -n 4 ./m 2>/tmp/e; echo $?; grep -v '^$' /tmp/e | head -5
timeout 25 mpirun.openmpi --oversubscribe --mca btl tcp,self -n 2 ./m 2>/tmp/e; echo $?
timeout 25 mpirun.openmpi -n 3 --oversubscribe sh -c 'echo hi $OMPI_COMM_WORLD_RANK; [ $OMPI_COMM_WORLD_RANK != 1 ] || exit 4' 2>/dev/null | sort
timeout 25 mpirun.mpich -n 3 sh -c 'echo hi $PMI_RANK' | sort
cat >o.c <<'C'
#include <omp.h>
#include <stdio.h>
int main(){long s=0;
#pragma omp parallel for reduction(+:s) schedule(dynamic,1000)
for(int i=0;i<3000000;i++)s+=i%7;
for(int k=0;k<300;k++){
#pragma omp parallel
{
#pragma omp barrier
}
}
printf("%ld %d\n",s,omp_get_max_threads()>0);}
C
gcc -O2 -fopenmp -o o o.c && ./o; OMP_NUM_THREADS=4 ./o; OMP_NUM_THREADS=4 OMP_PROC_BIND=true ./o
mkdir cc; echo 'int f(void){return 1;}' >f.c; export CCACHE_DIR=/tmp/cc; ccache gcc -c f.c; ccache gcc -c f.c; ccache -s | grep -E 'Hits|Misses' | head -2 | tr -s ' '
distccd --daemon --allow 127.0.0.1 --no-detach --port 3632 --log-file /tmp/dl --user nobody & p=$!; port 3632; DISTCC_HOSTS=127.0.0.1 DISTCC_FALLBACK=0 distcc gcc -c f.c -o g.o; echo distcc $?; kill $p; wait $p; echo $?
