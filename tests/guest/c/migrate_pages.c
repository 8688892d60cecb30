/* migrate_pages: the errors, by whom it may be asked to go where. */
#include "t.h"
#include "container_caps.h"
#define E(old, to, max) SHOW(syscall(SYS_migrate_pages, 0, max, old, to))

int main(void) {
    as_in_container();
    unsigned long here = 1, elsewhere = 2, both = 3, nowhere = 0, far = 1UL << 63;
    E(&here, &here, 64), E(&here, &elsewhere, 64), E(&here, &both, 64), E(&here, &nowhere, 64), E(&elsewhere, &here, 64);
    E(&here, &here, 0), E(&here, &here, 1), E(&here, &here, 2), E(&here, BAD, 64), E(BAD, &here, 64), E(&here, &here, 1 << 20);
    SHOW(syscall(SYS_migrate_pages, 4194303, 64, &here, &here));
    SHOW(syscall(SYS_migrate_pages, 4194303, 64, &here, BAD));
    return 0;
}
