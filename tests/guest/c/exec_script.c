#include "t.h"

int main(void) {
    put("s.sh", "#!/bin/sh -e\necho \"script $# $1 $2\"\nexit 4\n");
    put("env.sh", "#!/usr/bin/env sh\necho env $0 $1\n");
    put("crlf", "#!/bin/sh \t -x  y \n");
    put("inner", "#!./s.sh inner-arg\n");
    chmod("s.sh", 0755), chmod("env.sh", 0755), chmod("inner", 0755), chmod("crlf", 0755);
    for (char *f[] = {"./s.sh", "./env.sh", "./inner", NULL}, **i = f; *i; i++) {
        pid_t c = fork();
        if (c == 0) {
            execl(*i, "zero", "first", "second", NULL);
            perror("exec");
            _exit(99);
        }
        reap(c);
    }
    return 0;
}
