#include "t.h"

int main(void) {
    char name[32];
    MUST(mkdir("d", 0755));
    for (int i = 0; i < 300; i++) {
        sprintf(name, "d/f%03d", i);
        put(name, "");
    }
    DIR *dir = opendir("d");
    struct dirent *e;
    int seen = 0, removed = 0;
    while ((e = readdir(dir))) {
        if (e->d_name[0] == '.') continue;
        seen++;
        sprintf(name, "d/%s", e->d_name);
        if (unlink(name) == 0) removed++;
    }
    VAL(seen);
    VAL(removed);
    rewinddir(dir);
    seen = 0;
    while ((e = readdir(dir))) seen++;
    VAL(seen);
    closedir(dir);
    SHOW(rmdir("d"));
    return 0;
}
