#include "t.h"
#include <elf.h>

/* Programs that no linker made: each is written, executed, and its end printed. */
static void run(const char *what, const void *data, size_t n) {
    int fd = MUST(open("prog", O_WRONLY | O_CREAT | O_TRUNC, 0755));
    MUST(write(fd, data, n));
    close(fd);
    fflush(stdout);
    pid_t pid = MUST(fork());
    if (!pid) {
        execl("./prog", "prog", NULL);
        int e = errno;
        printf("%s: %s\n", what, ename(e));
        fflush(stdout);
        _exit(0);
    }
    int s;
    MUST(waitpid(pid, &s, 0));
    if (WIFSIGNALED(s)) printf("%s: signal %d\n", what, WTERMSIG(s));
    else if (WEXITSTATUS(s)) printf("%s: exit %d\n", what, WEXITSTATUS(s));
}
static struct { Elf64_Ehdr e; Elf64_Phdr p[4]; char code[64], interp[64]; } f;
#define BASE 0x400000
static void fresh(void) {
    static const char code[] = "\xb8\x3c\0\0\0\xbf\x2a\0\0\0\x0f\x05"; /* exit(42) */
    memset(&f, 0, sizeof f);
    memcpy(f.e.e_ident, "\177ELF\2\1\1", 7);
    f.e.e_type = ET_EXEC, f.e.e_machine = EM_X86_64, f.e.e_version = 1;
    f.e.e_entry = BASE + offsetof(typeof(f), code), f.e.e_phoff = offsetof(typeof(f), p);
    f.e.e_ehsize = 64, f.e.e_phentsize = 56, f.e.e_phnum = 1;
    f.p[0] = (Elf64_Phdr){PT_LOAD, PF_R | PF_X, 0, BASE, BASE, sizeof f, sizeof f, 4096};
    memcpy(f.code, code, sizeof code);
}
#define TRY(what, ...) do { fresh(); __VA_ARGS__; run(what, &f, sizeof f); } while (0)
int main(void) {
    TRY("good", );
    TRY("pie", f.e.e_type = ET_DYN, f.p[0].p_vaddr = 0, f.e.e_entry -= BASE);
    TRY("class", f.e.e_ident[4] = 1);
    TRY("machine", f.e.e_machine = EM_AARCH64);
    TRY("type", f.e.e_type = ET_CORE);
    TRY("phentsize", f.e.e_phentsize = 55);
    TRY("no headers", f.e.e_phnum = 0);
    TRY("many headers", f.e.e_phnum = 65535);
    TRY("headers beyond the end", f.e.e_phoff = 1 << 20);
    TRY("headers wrap", f.e.e_phoff = -32);
    TRY("nothing to load", f.p[0].p_type = PT_NOTE);
    TRY("offset unlike address", f.p[0].p_offset = 8);
    TRY("filesz above memsz", f.p[0].p_memsz = 1);
    TRY("memsz wraps", f.p[0].p_memsz = -1);
    TRY("address wraps", f.p[0].p_vaddr = -4096);
    TRY("kernel address", f.p[0].p_vaddr = 1UL << 47);
    TRY("entry nowhere", f.e.e_entry = 0x10000);
    TRY("entry beyond", f.e.e_entry = 1UL << 63);
    TRY("not executable", f.p[0].p_flags = PF_R);
    TRY("huge bss", f.p[0].p_flags = 7, f.p[0].p_memsz = 1UL << 46);
    TRY("bss", f.p[0].p_flags = 7, f.p[0].p_memsz = 1 << 20);
    TRY("overlapping", f.e.e_phnum = 2, f.p[1] = f.p[0]);
    TRY("overlapping later page", f.e.e_phnum = 2, f.p[1] = f.p[0], f.p[1].p_offset = 4096, f.p[1].p_filesz = f.p[1].p_memsz = 8);
    TRY("interpreter missing", f.e.e_phnum = 2, strcpy(f.interp, "/nowhere"),
        f.p[1] = (Elf64_Phdr){PT_INTERP, PF_R, offsetof(typeof(f), interp), 0, 0, 9, 9, 1});
    TRY("interpreter unterminated", f.e.e_phnum = 2, strcpy(f.interp, "/nowhere"),
        f.p[1] = (Elf64_Phdr){PT_INTERP, PF_R, offsetof(typeof(f), interp), 0, 0, 8, 8, 1});
    TRY("interpreter empty", f.e.e_phnum = 2, f.p[1] = (Elf64_Phdr){PT_INTERP, PF_R, offsetof(typeof(f), interp), 0, 0, 2, 2, 1});
    TRY("interpreter too long", f.e.e_phnum = 2, f.p[1] = (Elf64_Phdr){PT_INTERP, PF_R, 0, 0, 0, 5000, 5000, 1});
    TRY("interpreter is a directory", f.e.e_phnum = 2, strcpy(f.interp, "/usr"),
        f.p[1] = (Elf64_Phdr){PT_INTERP, PF_R, offsetof(typeof(f), interp), 0, 0, 5, 5, 1});
    TRY("interpreter is text", f.e.e_phnum = 2, strcpy(f.interp, "/etc/passwd"), chmod("t", 0755),
        f.p[1] = (Elf64_Phdr){PT_INTERP, PF_R, offsetof(typeof(f), interp), 0, 0, 12, 12, 1});
    fresh();
    for (int n = 0; n <= 64; n += 16) run("truncated", &f, n);
    run("truncated headers", &f, 100);
    run("text", "hello\n", 6);
    run("empty", "", 0);
    /* A file that ends inside its data: the page is there, and what follows in it is zero. */
    fresh();
    f.p[0].p_filesz = f.p[0].p_memsz = 8192;
    run("data beyond the end", &f, sizeof f);
    f.p[0].p_flags = 7, f.p[0].p_filesz = 8190;
    run("zeroing beyond the end", &f, sizeof f);
    return 0;
}
