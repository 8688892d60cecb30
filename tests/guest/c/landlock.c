// private
#include "t.h"
#include <linux/landlock.h>
#include <sys/mount.h>
#include <sys/ptrace.h>

#define ALL ((1ull << 15) - 1)
#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
static long create(void *a, size_t n, unsigned f) { return syscall(SYS_landlock_create_ruleset, a, n, f); }
static long add(int r, int type, void *a, unsigned f) { return syscall(SYS_landlock_add_rule, r, type, a, f); }
static long restrict_self(int r, unsigned f) { return syscall(SYS_landlock_restrict_self, r, f); }
static int ruleset(uint64_t handled) {
    uint64_t a = handled;
    return MUST(create(&a, 8, 0));
}
static void allow(int r, const char *path, uint64_t rights) {
    struct landlock_path_beneath_attr a = {rights, MUST(open(path, O_PATH | O_CLOEXEC))};
    MUST(add(r, 1, &a, 0));
    close(a.parent_fd);
}
static void enter(int r) {
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    MUST(restrict_self(r, 0));
    close(r);
}
static void in_child(const char *name, void (*f)(void)) {
    printf("-- %s\n", name);
    pid_t child = fork();
    if (!child) f(), exit(0);
    reap(child);
}
#define TRY(e)                                                                                \
    ({                                                                                        \
        errno = 0;                                                                            \
        long r_ = (long)(e);                                                                  \
        printf("%s: %s\n", #e, r_ == -1 ? ename(errno) : "ok");                               \
        r_;                                                                                   \
    })

static void readers(void) {
    int r = ruleset(ALL & ~LANDLOCK_ACCESS_FS_EXECUTE);
    allow(r, "in", READ);
    allow(r, "in/sub", LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE);
    allow(r, "out/one", LANDLOCK_ACCESS_FS_READ_FILE);
    int before = MUST(open("out/file", O_RDWR));
    enter(r);
    TRY(open("in/file", O_RDONLY));
    TRY(open("in/file", O_RDWR));
    TRY(open("in", O_RDONLY | O_DIRECTORY));
    TRY(open("in/file", O_PATH));
    TRY(open("out/file", O_RDONLY));
    TRY(open("out/one", O_RDONLY));
    TRY(open("out/one", O_WRONLY));
    TRY(open("out", O_RDONLY | O_DIRECTORY));
    TRY(open("out/new", O_CREAT | O_WRONLY, 0600));
    TRY(access("out/new", F_OK));
    TRY(open("in/new", O_CREAT | O_WRONLY, 0600));
    TRY(open("in/sub/new", O_CREAT | O_WRONLY, 0600));
    TRY(open("in/sub/new", O_TRUNC | O_WRONLY, 0600));
    int fd = TRY(open("in/sub/new", O_RDWR));
    TRY(write(fd, "x", 1));
    TRY(ftruncate(fd, 0));
    TRY(truncate("in/sub/new", 0));
    TRY(ftruncate(before, 3));
    TRY(write(before, "y", 1));
    TRY(open("in/sub/../../out/file", O_RDONLY));
    TRY(mkdir("in/sub/d", 0700));
    TRY(symlink("x", "in/sub/l"));
    TRY(mkfifo("in/sub/p", 0600));
    TRY(rmdir("in/sub/dir"));
    TRY(unlink("in/file"));
    TRY(unlink("out/file"));
    TRY(unlink("in/sub/new"));
    TRY(rename("in/sub/a", "in/sub/b"));
    TRY(rename("in/sub/b", "in/b"));
    TRY(rename("in/sub/b", "out/b"));
    TRY(link("in/sub/b", "in/sub/c"));
    TRY(link("in/sub/b", "in/c"));
    TRY(chmod("out/file", 0600));
    struct stat s;
    TRY(stat("out/file", &s));
    TRY(chdir("out"));
    TRY(chdir(".."));
    struct sockaddr_un u = {AF_UNIX, "in/sub/s"};
    TRY(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&u, sizeof u));
    int p[2];
    TRY(pipe(p));
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", p[0]);
    TRY(open(path, O_RDONLY));
    TRY(syscall(SYS_memfd_create, "m", 0));
    TRY(mount("x", "in", "tmpfs", 0, NULL));
    TRY(syscall(SYS_pivot_root, "in", "in"));
    /* A second layer can only take away. */
    r = ruleset(LANDLOCK_ACCESS_FS_READ_FILE);
    TRY(({ struct landlock_path_beneath_attr a = {LANDLOCK_ACCESS_FS_READ_FILE, MUST(open("out", O_PATH))}; add(r, 1, &a, 0); }));
    enter(r);
    TRY(open("in/file", O_RDONLY));
    TRY(open("out/one", O_RDONLY));
    TRY(open("out/file", O_RDONLY));
    TRY(open("in", O_RDONLY | O_DIRECTORY));
}
static void movers(void) {
    uint64_t all = ALL;
    int r = ruleset(ALL);
    allow(r, "in", all & ~LANDLOCK_ACCESS_FS_EXECUTE);
    allow(r, "out", all);
    allow(r, "less", LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR);
    enter(r);
    TRY(rename("in/m1", "in/sub/m1"));
    TRY(rename("in/sub/m1", "out/m1"));
    TRY(rename("out/m2", "in/m2"));
    TRY(rename("in/m2", "less/m2"));
    TRY(rename("less/m2", "in/m2"));
    TRY(rename("out/d", "in/d"));
    TRY(rename("in/d", "out/d"));
    TRY(rename("in/m3", "gone"));
    TRY(rename("in/m3", "in/m4"));
    TRY(renameat2(AT_FDCWD, "in/m4", AT_FDCWD, "out/one", RENAME_EXCHANGE));
    TRY(renameat2(AT_FDCWD, "in/m4", AT_FDCWD, "in/sub/b", RENAME_EXCHANGE));
    TRY(link("out/one", "less/l"));
    TRY(link("in/m4", "out/l"));
}
static void runner(void) {
    int r = ruleset(LANDLOCK_ACCESS_FS_EXECUTE);
    allow(r, "in", LANDLOCK_ACCESS_FS_EXECUTE);
    enter(r);
    pid_t child = fork();
    if (!child) execl("/bin/true", "true", NULL), _exit(errno);
    reap(child);
    int r2 = ruleset(LANDLOCK_ACCESS_FS_READ_FILE);
    SHOW(restrict_self(r2, 0));
    TRY(open("in/file", O_RDONLY));
}
static void deep(void) {
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    int r = ruleset(LANDLOCK_ACCESS_FS_MAKE_FIFO);
    for (int i = 0; i < 17; i++)
        if (restrict_self(r, 0)) printf("layer %d: %s\n", i, ename(errno));
}
static void tracer(void) {
    pid_t child = fork(), inner;
    if (!child) pause(), _exit(0);
    enter(ruleset(LANDLOCK_ACCESS_FS_MAKE_FIFO));
    SHOW(ptrace(PTRACE_ATTACH, child, 0, 0));
    inner = fork();
    if (!inner) pause(), _exit(0);
    SHOW(ptrace(PTRACE_SEIZE, inner, 0, 0));
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/environ", child);
    TRY(open(path, O_RDONLY));
    snprintf(path, sizeof path, "/proc/%d/exe", inner);
    char text[100];
    TRY(readlink(path, text, 100));
    kill(child, SIGKILL), kill(inner, SIGKILL);
}

