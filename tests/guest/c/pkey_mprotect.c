#include "t.h"
static sigjmp_buf out;
static void caught(int s) { siglongjmp(out, 1); }

int main(void) {
    char *m = MUST((char *)mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SHOW(syscall(SYS_pkey_mprotect, m, 4096, PROT_READ, -1));
    handle(SIGSEGV, caught, 0);
    if (!sigsetjmp(out, 1)) m[0] = 1;
    else printf("not to be written\n");
    SHOW(syscall(SYS_pkey_mprotect, m, 8192, PROT_READ | PROT_WRITE, -1));
    m[0] = 1;
    SHOW(syscall(SYS_pkey_mprotect, m, 4096, PROT_READ, 77));
    SHOW(syscall(SYS_pkey_mprotect, m + 1, 4096, PROT_READ, -1));
    SHOW(syscall(SYS_pkey_mprotect, m, 4096, 0x100, -1));
    SHOW(syscall(SYS_pkey_mprotect, m, 0, PROT_READ, -1));
    MUST(munmap(m, 4096));
    SHOW(syscall(SYS_pkey_mprotect, m, 8192, PROT_READ, -1));
    return 0;
}
