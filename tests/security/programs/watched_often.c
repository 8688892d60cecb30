/* One file under many numbers in one epoll list: each further one costs what the first has cost, or all take minutes. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define MANY 60000

int main(void)
{
    struct rlimit limit = {MANY + 100, MANY + 100};
    struct epoll_event event = {.events = EPOLLIN};
    alarm(100);
    if (setrlimit(RLIMIT_NOFILE, &limit))
        return perror("setrlimit"), 1;
    int list = epoll_create1(0), file = eventfd(0, 0);
    for (int i = 0; i < MANY; i++) {
        int fd = dup(file);
        if (fd < 0 || epoll_ctl(list, EPOLL_CTL_ADD, fd, &event))
            return perror("epoll_ctl"), 1;
    }
    puts("watched");
    return 0;
}
