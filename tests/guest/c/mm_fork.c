#include "t.h"

static char *anon(int flags) { return MUST(mmap(NULL, 8192, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0)); }
static void child(const char *what, void (*f)(void)) {
    fflush(stdout);
    pid_t pid = MUST(fork());
    if (!pid) {
        f();
        fflush(stdout);
        _exit(0);
    }
    int s;
    MUST(waitpid(pid, &s, 0));
    printf("%s: status %d\n", what, WIFSIGNALED(s) ? 128 + WTERMSIG(s) : WEXITSTATUS(s));
}
static char *priv, *shared, *file, *gone, *wiped;
static void change(void) {
    strcpy(priv, "child's"), strcpy(shared, "child's"), strcpy(file, "child's");
    STR(wiped);
}
static void touch_gone(void) { VAL(gone[0]); }
static void nested(void) {
    strcpy(priv, "nested");
    child("grandchild", change);
    STR(priv), STR(shared);
    shared = mremap(shared, 8192, 4096, 0);
    char *more = mremap(shared, 0, 8192, MREMAP_MAYMOVE);
    VAL(more != MAP_FAILED);
    strcpy(more + 4096, "beyond");
    MUST(munmap(priv, 8192));
}
static void heap(void) {
    char *p = sbrk(0);
    VAL(brk(p + 100000) == 0 && p[50000] == 0);
    VAL(brk(p - 1) == 0);
}
int main(void) {
    put("f", "on disk");
    int fd = MUST(open("f", O_RDWR));
    MUST(ftruncate(fd, 4096));
    priv = anon(MAP_PRIVATE), shared = anon(MAP_SHARED), gone = anon(MAP_PRIVATE), wiped = anon(MAP_PRIVATE);
    file = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    close(fd);
    strcpy(priv, "parent's"), strcpy(shared, "parent's"), strcpy(wiped, "parent's");
    MUST(madvise(gone, 8192, MADV_DONTFORK));
    MUST(madvise(wiped, 8192, MADV_WIPEONFORK));
    child("change", change);
    STR(priv), STR(shared), STR(file), STR(wiped);
    child("touch what is not inherited", touch_gone);
    MUST(madvise(gone, 4096, MADV_DOFORK));
    child("touch what is again", touch_gone);
    child("nested", nested);
    STR(priv), STR(shared), STR(shared + 4096);
    child("heap", heap);
    show_file("f");
    /* A file that is removed and cut while it is mapped. */
    fd = MUST(open("g", O_RDWR | O_CREAT, 0600));
    MUST(ftruncate(fd, 8192));
    char *g = MUST(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    MUST(unlink("g"));
    MUST(pwrite(fd, "seen", 5, 4096));
    STR(g + 4096);
    strcpy(g, "written");
    char b[8];
    MUST(pread(fd, b, 8, 0));
    STR(b);
    MUST(ftruncate(fd, 4096));
    close(fd);
    pid_t pid = MUST(fork());
    if (!pid) return g[4096];
    int s;
    MUST(wait(&s));
    VAL(WIFSIGNALED(s) && WTERMSIG(s) == SIGBUS);
    return 0;
}
