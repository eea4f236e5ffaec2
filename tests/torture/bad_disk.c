#include "tests/torture/bad_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>

static _Atomic bool armed, lasts;
static _Atomic int kind_now;
static atomic_long left, failed;

void bad_disk_fail_at(enum bad_disk_kind kind, long n, bool lasting)
{
    kind_now = (int)kind;
    left = n;
    failed = 0;
    lasts = lasting;
    armed = true;
}

void bad_disk_pause(bool paused)
{
    armed = !paused;
}

long bad_disk_heal(void)
{
    armed = false;
    return failed;
}

static bool fails(enum bad_disk_kind kind, int code)
{
    if (!armed || kind_now != (int)kind)
        return false;
    long before = atomic_fetch_sub(&left, 1);
    if (before > 1 || (before < 1 && !lasts))
        return false;
    atomic_fetch_add(&failed, 1);
    errno = code;
    return true;
}

static int bad_open(const struct io *io, const char *path, int flags, mode_t mode)
{
    if (fails(BAD_DISK_NAMES, EIO) || ((flags & O_CREAT) != 0 && fails(BAD_DISK_FULL, ENOSPC)))
        return -1;
    return io_system.open(io, path, flags, mode);
}

static ssize_t bad_pread(const struct io *io, int fd, void *to, size_t size, off_t position)
{
    return fails(BAD_DISK_READS, EIO) ? -1 : io_system.pread(io, fd, to, size, position);
}

static ssize_t bad_pwritev(const struct io *io, int fd, const struct iovec *from, int count,
                           off_t position)
{
    if (fails(BAD_DISK_WRITES, EIO) || fails(BAD_DISK_FULL, ENOSPC))
        return -1;
    return io_system.pwritev(io, fd, from, count, position);
}

static int bad_truncate(const struct io *io, int fd, off_t size)
{
    return fails(BAD_DISK_NAMES, EIO) ? -1 : io_system.truncate(io, fd, size);
}

static int bad_sync(const struct io *io, int fd)
{
    (void)io;
    (void)fd;
    return fails(BAD_DISK_SYNCS, EIO) ? -1 : 0;
}

static int bad_sync_directory(const struct io *io, const char *path)
{
    (void)io;
    (void)path;
    return fails(BAD_DISK_SYNCS, EIO) ? -1 : 0;
}

static int bad_rename(const struct io *io, const char *from, const char *to)
{
    return fails(BAD_DISK_NAMES, EIO) ? -1 : io_system.rename(io, from, to);
}

static int bad_unlink(const struct io *io, const char *path)
{
    return fails(BAD_DISK_NAMES, EIO) ? -1 : io_system.unlink(io, path);
}

static int bad_mkdir(const struct io *io, const char *path, mode_t mode)
{
    if (fails(BAD_DISK_NAMES, EIO) || fails(BAD_DISK_FULL, ENOSPC))
        return -1;
    return io_system.mkdir(io, path, mode);
}

const struct io *bad_disk(void)
{
    static struct io io;

    io = io_system;
    io.open = bad_open;
    io.pread = bad_pread;
    io.pwritev = bad_pwritev;
    io.truncate = bad_truncate;
    io.sync = io.sync_filesystem = bad_sync;
    io.sync_directory = bad_sync_directory;
    io.rename = bad_rename;
    io.unlink = bad_unlink;
    io.mkdir = bad_mkdir;
    return &io;
}
