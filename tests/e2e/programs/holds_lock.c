// Says that it asks for a flock of the file that is named, and that it has it, and waits for ever.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

int main(int count, char **words) {
    int fd = count > 1 ? open(words[1], O_RDWR) : -1;
    if (fd < 0 || write(1, "asks\n", 5) != 5 || flock(fd, LOCK_EX) != 0 || write(1, "held\n", 5) != 5)
        return 1;
    for (;;)
        pause();
}
