/* Keys and keyrings of an ordinary user: kinds, rights, links, searches, ends; all of it in a session keyring of its own. */
#include "t.h"
#include <linux/keyctl.h>
#include <sys/syscall.h>

typedef int32_t serial;

static char text[5000];

static long keyctl_(int op, long a, long b, long c, long d) { return syscall(SYS_keyctl, op, a, b, c, d); }
static long add(const char *kind, const char *name, const void *data, size_t size, serial ring) {
    return syscall(SYS_add_key, kind, name, data, size, ring);
}

static void told(const char *what, long result) {
    printf("%s: %s", what, result < 0 ? strerrorname_np(errno) : "ok");
    if (result >= 0 && result < 100)
        printf(" %ld", result);
    puts("");
}

#define DO(op, ...) told(#op " " #__VA_ARGS__, keyctl_(KEYCTL_##op, __VA_ARGS__))
#define ADD(...) told("add " #__VA_ARGS__, add(__VA_ARGS__))

static void describe(const char *what, serial key) {
    long n = keyctl_(KEYCTL_DESCRIBE, key, (long)text, sizeof text, 0);
    printf("%s: %s %s\n", what, n < 0 ? strerrorname_np(errno) : "ok", n < 0 ? "" : text);
}

static void contents(const char *what, serial key) {
    memset(text, 0, sizeof text);
    long n = keyctl_(KEYCTL_READ, key, (long)text, sizeof text, 0);
    printf("%s: %s %ld %s\n", what, n < 0 ? strerrorname_np(errno) : "ok", n, n < 0 ? "" : text);
}

static void adding(serial s) {
    ADD("user", "a", "one", 3, s), ADD("user", "", "one", 3, s), ADD("user", NULL, "one", 3, s), ADD("user", "a", NULL, 0, s);
    ADD("user", "a", NULL, 3, s), ADD("user", "a", "x", 1 << 20, s), ADD("user", "a", (char *)1, 3, s), ADD(NULL, "a", "x", 1, s);
    ADD("", "a", "x", 1, s), ADD(".x", "a", "x", 1, s), ADD("none", "a", "x", 1, s), ADD("keyring", ".a", NULL, 0, s);
    ADD("user", ".a", "x", 1, s), ADD("keyring", "r", "x", 1, s), ADD("keyring", "r", NULL, 0, s);
    ADD("a kind with a name that is too long", "a", "x", 1, s), ADD("logon", "a", "x", 1, s), ADD("logon", "a:b", "x", 1, s);
    ADD("logon", ":b", "x", 1, s), ADD("user", "a", "x", 1, 0), ADD("user", "a", "x", 1, -6), ADD("user", "a", "x", 1, -7);
    ADD("user", "a", "x", 1, -99), ADD("user", "a", "x", 1, 0x7ffffff0);
    char *large = calloc(1, 40000);
    ADD("user", "large", large, 32767, s), ADD("user", "large", large, 32768, s);
    memset(large, 'x', 5000), ADD("user", large, "x", 1, s), large[4095] = 0;
    serial a = add("user", "a", "one", 3, s);
    printf("updated, not new: %d\n", a == add("user", "a", "two", 3, s));
    contents("a", a), describe("a", a);
    ADD("user", "b", "x", 1, a);
    serial r = add("keyring", "r", NULL, 0, s), again = add("keyring", "r", NULL, 0, s);
    printf("a new keyring: %d\n", r != again), describe("r", again);
    serial l = add("logon", "a:b", "x", 1, s);
    describe("logon", l), contents("logon", l);
}

static void rings(serial s) {
    DO(GET_KEYRING_ID, -1, 0, 0, 0), DO(GET_KEYRING_ID, -2, 0, 0, 0), DO(GET_KEYRING_ID, -3, 0, 0, 0);
    DO(GET_KEYRING_ID, -6, 0, 0, 0), DO(GET_KEYRING_ID, -7, 0, 0, 0), DO(GET_KEYRING_ID, -8, 0, 0, 0), DO(GET_KEYRING_ID, -9, 0, 0, 0);
    DO(GET_KEYRING_ID, 0, 0, 0, 0), DO(GET_KEYRING_ID, 1, 0, 0, 0), DO(GET_KEYRING_ID, -1, 1, 0, 0), DO(GET_KEYRING_ID, -2, 1, 0, 0);
    describe("thread", -1), describe("process", -2), describe("session", -3), describe("user", -4), describe("user session", -5);
    DO(JOIN_SESSION_KEYRING, (long)".x", 0, 0, 0), DO(JOIN_SESSION_KEYRING, 1, 0, 0, 0);
    if (!fork()) {
        DO(GET_KEYRING_ID, -2, 0, 0, 0), printf("the same session: %d\n", keyctl_(KEYCTL_GET_KEYRING_ID, -3, 0, 0, 0) == s);
        _exit(0);
    }
    wait(NULL);
}

