#include "uring.h"
#include <netinet/tcp.h>

static struct ring r;
static char b[256], pool[4][16];

static void wait_for(unsigned n) {
    SHOW(uring_enter(r.fd, 0, n, GETEVENTS, NULL, 8));
    completions(&r, n);
}
static int last; /* the result of the completion that was fetched */
static void one(const char *what) {
    struct cqe *c;
    while (!(c = peek(&r))) MUST(uring_enter(r.fd, 0, 1, GETEVENTS, NULL, 8));
    last = c->res;
    printf("%s: %llu %s more %d\n", what, (long long)c->user_data, c->res < 0 ? ename(-c->res) : "ok", c->flags >> 1 & 1);
    seen(&r);
}
static int listener(struct sockaddr_in *a) {
    socklen_t n = sizeof *a;
    int l = MUST(socket(AF_INET, SOCK_STREAM, 0));
    *a = (struct sockaddr_in){AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
    MUST(bind(l, (void *)a, sizeof *a));
    MUST(listen(l, 8));
    MUST(getsockname(l, (void *)a, &n));
    return l;
}
static void tcp(void) {
    struct sockaddr_in a, peer = {0};
    socklen_t size = sizeof peer;
    int l = listener(&a);
    add(&r, ACCEPT, l, &peer, 0, (uintptr_t)&size, 1)->op_flags = SOCK_CLOEXEC;
    SHOW(submit(&r, 0));
    add(&r, SOCKET, AF_INET, NULL, 0, SOCK_STREAM, 2);
    SHOW(submit(&r, 1));
    one("socket");
    int s = last;
    add(&r, CONNECT, s, &a, 0, sizeof a, 3);
    SHOW(submit(&r, 2));
    int c = -1, connected = -1;
    for (int i = 0; i < 2; i++) { /* in any order */
        struct cqe *e;
        while (!(e = peek(&r))) MUST(uring_enter(r.fd, 0, 1, GETEVENTS, NULL, 8));
        if (e->user_data == 1) c = e->res;
        if (e->user_data == 3) connected = e->res;
        seen(&r);
    }
    VAL(c > 0), VAL(connected);
    VAL(size), VAL(peer.sin_family), VAL(fcntl(c, F_GETFD));
    add(&r, RECV, c, b, 64, 0, 4);
    SHOW(submit(&r, 0));
    add(&r, SEND, s, "hello", 5, 0, 5);
    SHOW(submit(&r, 2));
    int sum = 0;
    for (int i = 0; i < 2; i++) one("recv or send"), sum += last;
    VAL(sum);
    STR(b);
    add(&r, RECV, c, b, 10, 0, 6)->op_flags = MSG_WAITALL;
    SHOW(submit(&r, 0));
    write(s, "12345", 5);
    SHOW(uring_enter(r.fd, 0, 0, GETEVENTS, NULL, 8));
    VAL(peek(&r) == NULL);
    write(s, "67890", 5);
    one("waitall");
    VAL(last);
    fcntl(c, F_SETFL, O_NONBLOCK);
    add(&r, RECV, c, b, 10, 0, 7)->op_flags = MSG_DONTWAIT;
    SHOW(submit(&r, 1));
    one("dontwait");
    add(&r, RECV, c, b, 10, 0, 8);
    SHOW(submit(&r, 0));
    add(&r, SHUTDOWN, s, NULL, SHUT_WR, 0, 9);
    SHOW(submit(&r, 1));
    one("recv or shutdown"), one("recv or shutdown");
    add(&r, SHUTDOWN, s, NULL, 7, 0, 10);
    SHOW(submit(&r, 1));
    one("shutdown");
    close(c);
    add(&r, SEND, s, "x", 1, 0, 11); /* a reset answers it */
    SHOW(submit(&r, 1));
    one("send");
    struct pollfd p = {s, POLLERR};
    poll(&p, 1, 1000);
    add(&r, SEND, s, "x", 1, 0, 12);
    SHOW(submit(&r, 1));
    one("send");
    close(s);
    /* a port that nobody listens at */
    close(l);
    s = MUST(socket(AF_INET, SOCK_STREAM, 0));
    add(&r, CONNECT, s, &a, 0, sizeof a, 13);
    SHOW(submit(&r, 1));
    one("connect");
    close(s);
    add(&r, RECV, 0, b, 1, 0, 14);
    SHOW(submit(&r, 1));
    one("recv of no socket");
    add(&r, SOCKET, AF_INET, NULL, 0, 99, 15);
    SHOW(submit(&r, 1));
    one("socket");
    add(&r, CONNECT, 0, &a, 1, sizeof a, 16);
    go(&r, 0);
    add(&r, ACCEPT, 0, NULL, 0, 0, 17)->op_flags = 1;
    go(&r, 0);
    add(&r, RECV, 0, b, 1, 0, 18)->ioprio = 2;
    go(&r, 0);
    add(&r, SEND, 0, b, 1, 0, 19)->ioprio = 0x100;
    go(&r, 0);
}
static void many(void) {
    struct sockaddr_in a;
    int l = listener(&a), s[3];
    add(&r, ACCEPT, l, NULL, 0, 0, 30)->ioprio = 1;
    SHOW(submit(&r, 0));
    for (int i = 0; i < 3; i++) {
        s[i] = MUST(socket(AF_INET, SOCK_STREAM, 0));
        MUST(connect(s[i], (void *)&a, sizeof a));
        one("accept");
        close(last);
        close(s[i]);
    }
    add(&r, ASYNC_CANCEL, -1, (void *)30, 0, 0, 31);
    SHOW(submit(&r, 2));
    one("cancel"), one("accept");
    close(l);
}
static void messages(void) {
    int s[2];
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
    struct iovec v[2] = {{"ab", 2}, {"cde", 3}}, w = {b, 64};
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 2}, n = {.msg_iov = &w, .msg_iovlen = 1, .msg_flags = 77};
    add(&r, RECVMSG, s[1], &n, 1, 0, 40);
    SHOW(submit(&r, 0));
    add(&r, SENDMSG, s[0], &m, 1, 0, 41);
    SHOW(submit(&r, 2));
    int sum = 0;
    for (int i = 0; i < 2; i++) one("message"), sum += last;
    VAL(sum), VAL(n.msg_flags);
    printf("%.5s\n", b);
    add(&r, SENDMSG, s[0], BAD, 1, 0, 42);
    go(&r, 1);
    close(s[0]), close(s[1]);
}
static void provided(void) {
    int s[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    add(&r, RECV, s[0], NULL, 16, 0, 50)->flags = BUFFER_SELECT;
    go(&r, 1);
    add(&r, PROVIDE_BUFFERS, 4, pool, 16, 10, 51)->buf_index = 7;
    go(&r, 1);
    struct sqe *q = add(&r, RECV, s[0], NULL, 16, 0, 52);
    q->flags = BUFFER_SELECT, q->buf_index = 7;
    SHOW(submit(&r, 0));
    write(s[1], "first", 5);
    wait_for(1);
    STR(pool[0]);
    q = add(&r, RECV, s[0], NULL, 0, 0, 53);
    q->flags = BUFFER_SELECT, q->buf_index = 7, q->ioprio = 2;
    SHOW(submit(&r, 0));
    write(s[1], "second", 6);
    wait_for(1);
    write(s[1], "third", 5);
    wait_for(1);
    printf("%s %s\n", pool[1], pool[2]);
    write(s[1], "fourth and more", 15);
    write(s[1], "left", 4);
    SHOW(uring_enter(r.fd, 0, 2, GETEVENTS, NULL, 8));
    for (struct cqe *c; (c = peek(&r)); seen(&r)) printf("%d %s\n", c->res > 0, c->res < 0 ? ename(-c->res) : "");
    read(s[0], b, 64);
    add(&r, REMOVE_BUFFERS, 9, NULL, 0, 0, 54)->buf_index = 7;
    go(&r, 1);
    add(&r, REMOVE_BUFFERS, 9, NULL, 0, 0, 55)->buf_index = 8;
    go(&r, 1);
    add(&r, PROVIDE_BUFFERS, 0, pool, 16, 10, 56)->buf_index = 7;
    go(&r, 0);
    add(&r, PROVIDE_BUFFERS, 4, pool, 16, 65535, 57)->buf_index = 7;
    go(&r, 0);
    add(&r, PROVIDE_BUFFERS, 1, pool, 16, 3, 58)->buf_index = 7;
    q = add(&r, READ, s[0], NULL, 4, 0, 59);
    q->flags = BUFFER_SELECT, q->buf_index = 7;
    write(s[1], "abcdefgh", 8);
    go(&r, 2);
    close(s[0]), close(s[1]);
}
struct buf {
    uint64_t addr;
    uint32_t len;
    uint16_t bid, tail;
};
static void ring_of_buffers(void) {
    struct buf *br = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    struct {
        uint64_t addr;
        uint32_t entries;
        uint16_t bgid, flags;
        uint64_t resv[3];
    } reg = {(uintptr_t)br, 4, 9};
    SHOW(uring_register(r.fd, 22, &reg, 1));
    SHOW(uring_register(r.fd, 22, &reg, 1));
    memset(pool, 0, sizeof pool);
    for (int i = 0; i < 3; i++) br[i].addr = (uintptr_t)pool[i], br[i].len = 16, br[i].bid = 100 + i;
    __atomic_store_n(&br[0].tail, 3, __ATOMIC_RELEASE);
    int p[2];
    MUST(pipe(p));
    for (int i = 0; i < 4; i++) {
        struct sqe *q = add(&r, READ, p[0], NULL, 0, -1, 60 + i);
        q->flags = BUFFER_SELECT, q->buf_index = 9;
        write(p[1], "0123456789abcdefgh" + i, 5);
        go(&r, 1);
    }
    printf("%s %s %s\n", pool[0], pool[1], pool[2]);
    add(&r, PROVIDE_BUFFERS, 1, pool, 16, 3, 65)->buf_index = 9;
    go(&r, 1);
    SHOW(uring_register(r.fd, 23, &reg, 1));
    SHOW(uring_register(r.fd, 23, &reg, 1));
    reg.entries = 3;
    SHOW(uring_register(r.fd, 22, &reg, 1));
    reg.entries = 4, reg.addr += 8;
    SHOW(uring_register(r.fd, 22, &reg, 1));
    reg.addr = 0;
    SHOW(uring_register(r.fd, 22, &reg, 1));
    close(p[0]), close(p[1]);
}

int main(void) {
    r = open_ring(8, 0);
    tcp();
    many();
    messages();
    provided();
    ring_of_buffers();
    return 0;
}
