/* core-files private - what a core holds, and when there is one: notes, areas and their contents, limits, filters, statuses. */
#include "t.h"
#include <elf.h>
#include <sys/procfs.h>
#include <sys/user.h>

static char *image;
static long length;
static pid_t victim;
static char *touched, *untouched, *shared, *hidden, *mapped, *both, *sparse;

static void die(int signo) {
    kill(getpid(), signo);
    pause();
}

static void *sleeper(void *arg) {
    prctl(PR_SET_NAME, "sleeper");
    *(volatile int *)arg = gettid();
    while (1) pause();
}

static void map_all(void) {
    int fd = MUST(open("data", O_RDWR | O_CREAT | O_TRUNC, 0644));
    MUST(ftruncate(fd, 8192));
    touched = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    untouched = mmap(NULL, 20480, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    hidden = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(madvise(hidden, 12288, MADV_DONTDUMP));
    mapped = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 0);
    both = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
    sparse = mmap(NULL, 1 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    strcpy(touched, "touched"), strcpy(shared, "shared"), strcpy(hidden, "hidden"), strcpy(both, "both");
    strcpy(sparse + (1 << 29), "sparse");
    MUST(mprotect(touched, 4096, PROT_NONE));
}

/* The first segment that holds `at`. */
static Elf64_Phdr *segment(char *at) {
    Elf64_Ehdr *head = (void *)image;
    Elf64_Phdr *p = (void *)(image + head->e_phoff);
    for (int i = 0; i < head->e_phnum; i++)
        if (p[i].p_type == PT_LOAD && p[i].p_vaddr <= (long)at && (long)at < p[i].p_vaddr + p[i].p_memsz) return p + i;
    return NULL;
}

static void area(const char *name, char *at, int text) {
    Elf64_Phdr *p = segment(at);
    if (!p) {
        printf("%s: none\n", name);
        return;
    }
    long in = (long)at - p->p_vaddr;
    printf("%s: flags %d dumped %d", name, p->p_flags, in < (long)p->p_filesz);
    if (text && in < (long)p->p_filesz) printf(" %s", image + p->p_offset + in);
    printf("\n");
}

static void status(struct elf_prstatus *s, int threads) {
    struct user_regs_struct *r = (void *)&s->pr_reg;
    printf("  signal %d %d %d code %d errno %d held %lx pending %lx fp %d\n", s->pr_info.si_signo, s->pr_cursig, s->pr_info.si_signo,
           s->pr_info.si_code, s->pr_info.si_errno, s->pr_sighold, s->pr_sigpend, s->pr_fpvalid);
    printf("  pid %d ppid %d pgrp %d sid %d\n", s->pr_pid == victim, s->pr_ppid == getpid(), s->pr_pgrp == getpgrp(), s->pr_sid == getsid(0));
    if (s->pr_pid != victim || !threads)
        printf("  orig_rax %ld rax %ld cs %lx ss %lx\n", r->orig_rax, r->rax, r->cs, r->ss);
}

static void notes(int threads) {
    Elf64_Ehdr *head = (void *)image;
    Elf64_Phdr *p = (void *)(image + head->e_phoff);
    if (p->p_type != PT_NOTE) {
        printf("no notes\n");
        return;
    }
    printf("notes align %ld flags %d\n", p->p_align, p->p_flags);
    char *at = image + p->p_offset, *end = at + p->p_filesz;
    while (at < end) {
        Elf64_Nhdr *n = (void *)at;
        char *name = at + sizeof *n, *data = name + (n->n_namesz + 3) / 4 * 4;
        at = data + (n->n_descsz + 3) / 4 * 4;
        if (n->n_type == 0x205) continue; /* newer than the kernel that is compared */
        printf("%s %x", name, n->n_type);
        if (n->n_type != NT_FILE && n->n_type != NT_AUXV) printf(" %d", n->n_descsz);
        printf("\n");
        if (n->n_type == NT_PRSTATUS) status((void *)data, threads);
        if (n->n_type == NT_PRPSINFO) {
            struct elf_prpsinfo *i = (void *)data;
            printf("  %d%c%d %d uid %d gid %d pid %d ppid %d pgrp %d sid %d %s: %s.\n", i->pr_state, i->pr_sname, i->pr_zomb, i->pr_nice,
                   i->pr_uid, i->pr_gid, i->pr_pid == victim, i->pr_ppid == getpid(), i->pr_pgrp == getpgrp(),
                   i->pr_sid == getsid(0), i->pr_fname, strchr(i->pr_psargs, ' '));
        }
        if (n->n_type == NT_SIGINFO) {
            siginfo_t *i = (void *)data;
            printf("  signo %d errno %d code %d addr %lx\n", i->si_signo, i->si_errno, i->si_code, i->si_code > 0 ? (long)i->si_addr : 0);
        }
        if (n->n_type == NT_AUXV) {
            Elf64_auxv_t *a = (void *)data;
            for (; a->a_type; a++)
                if (a->a_type == AT_PAGESZ || a->a_type == AT_UID || a->a_type == AT_PHENT) printf("  %ld %ld\n", a->a_type, a->a_un.a_val);
            printf("  ends %d\n", (char *)(a + 1) == data + n->n_descsz);
        }
        if (n->n_type == NT_FILE) {
            long *w = (void *)data, count = w[0];
            char *file = data + 16 + 24 * count;
            printf("  page %ld\n", w[1]);
            for (int i = 0; i < count; i++, file += strlen(file) + 1)
                if (strstr(file, "/data")) printf("  %ld bytes at %ld of data\n", w[3 + 3 * i] - w[2 + 3 * i], w[4 + 3 * i]);
        }
    }
}

static void look(int threads, int detail) {
    struct stat s;
    int fd = open("core", O_RDONLY);
    if (fd < 0) {
        printf("no core: %s\n", ename(errno));
        return;
    }
    fstat(fd, &s);
    printf("mode %o uid %d gid %d links %ld", s.st_mode, s.st_uid, s.st_gid, s.st_nlink);
    printf(" sparse %d\n", S_ISREG(s.st_mode) && s.st_size > 1 << 28 && s.st_blocks * 512 < s.st_size / 2);
    if (!S_ISREG(s.st_mode)) {
        close(fd);
        return;
    }
    length = s.st_size;
    image = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (!detail) {
        printf("within its limit %d\n", length <= 4096);
        return;
    }
    Elf64_Ehdr *h = (void *)image;
    printf("%.3s class %d data %d version %d abi %d type %d machine %d %d entry %ld sections %ld flags %d sizes %d %d %d %d %d\n", h->e_ident + 1,
           h->e_ident[4], h->e_ident[5], h->e_ident[6], h->e_ident[7], h->e_type, h->e_machine, h->e_version, h->e_entry, h->e_shoff, h->e_flags,
           h->e_ehsize, h->e_phentsize, h->e_shentsize, h->e_shnum, h->e_shstrndx);
    if (detail > 1) notes(threads);
    Elf64_Phdr *p = (void *)(image + h->e_phoff), *last = p + h->e_phnum - 1;
    printf("first page-aligned %d, whole %d\n", p[1].p_offset % 4096 == 0 && p[1].p_align == 4096, last->p_offset + last->p_filesz == length);
    area("touched", touched, 1), area("untouched", untouched, 0), area("shared", shared, 1), area("hidden", hidden, 1);
    area("mapped", mapped, 0), area("both", both, 1), area("sparse", sparse + (1 << 29), 1), area("code", (char *)look, 0);
    area("data", (char *)&victim, 0), area("vdso", (char *)getauxval(AT_SYSINFO_EHDR), 0);
    area("stack", (char *)&h, 0);
    munmap(image, length);
}

struct how {
    int signo, threads;
    long limit;
    const char *filter;
    int undumpable, fault;
};

static void run(const char *title, struct how w, int detail) {
    printf("--- %s\n", title);
    unlink("core");
    if (!(victim = fork())) {
        static volatile int tid;
        struct rlimit l = {w.limit, RLIM_INFINITY};
        setrlimit(RLIMIT_CORE, &l);
        if (w.undumpable) prctl(PR_SET_DUMPABLE, 0);
        if (w.filter) put("/proc/self/coredump_filter", w.filter);
        pthread_t t;
        if (w.threads) {
            pthread_create(&t, NULL, sleeper, (void *)&tid);
            while (!tid) sched_yield();
            char state[200] = "";
            for (int i = 0; i < 100000 && !strstr(state, "S (sleeping)"); i++) {
                char path[64];
                sprintf(path, "/proc/self/task/%d/status", tid);
                FILE *f = fopen(path, "r");
                for (int n = 0; f && n < 3 && fgets(state, 200, f); n++);
                if (f) fclose(f);
                else break;
                sched_yield();
            }
        }
        if (w.fault) *(volatile int *)0x10 = 1;
        sigset_t set;
        sigemptyset(&set), sigaddset(&set, SIGUSR2), sigprocmask(SIG_BLOCK, &set, NULL), raise(SIGUSR2);
        die(w.signo);
    }
    int s = 0;
    siginfo_t i = {0};
    MUST(waitid(P_PID, victim, &i, WEXITED | WNOWAIT));
    MUST(waitpid(victim, &s, 0));
    printf("signal %d core %d; code %d status %d\n", WTERMSIG(s), !!WCOREDUMP(s), i.si_code, i.si_status);
    look(w.threads, detail);
    struct stat st;
    if (!stat("core", &st)) unlink("core");
}

int main(void) {
    struct how w = {SIGQUIT, 0, RLIM_INFINITY};
    map_all();
    int signals[] = {SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS, SIGTERM, SIGKILL, SIGIO};
    run("one thread", w, 2);
    for (int i = 0; i < 13; i++) w.signo = signals[i], run(strsignal(signals[i]), w, 1);
    run("a fault", (struct how){0, 0, RLIM_INFINITY, NULL, 0, 1}, 2);
    run("two threads", (struct how){SIGABRT, 1, RLIM_INFINITY}, 2);
    const char *filters[] = {"0", "1", "2", "3", "4", "8", "0x10", "0x13", "0x1f", "0x33", "0xff"};
    for (int i = 0; i < 11; i++) run(filters[i], (struct how){SIGQUIT, 0, RLIM_INFINITY, filters[i]}, 1);
    run("no limit at all", (struct how){SIGQUIT, 0, 0}, 1);
    run("limit of a byte", (struct how){SIGQUIT, 0, 1}, 1);
    run("less than a page", (struct how){SIGQUIT, 0, 4095}, 1);
    run("a page", (struct how){SIGQUIT, 0, 4096}, 0);
    run("not dumpable", (struct how){SIGQUIT, 0, RLIM_INFINITY, NULL, 1}, 1);
    mkdir("core", 0700);
    run("a directory in its place", w = (struct how){SIGQUIT, 0, RLIM_INFINITY}, 1);
    rmdir("core");
    put("other", "other");
    symlink("other", "core");
    run("a link in its place", w, 1);
    show_file("other");
    umask(0277);
    run("no bits", w, 1);
    umask(022);
    return 0;
}
