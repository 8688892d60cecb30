/* CVE-2022-0185: parameters of a file system that is being configured, until their length wraps. Prints whether it ended in a
   refusal, and whether the file system can still be made. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
    static char value[4096];
    memset(value, 'A', 255);
    int refused = 0;
    for (int round = 0; round < 20; round++) {
        long context = syscall(SYS_fsopen, round % 2 ? "tmpfs" : "proc", 0);
        if (context < 0) return 1;
        for (int i = 0; i < 200; i++) refused += syscall(SYS_fsconfig, context, 1, "A", value, 0) < 0;
        close(context);
    }
    long context = syscall(SYS_fsopen, "tmpfs", 0);
    printf("refused: %d, still made: %d\n", refused, syscall(SYS_fsconfig, context, 6, 0, 0, 0) == 0);
    return 0;
}