int main(void) {
    uint64_t a[2] = {ALL, 0}, zero = 0, unknown = 1ull << 60;
    MUST(mkdir("in", 0755)), MUST(mkdir("in/sub", 0755)), MUST(mkdir("in/sub/dir", 0755)), MUST(mkdir("out", 0755)), MUST(mkdir("less", 0755)), MUST(mkdir("out/d", 0755));
    put("in/file", "in"), put("out/file", "out"), put("out/one", "one"), put("in/sub/a", "a");
    put("in/m1", "1"), put("out/m2", "2"), put("in/m3", "3");
    VAL(create(NULL, 0, 1) >= 3);
    SHOW(create(NULL, 8, 1));
    SHOW(create(NULL, 8, 0));
    SHOW(create(a, 7, 0));
    SHOW(create(BAD, 8, 0));
    SHOW(create(&zero, 8, 0));
    SHOW(create(&unknown, 8, 0));
    SHOW(create(a, 4097, 0));
    int r = OK(create(a, 8, 0));
    VAL(fcntl(r, F_GETFD));
    int in = MUST(open("in", O_PATH)), file = MUST(open("in/file", O_RDONLY));
    struct landlock_path_beneath_attr rule = {READ, in};
    SHOW(add(r, 1, &rule, 1));
    SHOW(add(r, 77, &rule, 0));
    SHOW(add(99, 1, &rule, 0));
    SHOW(add(file, 1, &rule, 0));
    SHOW(add(r, 1, BAD, 0));
    SHOW(add(r, 1, &rule, 0));
    rule.allowed_access = 0;
    SHOW(add(r, 1, &rule, 0));
    rule.allowed_access = 1ull << 40;
    SHOW(add(r, 1, &rule, 0));
    rule.allowed_access = LANDLOCK_ACCESS_FS_READ_DIR, rule.parent_fd = file;
    SHOW(add(r, 1, &rule, 0));
    rule.parent_fd = r;
    SHOW(add(r, 1, &rule, 0));
    rule.parent_fd = 99;
    SHOW(add(r, 1, &rule, 0));
    in_child("readers", readers);
    in_child("movers", movers);
    in_child("runner", runner);
    in_child("deep", deep);
    in_child("tracer", tracer);
    MUST(open("out/file", O_RDWR));
    return 0;
}
