#!/bin/bash
# title: libuv, libevent, libev, Boost.Asio, liburing, libaio, NNG, nanomsg, TBB, Kyoto and Tokyo Cabinet, Berkeley DB and Watchman
# packages: libuv1-dev libevent-dev libev-dev libboost-dev libboost-system-dev liburing-dev libaio-dev libnng-dev libnanomsg-dev nanomsg-utils libtbb-dev kyotocabinet-utils tokyocabinet-bin db5.3-util watchman gcc g++ libc6-dev
# what: loops with each of their ways to wait: connections, timers, signals, children, files and threads; rings with and without a thread of the kernel's; messages by four ways; threads that reduce; tables and trees; a folder watched
set -u
. /programs/lib.sh
cd /tmp
cat >uv.c <<'C'
#include <uv.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <fcntl.h>
#include <unistd.h>
static uv_loop_t *L; static uv_tcp_t srv; static int served, closed, sigs, ticks, works, events; static uv_fs_event_t fe;
static void al(uv_handle_t *h, size_t n, uv_buf_t *b){ b->base=malloc(n); b->len=n; }
static void wr(uv_write_t *r, int s){ free(r->data); free(r); }
static void cl(uv_handle_t *h){ closed++; free(h); if (closed==200) uv_close((uv_handle_t*)&srv,0); }
static void rd(uv_stream_t *s, ssize_t n, const uv_buf_t *b){ if(n>0){ uv_write_t *w=malloc(sizeof*w); w->data=b->base; uv_buf_t o=uv_buf_init(b->base,n); uv_write(w,s,&o,1,wr); return;} free(b->base); if(n<0) uv_close((uv_handle_t*)s,cl);}
static void con(uv_stream_t *s, int st){ uv_tcp_t *c=malloc(sizeof*c); uv_tcp_init(L,c); if(!uv_accept(s,(uv_stream_t*)c)){ served++; uv_read_start((uv_stream_t*)c,al,rd);} }
static int echoed;
static void crd(uv_stream_t *s, ssize_t n, const uv_buf_t *b){ if(n>0) echoed+=n; free(b->base); uv_close((uv_handle_t*)s,cl); }
static void cc(uv_connect_t *r, int st){ if(st){printf("connect %s\n",uv_strerror(st)); return;} uv_write_t *w=malloc(sizeof*w); w->data=strdup("hello"); uv_buf_t o=uv_buf_init(w->data,5); uv_write(w,r->handle,&o,1,wr); uv_read_start(r->handle,al,crd); free(r);}
static void sig(uv_signal_t *h,int n){ if(++sigs==3) uv_close((uv_handle_t*)h,0); }
static void tick(uv_timer_t *t){ if(sigs<3) kill(getpid(),SIGUSR1); if(++ticks==10){ uv_close((uv_handle_t*)t,0);} }
static void wk(uv_work_t *w){ usleep(1000); }
static void aw(uv_work_t *w,int s){ works++; free(w);}
static void ex(uv_process_t *p,int64_t st,int sg){ printf("exit %d %d\n",(int)st,sg); uv_close((uv_handle_t*)p,0);}
static void fev(uv_fs_event_t *h,const char *f,int ev,int st){ if(++events==1) printf("event %s %d\n",f,ev), uv_close((uv_handle_t*)h,0);}
int main(void){ L=uv_default_loop(); struct sockaddr_in a; uv_ip4_addr("127.0.0.1",0,&a); uv_tcp_init(L,&srv); uv_tcp_bind(&srv,(void*)&a,0); uv_listen((uv_stream_t*)&srv,128,con);
 int n=sizeof a; uv_tcp_getsockname(&srv,(void*)&a,&n); for(int i=0;i<100;i++){uv_tcp_t*c=malloc(sizeof*c); uv_tcp_init(L,c); uv_connect_t*r=malloc(sizeof*r); uv_tcp_connect(r,c,(void*)&a,cc);}
 uv_signal_t s; uv_signal_init(L,&s); uv_signal_start(&s,sig,SIGUSR1); uv_timer_t t; uv_timer_init(L,&t); uv_timer_start(&t,tick,5,5);
 for(int i=0;i<50;i++){uv_work_t*w=malloc(sizeof*w); uv_queue_work(L,w,wk,aw);} 
 uv_process_t p; uv_process_options_t o={0}; char*av[]={"sh","-c","exit 7",0}; o.file="sh"; o.args=av; o.exit_cb=ex; printf("spawn %d\n",uv_spawn(L,&p,&o));
 mkdir("/tmp/uvd",0755); uv_fs_event_init(L,&fe); uv_fs_event_start(&fe,fev,"/tmp/uvd",0); close(open("/tmp/uvd/x",O_CREAT|O_WRONLY,0600));
 uv_fs_t q; int fd=uv_fs_open(L,&q,"/tmp/uvd/y",O_RDWR|O_CREAT,0644,0); uv_buf_t b=uv_buf_init("abc",3); printf("w %d\n",(int)uv_fs_write(L,&q,fd,&b,1,0,0)); uv_fs_copyfile(L,&q,"/tmp/uvd/y","/tmp/uvd/z",0,0); uv_fs_stat(L,&q,"/tmp/uvd/z",0); printf("size %d\n",(int)q.statbuf.st_size); printf("statfs %d\n",uv_fs_statfs(L,&q,"/tmp",0));
 printf("run %d\n",uv_run(L,0)); printf("%d %d %d %d %d %d\n",served,closed,echoed,sigs,ticks,works);
 uv_cpu_info_t*ci; int cn; printf("cpu %d\n",uv_cpu_info(&ci,&cn)); uv_interface_address_t*ia; int in; int ir=uv_interface_addresses(&ia,&in); printf("if %d %d\n",ir,in); size_t rss; printf("rss %d\n",uv_resident_set_memory(&rss)); double la[3]; uv_loadavg(la); double up; printf("up %d\n",uv_uptime(&up)); uv_rusage_t ru; printf("ru %d\n",uv_getrusage(&ru)); printf("con %d\n", (int)(uv_get_constrained_memory()>0)); int pr; printf("pri %d\n",uv_os_getpriority(0,&pr)); return 0;}
