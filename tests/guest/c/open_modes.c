#include "t.h"

int main(void) {
    int r, w;
    char b[4];
    put("f", "abc");
    r = MUST(open("f", O_RDONLY));
    SHOW(write(r, "x", 1));
    SHOW(read(r, b, 4));
    SHOW(read(r, b, 4));
    w = MUST(open("f", O_WRONLY));
    SHOW(read(w, b, 1));
    SHOW(write(w, "zz", 2));
    show_file("f");
    int strange = OK(open("f", O_WRONLY | O_RDWR));
    SHOW(read(strange, b, 1));
    SHOW(write(strange, b, 1));
    VAL(fcntl(r, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK));
    VAL(fcntl(w, F_GETFL) & O_ACCMODE);
    SHOW(fcntl(w, F_SETFL, O_APPEND | O_NONBLOCK | O_RDWR));
    VAL((fcntl(w, F_GETFL) & (O_APPEND | O_NONBLOCK | O_ACCMODE)) == (O_APPEND | O_NONBLOCK | O_WRONLY));
    SHOW(write(w, "end", 3));
    show_file("f");
    umask(027);
    close(MUST(open("m1", O_CREAT | O_RDWR, 0777)));
    umask(0);
    close(MUST(open("m2", O_CREAT | O_RDWR, 07777)));
    show_mode("m1");
    show_mode("m2");
    return 0;
}
