/* KEYCTL_SESSION_TO_PARENT; what reading and instantiating answer for keys that there are not. */
#include "t.h"
#include <linux/keyctl.h>

static long K(long op, long a, long b, long c) {
    return syscall(SYS_keyctl, op, a, b, c, 0);
}

static int session(void) {
    return K(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0);
}

static void in_child(const char *what, int (*f)(void)) {
    int before = session(), s;
    if (!fork()) _exit(f());
    wait(&s);
    printf("%s: %s, session changed %d\n", what, ename(WEXITSTATUS(s)), session() != before);
}

static int same(void) {
    return K(KEYCTL_SESSION_TO_PARENT, 0, 0, 0) ? errno : 0;
}

static int fresh(void) {
    if (K(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0) < 0) return errno;
    return K(KEYCTL_SESSION_TO_PARENT, 0, 0, 0) ? errno : 0;
}

static int named(void) {
    if (K(KEYCTL_JOIN_SESSION_KEYRING, (long)"given", 0, 0) < 0) return errno;
    long key = syscall(SYS_add_key, "user", "mine", "abc", 3, KEY_SPEC_SESSION_KEYRING);
    return key < 0 || K(KEYCTL_SESSION_TO_PARENT, 0, 0, 0) ? errno : 0;
}

static int other_user(void) {
    if (setresuid(1234, 1234, 1234)) return errno;
    return fresh();
}

static int no_link(void) {
    if (K(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0) < 0) return errno;
    if (K(KEYCTL_SETPERM, KEY_SPEC_SESSION_KEYRING, 0x2f000000, 0)) return errno;
    return K(KEYCTL_SESSION_TO_PARENT, 0, 0, 0) ? errno : 0;
}

static void *idle(void *arg) {
    while (!*(volatile int *)arg) usleep(1000);
    return NULL;
}

int main(void) {
    char text[16] = "";
    K(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0);
    in_child("same", same), in_child("fresh", fresh), in_child("named", named);
    long key = syscall(SYS_request_key, "user", "mine", NULL, 0);
    int n = K(KEYCTL_READ, key, (long)text, 16);
    printf("%d %s\n", n, text);
    in_child("other user", other_user), in_child("no link", no_link);
    volatile int end = 0;
    pthread_t t;
    pthread_create(&t, NULL, idle, (void *)&end);
    in_child("two threads", fresh);
    end = 1, pthread_join(t, NULL);
    SHOW(K(KEYCTL_READ, 0, 0, 0)), SHOW(K(KEYCTL_READ, 0x7ffffff0, 0, 0)), SHOW(K(KEYCTL_READ, -100, 0, 0));
    SHOW(K(KEYCTL_INSTANTIATE_IOV, 0, 0, 0)), SHOW(K(KEYCTL_INSTANTIATE_IOV, 0, 8, 1)), SHOW(K(KEYCTL_INSTANTIATE_IOV, 0, 8, 1025));
    SHOW(K(99, 0, 0, 0)), SHOW(K(KEYCTL_WATCH_KEY, 0, 0, 0)), SHOW(K(KEYCTL_DH_COMPUTE, 0, 0, 0));
    return 0;
}