C
gcc -w -o uv uv.c -luv && ./uv
cat >ev.c <<'C'
#include <event2/event.h>
#include <event2/http.h>
#include <event2/buffer.h>
#include <event2/thread.h>
#include <stdio.h>
#include <string.h>
static struct event_base*b; static int done;
static void h(struct evhttp_request*r,void*a){ struct evbuffer*e=evbuffer_new(); evbuffer_add_printf(e,"you asked %s",evhttp_request_get_uri(r)); evbuffer_add_file(e,(int)(long)dup(3),0,5); evhttp_send_reply(r,200,"OK",e); evbuffer_free(e);}
static void got(struct evhttp_request*r,void*a){ if(r){ char d[100]; int n=evbuffer_remove(evhttp_request_get_input_buffer(r),d,99); d[n]=0; if(done==0) printf("%d %s\n",evhttp_request_get_response_code(r),d);} else puts("fail"); if(++done==50) event_base_loopexit(b,0);}
int main(){ const char**m=event_get_supported_methods(); for(;*m;m++) printf("%s ",*m); puts("");
 static const char*av[]={"epoll","poll","select"}; for(int k=0;k<3;k++){ done=0; struct event_config*c=event_config_new(); for(int j=0;j<3;j++) if(j!=k) event_config_avoid_method(c,av[j]); if(k==0) event_config_set_flag(c,EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST|EVENT_BASE_FLAG_PRECISE_TIMER); b=event_base_new_with_config(c); printf("%s\n",event_base_get_method(b)); struct evhttp*s=evhttp_new(b); struct evhttp_bound_socket*bs=evhttp_bind_socket_with_handle(s,"127.0.0.1",0); struct sockaddr_in a; socklen_t l=sizeof a; getsockname(evhttp_bound_socket_get_fd(bs),(void*)&a,&l); evhttp_set_gencb(s,h,0);
 for(int i=0;i<50;i++){ struct evhttp_connection*cn=evhttp_connection_base_new(b,0,"127.0.0.1",ntohs(a.sin_port)); struct evhttp_request*r=evhttp_request_new(got,0); evhttp_add_header(evhttp_request_get_output_headers(r),"Host","x"); evhttp_make_request(cn,r,EVHTTP_REQ_GET,"/p"); }
 event_base_dispatch(b); printf("%d\n",done); evhttp_free(s);} return 0;}
