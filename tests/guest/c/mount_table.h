#include "t.h"
#include <sys/mount.h>

/* Lines of mountinfo below `top`: place, options, propagation, type, super options; group numbers by order. */
static void table_of(FILE *f, const char *top) {
    static int known[64], count;
    char line[4096];
    while (fgets(line, sizeof line, f)) {
        char root[512], place[512], options[512], rest[2048];
        int id, parent, major, minor, end;
        if (sscanf(line, "%d %d %d:%d %511s %511s %511s %n", &id, &parent, &major, &minor, root, place, options, &end) < 7) continue;
        if (strncmp(place, top, strlen(top))) continue;
        printf("  %s %s [%s]", place, options, root);
        for (char *w = strtok(line + end, " \n"); w; w = strtok(NULL, " \n")) {
            char *colon = strchr(w, ':');
            if (colon && (!strncmp(w, "shared:", 7) || !strncmp(w, "master:", 7))) {
                int n = atoi(colon + 1), i;
                for (i = 0; i < count && known[i] != n; i++);
                if (i == count) known[count++] = n;
                printf(" %.*s:%d", (int)(colon - w), w, i);
            } else
                printf(" %s", w);
        }
        printf("\n");
    }
}
