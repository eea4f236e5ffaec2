/* cut - the power of a file system goes: what it has not written is lost, and nothing can be
 * written any more until it is mounted again.
 *
 *   cut MOUNT-POINT */
#include <stdio.h>
#include <string.h>

#include "tests/power/loop_disk.h"

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: cut MOUNT-POINT\n", stderr);
        return 2;
    }
    int error = loop_disk_shut_down(argv[1]);
    if (error != 0)
        fprintf(stderr, "cut: %s: %s\n", argv[1], strerror(error));
    return error != 0;
}