C
sed -i '1i #include <unistd.h>\n#include <sys/socket.h>\n#include <netinet/in.h>' ev.c
gcc -w -o ev ev.c -levent && echo fileX >f5 && ./ev 3<f5
cat >lev.c <<'C'
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <fcntl.h>
#include <signal.h>
static int n,st,ch,as; ev_async A; 
static void t(EV_P_ ev_timer*w,int r){ n++; ev_async_send(EV_A_ &A); if(n==5) ev_break(EV_A_ EVBREAK_ALL);}
static void s(EV_P_ ev_stat*w,int r){ st++; }
static void c(EV_P_ ev_child*w,int r){ ch=WEXITSTATUS(w->rstatus); ev_child_stop(EV_A_ w);}
static void a(EV_P_ ev_async*w,int r){ as++; }
int main(){ unsigned k[]={EVBACKEND_SELECT,EVBACKEND_POLL,EVBACKEND_EPOLL,EVBACKEND_LINUXAIO,EVBACKEND_IOURING}; printf("%x %x\n",ev_supported_backends(),ev_recommended_backends());
 for(int i=0;i<5;i++){ n=st=ch=as=0; struct ev_loop*l=ev_loop_new(k[i]|EVFLAG_SIGNALFD); if(!l){printf("no %x\n",k[i]);continue;} printf("%x\n",ev_backend(l)); ev_timer w; ev_timer_init(&w,t,.02,.02); ev_timer_start(l,&w); ev_async_init(&A,a); ev_async_start(l,&A); ev_stat q; close(open("/tmp/evs",O_CREAT|O_WRONLY,0600)); ev_stat_init(&q,s,"/tmp/evs",0); ev_stat_start(l,&q); system("echo x>>/tmp/evs"); ev_run(l,0); printf("%d %d %d\n",n,st,as); ev_loop_destroy(l);} return 0;}
C
sed -i '1i #include <sys/wait.h>' lev.c
gcc -w -o lev lev.c -lev && ./lev
cat >asio.cc <<'C'
#include <boost/asio.hpp>
#include <iostream>
#include <thread>
#include <vector>
#include <atomic>
namespace a=boost::asio; using a::ip::tcp;
struct S:std::enable_shared_from_this<S>{ tcp::socket s; char d[1024]; S(tcp::socket x):s(std::move(x)){} void go(){ auto me=shared_from_this(); s.async_read_some(a::buffer(d),[me](auto e,size_t n){ if(!e) a::async_write(me->s,a::buffer(me->d,n),[me](auto e,size_t){ if(!e) me->go();});});}};
int main(){ a::io_context c; tcp::acceptor A(c,{a::ip::address_v4::loopback(),0}); std::function<void()> acc=[&]{ A.async_accept([&](auto e,tcp::socket s){ if(!e){ std::make_shared<S>(std::move(s))->go(); acc(); }});}; acc(); auto g=a::make_work_guard(c); std::vector<std::thread> t; for(int i=0;i<4;i++) t.emplace_back([&]{c.run();});
 std::atomic<long> sum{0}; std::vector<std::thread> u; for(int i=0;i<8;i++) u.emplace_back([&]{ a::io_context d; tcp::socket s(d); s.connect(A.local_endpoint()); s.set_option(tcp::no_delay(true)); char b[64]="ping"; for(int k=0;k<50;k++){ a::write(s,a::buffer(b,64)); sum+=a::read(s,a::buffer(b,64)); }}); for(auto&x:u) x.join();
 a::steady_timer tm(c,std::chrono::milliseconds(20)); tm.async_wait([&](auto){ std::cout<<"timer\n"; c.stop();}); for(auto&x:t) x.join(); std::cout<<sum<<"\n"; 
 a::io_context d; a::signal_set ss(d,SIGUSR1); ss.async_wait([](auto e,int n){ std::cout<<"sig "<<n<<"\n";}); raise(SIGUSR1); d.run();
 a::io_context e; a::local::stream_protocol::socket x(e),y(e); a::local::connect_pair(x,y); a::write(x,a::buffer("ab",2)); char z[2]; a::read(y,a::buffer(z)); std::cout<<z[0]<<z[1]<<"\n"; a::ip::udp::socket us(e,{a::ip::udp::v4(),0}); a::ip::tcp::resolver rs(e); for(auto&r:rs.resolve("localhost","80")) std::cout<<r.endpoint()<<"\n"; }
