#include "t.h"

extern char **environ;
static void try(const char *path, char **argv) {
    execve(path, argv, environ);
    printf("%s: %s\n", path > (char *)4096 ? path : "bad", ename(errno));
}
int main(void) {
    char *a[] = {"x", NULL}, *big = malloc(3 << 20);
    put("text", "hello\n"), put("empty", ""), put("noexec", "#!/bin/sh\n");
    put("nointerp", "#!/none/such\n"), put("loop1", "#!loop2\n"), put("loop2", "#!loop1\n");
    put("elf", "\177ELF\2\1\1garbage"), put("bare", "#!\n"), put("blank", "#!   \n");
    MUST(mkdir("d", 0755));
    for (char *f[] = {"text", "empty", "nointerp", "loop1", "loop2", "elf", "bare", "blank", NULL}, **i = f; *i; i++)
        chmod(*i, 0755);
    try("none", a), try("text", a), try("empty", a), try("noexec", a), try("nointerp", a), try("loop1", a);
    try("elf", a), try("bare", a), try("blank", a), try("d", a), try("text/x", a), try("", a), try(BAD, a);
    try("/bin/true", (char **)8);
    memset(big, 'x', 3 << 20), big[(3 << 20) - 1] = 0;
    char *huge[] = {"x", big, NULL};
    try("/bin/true", huge);
    char **many = calloc(400002, sizeof *many);
    for (int i = 0; i < 400000; i++) many[i] = "argument";
    try("/bin/true", many);
    symlink("/bin/true", "link");
    if (fork() == 0) try("link", a);
    wait(NULL);
    SHOW(execveat(AT_FDCWD, "link", a, environ, AT_SYMLINK_NOFOLLOW));
    SHOW(execveat(99, "x", a, environ, 0));
    SHOW(execveat(AT_FDCWD, "text", a, environ, 0x4000000));
    int fd = MUST(open("/bin/true", O_PATH | O_CLOEXEC));
    pid_t c = fork();
    if (c == 0) execveat(fd, "", a, environ, AT_EMPTY_PATH);
    reap(c);
    c = fork();
    if (c == 0) {
        char *none[] = {NULL};
        execve("/bin/true", none, environ);
    }
    reap(c);
    return 0;
}
