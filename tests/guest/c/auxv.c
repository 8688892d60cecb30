#include "t.h"

int main(int argc, char **argv) {
    VAL(getauxval(AT_PAGESZ)), VAL(getauxval(AT_UID)), VAL(getauxval(AT_EUID)), VAL(getauxval(AT_SECURE)), VAL(getauxval(AT_CLKTCK));
    VAL(getauxval(AT_RANDOM) != 0), VAL(getauxval(AT_SYSINFO_EHDR) != 0), VAL(getauxval(AT_PHDR) != 0), VAL(getauxval(AT_PHNUM) > 5), VAL(getauxval(AT_ENTRY) != 0), VAL(getauxval(AT_BASE) != 0);
    STR((char *)getauxval(AT_PLATFORM));
    VAL(strstr((char *)getauxval(AT_EXECFN), "auxv") != NULL);
    VAL(getauxval(AT_MINSIGSTKSZ) > 1000);
    VAL(((unsigned long)&argc & ~0xfffUL) > (1UL << 46));
    return 0;
}