C
g++ -w -O1 -o asio asio.cc -pthread && ./asio
cat >ur.c <<'C'
#include <liburing.h>
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/socket.h>
int main(){ struct io_uring r; int e=io_uring_queue_init(64,&r,0); printf("init %d\n",e); if(e) return 1; struct io_uring_probe*p=io_uring_get_probe_ring(&r); 
 for(int flags=0;flags<3;flags++){ struct io_uring q; struct io_uring_params P={0}; P.flags=flags==1?IORING_SETUP_SQPOLL:flags==2?IORING_SETUP_COOP_TASKRUN|IORING_SETUP_SINGLE_ISSUER:0; e=io_uring_queue_init_params(256,&q,&P); printf("q %d\n",e); if(e) continue; int fd=open("/tmp/urf",O_RDWR|O_CREAT|O_TRUNC,0644); static char buf[200][512]; for(int i=0;i<200;i++){ memset(buf[i],i,512); struct io_uring_sqe*s=io_uring_get_sqe(&q); io_uring_prep_write(s,fd,buf[i],512,i*512); s->user_data=i;} int n=io_uring_submit(&q); int bad=0; for(int i=0;i<200;i++){ struct io_uring_cqe*c; io_uring_wait_cqe(&q,&c); if(c->res!=512) bad++; io_uring_cqe_seen(&q,c);} printf("%d bad %d size %ld\n",n,bad,(long)lseek(fd,0,2)); 
 struct io_uring_sqe*s=io_uring_get_sqe(&q); io_uring_prep_fsync(s,fd,0); s->flags|=IOSQE_IO_LINK; s=io_uring_get_sqe(&q); io_uring_prep_read(s,fd,buf[0],512,512); s->flags|=IOSQE_IO_LINK; s=io_uring_get_sqe(&q); struct __kernel_timespec ts={0,5000000}; io_uring_prep_timeout(s,&ts,0,0); io_uring_submit(&q); for(int i=0;i<3;i++){ struct io_uring_cqe*c; io_uring_wait_cqe(&q,&c); printf("r %d\n",c->res); io_uring_cqe_seen(&q,c);} printf("%d\n",buf[0][0]); 
 int sv[2]; socketpair(AF_UNIX,SOCK_STREAM,0,sv); char bufs[8][64]; s=io_uring_get_sqe(&q); io_uring_prep_provide_buffers(s,bufs,64,8,1,0); io_uring_submit(&q); struct io_uring_cqe*c; io_uring_wait_cqe(&q,&c); printf("pb %d\n",c->res); io_uring_cqe_seen(&q,c); s=io_uring_get_sqe(&q); io_uring_prep_recv_multishot(s,sv[0],0,0,0); s->flags|=IOSQE_BUFFER_SELECT; s->buf_group=1; io_uring_submit(&q); for(int i=0;i<3;i++){ write(sv[1],"hello",5); io_uring_wait_cqe(&q,&c); printf("m %d %d\n",c->res,c->flags&IORING_CQE_F_MORE); io_uring_cqe_seen(&q,c);} close(sv[1]); io_uring_wait_cqe(&q,&c); printf("m %d %d\n",c->res,c->flags&IORING_CQE_F_MORE); io_uring_cqe_seen(&q,c); io_uring_queue_exit(&q); } return 0; }
