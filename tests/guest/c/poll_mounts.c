// Waiting for changes of the table of mounts: poll, select and epoll of /proc/self/mountinfo and mounts (mounts_poll).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int fd;

static void look(const char *when) {
    struct pollfd p = {fd, POLLIN | POLLPRI, 0};
    int n = poll(&p, 1, 0);
    printf("%s: %d %x\n", when, n, p.revents);
}

static void nested(void) {
    int inner = epoll_create1(0), outer = epoll_create1(0), f = open("/proc/self/mountinfo", O_RDONLY);
    struct epoll_event e = {EPOLLIN | EPOLLET, {0}}, got[4];
    printf("add %d\n", epoll_ctl(inner, EPOLL_CTL_ADD, f, &e));
    e.events = EPOLLIN;
    epoll_ctl(outer, EPOLL_CTL_ADD, inner, &e);
    printf("first: outer %d, inner %d, again %d\n", epoll_wait(outer, got, 4, 0), epoll_wait(inner, got, 4, 0), epoll_wait(outer, got, 4, 0));
    mount("none", "/tmp", "tmpfs", 0, NULL);
    printf("mount: outer %d, inner %d", epoll_wait(outer, got, 4, 0), epoll_wait(inner, got, 4, 0));
    printf(", again %d\n", epoll_wait(outer, got, 4, 0));
    umount("/tmp");
    printf("umount: outer %d, inner %d", epoll_wait(outer, got, 4, 0), epoll_wait(inner, got, 4, 0));
    printf(", again %d\n", epoll_wait(outer, got, 4, 0));
    close(inner), close(outer), close(f);
}

int main(void) {
    setvbuf(stdout, NULL, _IONBF, 0);
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
        return puts("unshare"), 1;
    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
    static const char *const files[] = {"/proc/self/mountinfo", "/proc/self/mounts", "/proc/mounts"};
    for (int i = 0; i < 3; i++) {
        fd = open(files[i], O_RDONLY);
        look(files[i]);
        mount("none", "/tmp", "tmpfs", 0, NULL);
        look("mount");
        look("again");
        mount("none", "/tmp", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL);
        look("remount");
        mount("/tmp", "/tmp", NULL, MS_BIND, NULL);
        look("bind");
        umount("/tmp");
        umount("/tmp");
        look("umount twice");
        look("again");
        if (fork() == 0) {
            unshare(CLONE_NEWNS);
            mount("none", "/tmp", "tmpfs", 0, NULL);
            _exit(0);
        }
        wait(NULL);
        look("in another namespace");
        close(fd);
    }
    fd = open("/proc/self/mountinfo", O_RDONLY);
    if (fork() == 0) {
        mount("none", "/tmp", "tmpfs", 0, NULL);
        _exit(0);
    }
    struct pollfd p = {fd, POLLPRI, 0};
    printf("waited: %d", poll(&p, 1, 20000));
    printf(" %x\n", p.revents);
    wait(NULL);
    umount("/tmp");
    fd_set except;
    FD_ZERO(&except);
    FD_SET(fd, &except);
    struct timeval now = {0, 0};
    printf("select: %d\n", select(fd + 1, NULL, NULL, &except, &now));
    int ep = epoll_create1(0);
    struct epoll_event e = {EPOLLPRI, {0}}, got[4];
    printf("add %d\n", epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
    printf("epoll: %d", epoll_wait(ep, got, 4, 0));
    mount("none", "/tmp", "tmpfs", 0, NULL);
    printf(" %d", epoll_wait(ep, got, 4, 0));
    printf(" %x", got[0].events);
    printf(" %d\n", epoll_wait(ep, got, 4, 0));
    umount("/tmp");
    nested();
    fd = open("/proc/self/mountstats", O_RDONLY);
    printf("mountstats: %d %s\n", epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), strerror(errno));
    return 0;
}
