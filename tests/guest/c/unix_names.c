#include "t.h"
static struct sockaddr_un a;
static int len(const char *n) {
    memset(&a, 0, sizeof a);
    a.sun_family = AF_UNIX;
    strcpy(a.sun_path, n);
    return offsetof(struct sockaddr_un, sun_path) + strlen(n) + 1;
}
#define S(n) ({ int l_ = len(n); l_; })
static void name_of(int s, int peer) {
    struct sockaddr_un n;
    socklen_t l = sizeof n;
    int r = peer ? getpeername(s, (void *)&n, &l) : getsockname(s, (void *)&n, &l);
    if (r) printf("%s\n", ename(errno));
    else printf("%d %d %s\n", l, n.sun_family, l > 2 ? n.sun_path : "-");
}

int main(void) {
    int s = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), c = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    name_of(s, 0);
    name_of(s, 1);
    int l = len("sock");
    SHOW(bind(s, (void *)&a, l));
    name_of(s, 0);
    SHOW(bind(s, (void *)&a, l));
    SHOW(bind(c, (void *)&a, l));
    SHOW(connect(c, (void *)&a, l));
    SHOW(listen(c, 1));
    SHOW(listen(s, 1));
    SHOW(connect(c, (void *)&a, l));
    name_of(c, 0);
    name_of(c, 1);
    SHOW(connect(c, (void *)&a, l));
    l = len("none");
    int d = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    SHOW(connect(d, (void *)&a, l));
    put("plain", "");
    l = len("plain");
    SHOW(connect(d, (void *)&a, l));
    SHOW(bind(d, (void *)&a, l));
    l = len("no/x");
    SHOW(bind(d, (void *)&a, l));
    SHOW(bind(d, (void *)&a, 1));
    SHOW(bind(d, (void *)&a, 111));
    a.sun_family = AF_INET;
    SHOW(bind(d, (void *)&a, l));
    SHOW(connect(d, (void *)&a, l));
    a.sun_family = AF_UNIX;
    SHOW(bind(d, (void *)&a, 2)); /* a name is found for it */
    struct sockaddr_un n;
    socklen_t nl = sizeof n;
    MUST(getsockname(d, (void *)&n, &nl));
    printf("%d %d\n", nl, n.sun_path[0]);
    int g = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
    l = len("sock");
    SHOW(connect(g, (void *)&a, l));
    SHOW(accept(g, NULL, NULL));
    SHOW(listen(g, 1));
    unlink("sock");
    SHOW(connect(d, (void *)&a, l));
    return 0;
}