C
gcc -w -o ur ur.c -luring && ./ur
cat >aio.c <<'C'
#include <libaio.h>
#include <stdio.h>
#include <fcntl.h>
#include <string.h>
#include <stdlib.h>
int main(){ io_context_t c=0; printf("%d\n",io_setup(128,&c)); int fd=open("/tmp/aiof",O_RDWR|O_CREAT|O_TRUNC,0644); struct iocb cb[64],*p[64]; char*b; posix_memalign((void**)&b,4096,64*4096); for(int i=0;i<64;i++){memset(b+i*4096,i,4096); io_prep_pwrite(cb+i,fd,b+i*4096,4096,i*4096); p[i]=cb+i;} printf("%d\n",io_submit(c,64,p)); struct io_event ev[64]; int n=0; while(n<64){int k=io_getevents(c,1,64-n,ev,0); if(k<0)break; n+=k;} printf("%d %d\n",n,(int)ev[0].res); memset(b,0,64*4096); for(int i=0;i<64;i++) io_prep_pread(cb+i,fd,b+i*4096,4096,i*4096); io_submit(c,64,p); n=0; while(n<64) n+=io_getevents(c,1,64,ev,0); printf("%d\n",b[63*4096]); io_prep_fsync(cb,fd); printf("%d\n",io_submit(c,1,p)); printf("%d %d\n",io_getevents(c,1,1,ev,0),(int)ev[0].res); printf("%d\n",io_destroy(c)); }
C
gcc -w -o aio aio.c -laio && ./aio
cat >z.c <<'C'
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/protocol/reqrep0/rep.h>
#include <stdio.h>
#include <pthread.h>
#include <string.h>
static void*srv(void*u){ nng_socket s; nng_rep0_open(&s); if(nng_listen(s,u,0,0)) puts("listen?"); for(int i=0;i<100;i++){ char*b; size_t n; nng_recv(s,&b,&n,NNG_FLAG_ALLOC); nng_send(s,b,n,NNG_FLAG_ALLOC);} nng_msleep(50); nng_close(s); return 0;}
int main(){ const char*u[]={"tcp://127.0.0.1:9911","ipc:///tmp/nng.s","inproc://a","abstract://q"}; for(int k=0;k<4;k++){ pthread_t t; pthread_create(&t,0,srv,(void*)u[k]); nng_msleep(30); nng_socket s; nng_req0_open(&s); int r=nng_dial(s,u[k],0,0); int ok=0; for(int i=0;i<100&&!r;i++){ char*b; size_t n; nng_send(s,"hello",5,0); if(!nng_recv(s,&b,&n,NNG_FLAG_ALLOC)) ok+=n, nng_free(b,n);} printf("%.4s %d %d\n",u[k],r,ok); nng_close(s); pthread_join(t,0);} return 0;}
C
gcc -w z.c -o z -lnng -pthread && timeout 20 ./z
nanocat --rep --bind ipc:///tmp/nn.s --data pong --format ascii >nn 2>&1 & p=$!; sleep 0.3; nanocat --req --connect ipc:///tmp/nn.s --data ping -A; kill $p
cat >t.cc <<'C'
#include <tbb/tbb.h>
#include <iostream>
int main(){ tbb::global_control g(tbb::global_control::max_allowed_parallelism,8); long s=tbb::parallel_reduce(tbb::blocked_range<long>(0,1000000),0L,[](auto&r,long a){for(long i=r.begin();i<r.end();i++)a+=i%5;return a;},std::plus<long>()); std::cout<<s<<"\n"; tbb::concurrent_hash_map<int,int> m; tbb::parallel_for(0,10000,[&](int i){ decltype(m)::accessor a; m.insert(a,i%100); a->second++; }); std::cout<<m.size()<<"\n"; tbb::flow::graph f; tbb::flow::function_node<int,int> n(f,tbb::flow::unlimited,[](int x){return x*x;}); std::atomic<int> t{0}; tbb::flow::function_node<int> o(f,1,[&](int x){t+=x;}); make_edge(n,o); for(int i=0;i<100;i++) n.try_put(i); f.wait_for_all(); std::cout<<t<<"\n"; }
C
g++ -w t.cc -o t -ltbb && ./t
kchashmgr create -otr a.kch >/dev/null; for i in $(seq 50); do kchashmgr set a.kch k$i v$i; done; kchashmgr inform a.kch | grep count; kctreetest order -th 4 b.kct 2000 >/dev/null 2>&1; echo "kct: $?"; tchmgr create a.tch; tchmttest write a.tch 4 2000 >/dev/null 2>&1; echo "tch: $?"; echo 'k v' | tr ' ' '\n' | db5.3_load -T -t btree l.db; db5.3_dump -p l.db | tail -3 | head -1; db5.3_stat -d l.db | grep -c Btree
watchman --version >/dev/null 2>&1; mkdir -p wm /tmp/wst; export HOME=/tmp/wst USER=root; watchman watch wm 2>/dev/null | grep -oE '"(watcher|watch)": "[^"]*"'; touch wm/a; eventually bash -c 'watchman -j <<<"[\"query\",\"/tmp/wm\",{\"fields\":[\"name\"]}]" | grep -q "\"a\""' && echo seen; watchman shutdown-server >/dev/null 2>&1; echo $?
