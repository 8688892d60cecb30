/* Writing a file of a control group: what write(2) returns, with its error. */
#ifndef CGROUP_FILES_H
#define CGROUP_FILES_H
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static inline int put(const char *file, const char *text) {
    int fd = open(file, O_WRONLY);
    if (fd < 0) return -1;
    int n = write(fd, text, strlen(text)), error = errno;
    close(fd);
    errno = error;
    return n;
}
#endif
