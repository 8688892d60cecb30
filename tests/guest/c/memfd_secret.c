// memfd_secret: memory that only who maps it can look at.
#include "t.h"
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/vfs.h>

int main(void) {
    int fd = syscall(447, 0);
    SHOW(syscall(447, 1)), SHOW(syscall(447, ~0));
    VAL(fcntl(MUST(syscall(447, O_CLOEXEC)), F_GETFD));
    char b[64] = "", path[64], link[64] = "";
    sprintf(path, "/proc/self/fd/%d", fd);
    MUST(readlink(path, link, 63)), puts(link);
    struct stat s;
    struct statfs f;
    MUST(fstat(fd, &s)), printf("%o %ld %ld\n", s.st_mode, (long)s.st_size, (long)s.st_nlink);
    MUST(fstatfs(fd, &f)), printf("%lx\n", (long)f.f_type);
    SHOW(read(fd, b, 1)), SHOW(write(fd, b, 1)), SHOW(pread(fd, b, 1, 0)), SHOW(pwrite(fd, b, 1, 0)), SHOW(lseek(fd, 0, SEEK_SET));
    SHOW(fallocate(fd, 0, 0, 4096)), SHOW(fsync(fd));
    char *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    VAL(p != MAP_FAILED);
    SHOW(ftruncate(fd, 8192)), SHOW(ftruncate(fd, 4096)), SHOW(ftruncate(fd, 16384));
    VAL(mmap(0, 8192, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED), puts(ename(errno));
    VAL(mmap(0, 8192, PROT_EXEC, MAP_SHARED, fd, 0) == MAP_FAILED), puts(ename(errno)), SHOW(mprotect(p, 8192, PROT_EXEC));
    strcpy(p, "secret");
    char *open_page = mmap(p - 4096, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    VAL(open_page == p - 4096);
    memset(open_page, 'o', 4096);
    struct iovec to = {b, 12}, from = {p, 6}, across = {p - 6, 12};
    SHOW(process_vm_readv(getpid(), &to, 1, &from, 1, 0)), SHOW(process_vm_readv(getpid(), &to, 1, &across, 1, 0) <= 6), SHOW(process_vm_writev(getpid(), &to, 1, &from, 1, 0));
    struct iovec there = {p + 100, 6}, here = {b, 6};
    SHOW(process_vm_readv(getpid(), &there, 1, &here, 1, 0)); // as a place of one's own it is as good as any other
    int mem = MUST(open("/proc/self/mem", O_RDWR));
    SHOW(pread(mem, b, 6, (long)p)), SHOW(pwrite(mem, b, 6, (long)p));
    int out = MUST(open("out", O_CREAT | O_RDWR, 0600));
    SHOW(write(out, p, 6)), SHOW(pread(out, p + 4096, 6, 0));
    printf("%.6s %.6s\n", p, p + 4096);
    pid_t child = MUST(fork());
    if (!child) {
        ptrace(PTRACE_TRACEME, 0, 0, 0), raise(SIGSTOP);
        p[0] = 'S'; // it is shared
        _exit(p[1] == 'e');
    }
    MUST(waitpid(child, 0, 0));
    errno = 0;
    SHOW(ptrace(PTRACE_PEEKDATA, child, p, 0)), SHOW(ptrace(PTRACE_POKEDATA, child, p, 0)), VAL(ptrace(PTRACE_PEEKDATA, child, open_page, 0) == 0x6f6f6f6f6f6f6f6f);
    MUST(ptrace(PTRACE_CONT, child, 0, 0));
    int status;
    MUST(waitpid(child, &status, 0)), VAL(WEXITSTATUS(status)), printf("%c\n", p[0]);
    FILE *maps = fopen("/proc/self/smaps", "r");
    char line[300];
    int ours = 0;
    while (fgets(line, sizeof line, maps)) {
        if (strchr(line, '-') && strchr(line, '/')) ours = strstr(line, "secretmem") != 0;
        if (ours && !strncmp(line, "VmFlags", 7)) printf("%s", line), ours = 0;
    }
    struct rlimit small = {4096, 4096};
    MUST(setrlimit(RLIMIT_MEMLOCK, &small));
    MUST(setresuid(1000, 1000, 1000));
    VAL(mmap(0, 8192, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED), puts(ename(errno));
    return 0;
}
