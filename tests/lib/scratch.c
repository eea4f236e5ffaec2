#include "tests/lib/scratch.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DESCRIPTORS = 8 };

int scratch_make(char *path, size_t room, const char *name)
{
    const char *parent = getenv("KAIRN_SCRATCH");

    if (parent == NULL)
        parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    if ((size_t)snprintf(path, room, "%s/kairn-%s-XXXXXX", parent, name) >= room)
        return ENAMETOOLONG;
    return mkdtemp(path) != NULL ? 0 : errno;
}

static int remove_below(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    if (walk->level > 0)
        (void)remove(path);
    return 0;
}

void scratch_clear(const char *path)
{
    nftw(path, remove_below, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}

int scratch_remove(const char *path)
{
    scratch_clear(path);
    return rmdir(path) == 0 ? 0 : errno;
}
