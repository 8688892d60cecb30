/* private */
#include "t.h"

/* POSIX access control lists as extended attributes (acl(5), fs/posix_acl.c). */
#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"
enum { UO = 1, U = 2, GO = 4, G = 8, M = 16, O = 32 };
struct entry {
    uint16_t tag, perm;
    uint32_t id;
};
struct list {
    uint32_t version;
    struct entry e[40];
};
#define SET(path, name, ...)                                                            \
    ({                                                                                  \
        struct list l = {2, {__VA_ARGS__}};                                             \
        int n = sizeof((struct entry[]){__VA_ARGS__}) / sizeof(struct entry);           \
        errno = 0;                                                                      \
        int r = setxattr(path, name, &l, 4 + 8 * n, 0);                                 \
        printf("set %s of %s, %d: %s\n", strchr(name, '.') + 11, path, n, ename(errno)); \
        r;                                                                              \
    })
static void show(const char *path) {
    char names[200];
    const char *kinds[] = {ACCESS, DEFAULT};
    show_mode(path);
    printf("  names %ld\n", (long)llistxattr(path, names, sizeof names));
    for (int k = 0; k < 2; k++) {
        struct list l = {0};
        errno = 0;
        int n = lgetxattr(path, kinds[k], &l, sizeof l);
        printf("  %s: %s", k ? "default" : "access", n < 0 ? ename(errno) : "");
        for (int i = 0; i < (n - 4) / 8; i++) printf(" %d:%x:%d", l.e[i].tag, l.e[i].perm, (int)l.e[i].id);
        puts("");
    }
}
/* What somebody else may do. */
static void as(uid_t uid, gid_t gid, gid_t more, const char *path) {
    fflush(stdout);
    pid_t c = fork();
    if (c == 0) {
        MUST(setgroups(more != 0, &more)), MUST(setresgid(gid, gid, gid)), MUST(setresuid(uid, uid, uid));
        printf("  %d/%d/%d of %s:", uid, gid, more, path);
        for (int want = 1; want <= 7; want++) printf(" %s", access(path, want) ? ename(errno) : "ok");
        printf(" open %s\n", open(path, O_RDONLY) < 0 ? ename(errno) : "ok");
        exit(0);
    }
    waitpid(c, NULL, 0);
}
static void all(const char *path) {
    as(1000, 1000, 0, path), as(1001, 1001, 0, path), as(1002, 2000, 0, path), as(1002, 1002, 2001, path);
    as(1003, 1003, 2000, path), as(500, 1003, 2000, path);
}
int main(void) {
    umask(022);
    chmod(".", 0755);
    put("f", "text");
    show("f");
    SET("f", ACCESS, {UO, 6}, {U, 4, 1000}, {U, 7, 1001}, {GO, 5}, {G, 4, 2000}, {G, 3, 2001}, {M, 5}, {O, 2});
    show("f"), all("f");
    MUST(chmod("f", 0706)), show("f"), all("f");
    MUST(chmod("f", 0770)), show("f"), all("f");
    MUST(chown("f", 500, 2000)), show("f"), all("f");
    SET("f", ACCESS, {UO, 6}, {GO, 4}, {O, 0}), show("f");
    SET("f", ACCESS, {UO, 6}, {GO, 4}, {M, 1}, {O, 0}), show("f"), all("f");
    SHOW(removexattr("f", ACCESS)), show("f");
    SHOW(removexattr("f", ACCESS));
    SHOW(removexattr("f", DEFAULT));

    puts("-- errors");
    SET("f", ACCESS, {UO, 6}, {GO, 4});
    SET("f", ACCESS, {UO, 6}, {O, 4}, {GO, 4});
    SET("f", ACCESS, {UO, 6}, {U, 4, 1000}, {GO, 4}, {O, 0});
    SET("f", ACCESS, {UO, 6}, {GO, 4}, {G, 4, 5}, {O, 0});
    SET("f", ACCESS, {UO, 6}, {GO, 4}, {M, 4}, {G, 4, 5}, {O, 0});
    SET("f", ACCESS, {UO, 6}, {GO, 12}, {O, 0});
    SET("f", ACCESS, {UO, 6}, {U, 4, -1}, {GO, 4}, {M, 4}, {O, 0});
    SET("f", ACCESS, {UO, 6}, {64, 4}, {GO, 4}, {M, 4}, {O, 0});
    SET("f", ACCESS, {UO, 6}, {U, 4, 7}, {U, 2, 7}, {U, 1, 3}, {GO, 4}, {M, 4}, {O, 0}), show("f");
    struct list l = {1, {{UO, 6}, {GO, 4}, {O, 0}}};
    SHOW(setxattr("f", ACCESS, &l, 28, 0));
    l.version = 2;
    SHOW(setxattr("f", ACCESS, &l, 27, 0));
    SHOW(setxattr("f", ACCESS, &l, 3, 0));
    SHOW(setxattr("f", ACCESS, &l, 28, XATTR_REPLACE));
    SHOW(setxattr("f", ACCESS, &l, 28, XATTR_CREATE));
    SHOW(setxattr("f", ACCESS, &l, 4, 0));
    SHOW(setxattr("f", ACCESS, NULL, 0, 0));
    SHOW(setxattr("f", DEFAULT, &l, 28, 0));
    SHOW(setxattr("f", DEFAULT, &l, 4, 0));
    SHOW(setxattr("f", "system.posix_acl_other", &l, 28, 0));
    MUST(symlink("f", "l"));
    SHOW(lsetxattr("l", ACCESS, &l, 28, 0));
    SHOW(lgetxattr("l", ACCESS, &l, 28));
    SHOW(getxattr("f", ACCESS, &l, 2));
    SET("f", ACCESS, {UO, 6}, {U, 4, 9}, {GO, 4}, {M, 4}, {O, 0});
    SHOW(getxattr("f", ACCESS, &l, 2));
    SHOW(getxattr("f", ACCESS, NULL, 0));

    puts("-- who may");
    pid_t c = fork();
    if (c == 0) {
        MUST(setresuid(1000, 1000, 1000));
        SET("f", ACCESS, {UO, 6}, {GO, 4}, {O, 0});
        SHOW(removexattr("f", ACCESS));
        SHOW(getxattr("f", ACCESS, NULL, 0));
        exit(0);
    }
    waitpid(c, NULL, 0);

    puts("-- directories");
    MUST(mkdir("d", 0755));
    SET("d", ACCESS, {UO, 7}, {U, 0, 1000}, {U, 5, 1001}, {GO, 5}, {M, 7}, {O, 5}), show("d");
    put("d/in", "x");
    all("d/in");
    SET("d", DEFAULT, {UO, 6}, {U, 7, 1000}, {GO, 5}, {M, 6}, {O, 3}), show("d");
    int fd = MUST(open("d/file", O_CREAT | O_RDWR, 0666));
    show("d/file");
    MUST(open("d/less", O_CREAT | O_RDWR, 0640)), show("d/less");
    MUST(mkdir("d/dir", 0777)), show("d/dir");
    MUST(mkdir("d/dir/dir", 0700)), show("d/dir/dir");
    MUST(mkfifo("d/fifo", 0666)), show("d/fifo");
    MUST(symlink("x", "d/link")), show("d/link");
    MUST(mknod("d/plain", S_IFREG | 0777, 0)), show("d/plain");
    struct sockaddr_un a = {AF_UNIX, "d/sock"};
    MUST(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, sizeof a)), show("d/sock");
    fd = MUST(open("d", O_TMPFILE | O_RDWR, 0666));
    printf("a file without a name: %ld\n", (long)fgetxattr(fd, ACCESS, NULL, 0));
    MUST(rename("f", "d/f")), show("d/f");
    SET("d", DEFAULT, {UO, 7}, {GO, 7}, {O, 7}), show("d");
    MUST(mkdir("d/open", 0777)), show("d/open");
    SHOW(setxattr("d", DEFAULT, NULL, 0, 0)), show("d");
    MUST(mkdir("d/none", 0777)), show("d/none");

    puts("-- set-group-ID");
    put("s", "x");
    MUST(chown("s", 1000, 3000)), MUST(chmod("s", 02755));
    c = fork();
    if (c == 0) {
        MUST(setgroups(0, NULL)), MUST(setresgid(1000, 1000, 1000)), MUST(setresuid(1000, 1000, 1000));
        SET("s", ACCESS, {UO, 7}, {U, 7, 1}, {GO, 5}, {M, 7}, {O, 0});
        exit(0);
    }
    waitpid(c, NULL, 0);
    show("s");
    return 0;
}
