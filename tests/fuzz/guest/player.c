/*
 * player PROGRAMS TRACES: plays the programs of a file, each in a process and a root directory of its own, and writes
 * what each call answered. A line of a program is an operation's name and its numbers; `program` begins the next one;
 * `fork N` lets a child do the N operations that follow.
 */
#include "player.h"

#include <ftw.h>
#include <stdarg.h>

enum { LINES = 400, ARGUMENTS = 6, PATIENCE_S = 90 };

struct told *told;
int fds[SLOTS];
char *pieces[PIECES];
long piece_size[PIECES];

static struct line {
    const struct op *op;
    int children; /* of `fork` */
    long a[ARGUMENTS];
    char text[96];
} lines[LINES];
static int count;

void tell(const char *format, ...) {
    va_list list;
    va_start(list, format);
    if (told->length < ROOM - 4096) told->length += vsnprintf(told->text + told->length, 2048, format, list);
    va_end(list);
}

void tell_bytes(const char *data, long size) {
    tell(" \"");
    for (long i = 0; i < size && i < 40; i++) tell(data[i] >= ' ' && data[i] < 127 ? "%c" : "\\%02x", data[i] & 255);
    unsigned sum = 0;
    for (long i = 0; i < size; i++) sum = sum * 31 + (data[i] & 255);
    tell("\" %ld %08x", size, sum);
}

const char *path_of(long number) {
    static const char *const paths[] = {"a",    "b",     "c",    "d",     "d/a",  "d/b",    "e",     "d/e", "d/e/a", "l",    "d/l",
                                        "./a",  "d/../b", "a/",  "l/a",   ".",    "..",     "",      "/w/a", "d/",   "e/",   "l/",
                                        "f",    "s",     "d/.",  "d/..", "e/a",  "/",       "x/y/z", "l/.", "d/e/..", "../w/d"};
    static char longest[300];
    if (number < 0) return (char *)8;
    if (number == 99) return memset(longest, 'n', 256);
    return paths[number % (sizeof paths / sizeof *paths)];
}

const char *text_of(long number) {
    static const char *const texts[] = {"user.a", "user.b", "trusted.a", "security.x", "system.x", "user.", "nothing", ""};
    return texts[number & 7];
}

long keep(long slot, long fd) {
    if (fd >= 0) fds[slot & (SLOTS - 1)] = fd;
    return fd;
}

static const struct op *find(const char *name) {
    for (const struct op *op = file_ops; op->name; op++)
        if (!strcmp(op->name, name)) return op;
    for (const struct op *op = other_ops; op->name; op++)
        if (!strcmp(op->name, name)) return op;
    return 0;
}

static void play(int from, int to) {
    for (int i = from; i < to; i++) {
        struct line *line = &lines[i];
        if (!line->op) {
            int status = 0, child = fork(), last = i + 1 + line->children < to ? i + 1 + line->children : to;
            if (!child) {
                play(i + 1, last);
                _exit(i & 127);
            }
            long result = RESULT(waitpid(child, &status, 0));
            tell("%s: %d %x\n", line->text, result == child, status);
            i = last - 1;
            continue;
        }
        tell("%s:", line->text);
        long result = line->op->run(line->a);
        if (result < 0 && result > -4096) tell(" %s\n", strerrorname_np(-result) ?: "?");
        else tell(" = %ld\n", result);
    }
}

static void on_signal(int signo) { told->signals[signo]++; }

static void begin(int number) {
    char name[32];
    snprintf(name, sizeof name, "p%d", number);
    umask(0);
    mkdir(name, 0755);
    if (chroot(name) || chdir("/")) _exit(99);
    mkdir("w", 0777);
    chdir("w");
    umask(022);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGUSR1, on_signal);
    signal(SIGUSR2, on_signal);
    alarm(PATIENCE_S);
    close_range(0, ~0u, 0);
    for (int i = 0; i < SLOTS; i++) fds[i] = -1;
}

static int drop(const char *path, const struct stat *status, int kind, struct FTW *where) { return remove(path); }

static void play_program(int number, FILE *out) {
    memset(told, 0, offsetof(struct told, text));
    fflush(out);
    int status, child = fork();
    if (!child) {
        begin(number);
        play(0, count);
        _exit(0);
    }
    waitpid(child, &status, 0);
    fprintf(out, "program\n%.*sended: %x\n", (int)told->length, told->text, status);
    char name[32];
    snprintf(name, sizeof name, "p%d", number);
    nftw(name, drop, 16, FTW_DEPTH | FTW_PHYS);
}

static void parse(char *text) {
    if (count == LINES) return;
    struct line *line = &lines[count++];
    memset(line, 0, sizeof *line);
    snprintf(line->text, sizeof line->text, "%s", text);
    char *word = strtok(text, " ");
    if (strcmp(word, "fork")) {
        line->op = find(word);
        if (!line->op) {
            fprintf(stderr, "no operation %s\n", word);
            exit(2);
        }
    }
    for (int i = 0; i < ARGUMENTS && (word = strtok(0, " ")); i++) line->a[i] = strtol(word, 0, 0);
    line->children = line->a[0];
}

int main(int argc, char **argv) {
    FILE *in = fopen(argv[1], "r"), *out = fopen(argv[2], "w");
    char text[96];
    int number = 0;
    told = mmap(0, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!in || !out || mount("fuzz", argv[3], "tmpfs", 0, "size=64m,mode=755") || chdir(argv[3])) return 2;
    while (fgets(text, sizeof text, in)) {
        text[strcspn(text, "\n")] = 0;
        if (strcmp(text, "program")) parse(text);
        else if (count) play_program(number++, out), count = 0;
    }
    if (count) play_program(number, out);
    return fclose(out);
}
