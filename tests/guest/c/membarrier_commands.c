/* membarrier(2): each command, with flags and processors, before and after its registration. */
#include "t.h"
#define M(command, flags, cpu) syscall(SYS_membarrier, command, flags, cpu)
int main(void) {
    alarm(10);
    printf("%#lx\n", M(0, 0, 0) & ~0x180); /* without those of restartable sequences */
    int commands[] = {1, 2, 8, 32, 512, 4, 16, 64, 1024, 3, -1, 0x40000000};
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < sizeof commands / sizeof *commands; i++) {
            printf("%d: ", commands[i]);
            SHOW(M(commands[i], 0, 0));
            SHOW(M(commands[i], 1, 0));
            SHOW(M(commands[i], 1, 99999));
            SHOW(M(commands[i], 1, -1));
            SHOW(M(commands[i], 2, 0));
            SHOW(M(512, 0, 0));
        }
    SHOW(M(0, 1, 0));
    pid_t p = fork();
    if (!p) {
        SHOW(M(512, 0, 0)), SHOW(M(8, 0, 0)), SHOW(M(32, 0, 0));
        _exit(0);
    }
    reap(p);
    return 0;
}