static void linking(serial s) {
    serial a = add("user", "l", "one", 3, s), r = add("keyring", "r1", NULL, 0, s), q = add("keyring", "r2", NULL, 0, r);
    DO(LINK, a, r, 0, 0), DO(LINK, a, a, 0, 0), DO(LINK, 1, r, 0, 0), DO(LINK, a, 1, 0, 0), DO(LINK, r, r, 0, 0), DO(LINK, r, q, 0, 0);
    DO(UNLINK, a, q, 0, 0), DO(UNLINK, a, a, 0, 0), DO(UNLINK, 1, r, 0, 0), DO(UNLINK, a, s, 0, 0), describe("still in r1", a);
    DO(UNLINK, a, r, 0, 0);
    a = add("user", "m", "one", 3, r);
    DO(MOVE, a, r, q, 0), DO(MOVE, a, r, q, 0), DO(MOVE, a, q, r, 2), DO(MOVE, a, a, r, 0), DO(MOVE, a, q, q, 0);
    add("user", "m", "two", 3, r), DO(MOVE, a, q, r, 1), DO(MOVE, a, q, r, 0);
    DO(SEARCH, s, (long)"user", (long)"m", 0), DO(SEARCH, s, (long)"user", (long)"none", 0), DO(SEARCH, s, (long)"none", (long)"m", 0);
    DO(SEARCH, a, (long)"user", (long)"m", 0), DO(SEARCH, s, (long)"user", (long)"m", q), DO(SEARCH, s, (long)"user", (long)"m", a);
    DO(SEARCH, s, (long)".x", (long)"m", 0), DO(SEARCH, s, (long)"", (long)"m", 0), DO(SEARCH, 1, (long)"user", (long)"m", 0);
    told("request", syscall(SYS_request_key, "user", "m", NULL, 0)), told("request", syscall(SYS_request_key, "user", "no", NULL, 0));
    told("request", syscall(SYS_request_key, "none", "m", NULL, 0)), told("request", syscall(SYS_request_key, "user", "m", NULL, q));
    DO(CLEAR, a, 0, 0, 0), DO(CLEAR, q, 0, 0, 0), DO(CLEAR, 1, 0, 0, 0);
    printf("in r2: %ld\n", keyctl_(KEYCTL_READ, q, 0, 0, 0));
    DO(RESTRICT_KEYRING, q, 0, 0, 0), DO(RESTRICT_KEYRING, q, 0, 0, 0), DO(RESTRICT_KEYRING, a, 0, 0, 0), ADD("user", "n", "x", 1, q);
    DO(LINK, a, q, 0, 0), DO(RESTRICT_KEYRING, r, 0, (long)"x", 0);
}

static void rights(serial s) {
    serial a = add("user", "p", "one", 3, s);
    DO(SETPERM, a, -1, 0, 0), DO(SETPERM, 1, 0x3f000000, 0, 0), DO(SETPERM, a, 0x3d000000, 0, 0), contents("not readable", a);
    DO(SETPERM, a, 0x20000000, 0, 0), contents("only attributes", a), describe("only attributes", a);
    DO(UPDATE, a, (long)"x", 1, 0), DO(LINK, a, -1, 0, 0), DO(SEARCH, s, (long)"user", (long)"p", 0);
    told("request", syscall(SYS_request_key, "user", "p", NULL, 0));
    DO(SETPERM, a, 0x3f3f0000, 0, 0), a = add("user", "q", "one", 3, s);
    DO(SETPERM, a, 0x3f3f0000, 0, 0), DO(CHOWN, a, -1, -1, 0), DO(CHOWN, a, 0, -1, 0), DO(CHOWN, a, 1000, 1000, 0), DO(CHOWN, a, -1, 7, 0);
    DO(UPDATE, a, (long)"four", 4, 0), contents("four", a), DO(UPDATE, a, 0, 0, 0), DO(UPDATE, s, (long)"x", 1, 0), DO(UPDATE, a, 0, 5000, 0);
    printf("short: %ld", keyctl_(KEYCTL_READ, a, (long)text, 2, 0)), printf(" %ld\n", keyctl_(KEYCTL_READ, a, 0, 0, 0));
    DO(GET_SECURITY, 1, (long)text, 9, 0), DO(SET_TIMEOUT, a, 1000, 0, 0), DO(SET_TIMEOUT, 1, 1, 0, 0), DO(SET_TIMEOUT, a, 0, 0, 0);
    DO(REVOKE, a, 0, 0, 0), contents("revoked", a), describe("revoked", a), DO(UPDATE, a, (long)"x", 1, 0), DO(REVOKE, a, 0, 0, 0);
    DO(SEARCH, s, (long)"user", (long)"q", 0), DO(LINK, a, s, 0, 0), DO(UNLINK, a, s, 0, 0);
    serial r = add("keyring", "rr", NULL, 0, s);
    add("user", "x", "x", 1, r), DO(REVOKE, r, 0, 0, 0), ADD("user", "y", "x", 1, r);
    DO(INSTANTIATE, a, (long)"x", 1, 0), DO(NEGATE, a, 1, 0, 0), DO(REJECT, a, 1, 0, 0), DO(REJECT, a, 1, 5000, 0), DO(REJECT, a, 1, 129, 0);
    DO(ASSUME_AUTHORITY, 0, 0, 0, 0), DO(ASSUME_AUTHORITY, -1, 0, 0, 0), DO(ASSUME_AUTHORITY, a, 0, 0, 0);
    DO(SET_REQKEY_KEYRING, -1, 0, 0, 0), DO(SET_REQKEY_KEYRING, 4, 0, 0, 0), DO(SET_REQKEY_KEYRING, 6, 0, 0, 0), DO(SET_REQKEY_KEYRING, 99, 0, 0, 0);
    DO(SET_REQKEY_KEYRING, -1, 0, 0, 0), DO(INVALIDATE, 1, 0, 0, 0);
    told("unknown", keyctl_(999, 0, 0, 0, 0));
}

int main(void) {
    setbuf(stdout, NULL);
    if (!fork()) {
        setgroups(0, NULL), setgid(1000), setuid(1000);
        serial s = keyctl_(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0);
        rings(s);
        adding(s), linking(s), rights(s);
        _exit(0);
    }
    wait(NULL);
    return 0;
}
