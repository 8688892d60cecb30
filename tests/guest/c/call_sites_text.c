#include "t.h"
#include <sys/mman.h>
#include <sys/wait.h>

/* Code that makes calls often, and is changed, moved, dropped and copied by the program itself. */
#define PAGE 4096L
__asm__(".text\n .balign 4096\n"
        ".globl site\nsite: mov $110, %eax\n syscall\n ret\n"
        " .balign 64\n.globl generic\ngeneric: mov %edi, %eax\n syscall\n cmp $-4095, %rax\n jae 1f\n ret\n1: mov $-1, %rax\n ret\n"
        " .balign 4096\n");
extern long site(void), generic(long);
static const unsigned char SITE[] = {0xb8, 110, 0, 0, 0, 0x0f, 0x05, 0xc3};
static const unsigned char GENERIC[] = {0x89, 0xf8, 0x0f, 0x05, 0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff};

static int often(long expected) {
    int bad = 0;
    for (int i = 0; i < 300; i++) bad += site() != expected || generic(110) != getppid() || generic(999) != -1;
    return bad;
}
static void prot(int p) { MUST(mprotect((void *)site, PAGE, p)); }

int main(void) {
    long me = getppid();
    printf("%d wrong\n", often(me));
    prot(PROT_READ | PROT_WRITE | PROT_EXEC);
    printf("as it was: %d %d\n", memcmp(site, SITE, sizeof SITE), memcmp(generic, GENERIC, sizeof GENERIC));
    printf("%d wrong while writable\n", often(me));
    ((volatile unsigned char *)site)[1] = 39; /* getpid */
    printf("changed: %d\n", site() == getpid());
    prot(PROT_READ | PROT_EXEC);
    printf("%d wrong after that\n", often(getpid()));
    prot(PROT_READ | PROT_WRITE | PROT_EXEC);
    ((volatile unsigned char *)site)[1] = 110;
    prot(PROT_READ | PROT_EXEC);
    printf("%d wrong\n", often(me));
    /* a child has it too, and changes only its own */
    pid_t child = MUST(fork());
    if (!child) {
        int bad = often(getppid());
        prot(PROT_READ | PROT_WRITE | PROT_EXEC);
        ((volatile unsigned char *)site)[1] = 39;
        prot(PROT_READ | PROT_EXEC);
        _exit(bad || often(getpid()));
    }
    int status;
    MUST(waitpid(child, &status, 0));
    printf("child %d, here %d wrong\n", status, often(me));
    /* the file's own bytes come back */
    MUST(madvise((void *)site, PAGE, MADV_DONTNEED));
    printf("%d wrong after MADV_DONTNEED\n", often(me));
    /* no access, and again */
    prot(PROT_NONE);
    prot(PROT_READ | PROT_EXEC);
    printf("%d wrong after PROT_NONE\n", often(me));
    /* elsewhere */
    char *to = MUST(mmap(0, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    MUST(mremap((void *)site, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to));
    printf("moved as it was: %d\n", memcmp(to, SITE, sizeof SITE));
    long (*moved)(void) = (void *)to;
    int bad = 0;
    for (int i = 0; i < 300; i++) bad += moved() != me;
    MUST(mremap(to, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)site));
    printf("%d wrong there, %d wrong back\n", bad, often(me));
    /* something else in its place, and code again */
    MUST(mmap((void *)site, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    memcpy((void *)site, SITE, sizeof SITE);
    memcpy((char *)site + ((char *)generic - (char *)site), GENERIC, sizeof GENERIC);
    ((unsigned char *)generic)[sizeof GENERIC] = 0xc3;
    prot(PROT_READ | PROT_EXEC);
    bad = 0;
    for (int i = 0; i < 300; i++) bad += site() != me || generic(110) != me;
    printf("%d wrong in anonymous memory\n", bad);
    return 0;
}
