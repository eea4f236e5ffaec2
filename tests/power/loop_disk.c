#include "tests/power/loop_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/lib/scratch.h"

enum { NO_LOG_FLUSH = 2, PAGE = 4096 };

#define SHUTDOWN _IOR('X', 125, uint32_t)       /* FS_IOC_SHUTDOWN, as <linux/fs.h> has it */

/* --- pushing some of what is dirty ------------------------------------------------------------ */

/* Some pages of every file that is open, and sometimes the journal with what it knows by then. */
static void push_some(struct loop_disk *disk)
{
    if (rand_below(disk->rand, 3) == 0)
        return;
    for (int fd = 0; fd < LOOP_FILES_MAX; fd++) {
        struct stat status;
        if (!disk->open[fd] || rand_below(disk->rand, 2) == 0 || fstat(fd, &status) != 0)
            continue;
        for (off_t at = 0; at < status.st_size; at += PAGE)
            if (rand_below(disk->rand, 2) == 0)
                (void)sync_file_range(fd, at, PAGE, SYNC_FILE_RANGE_WRITE |
                                                        SYNC_FILE_RANGE_WAIT_AFTER);
    }
    if (rand_below(disk->rand, 2) == 0)
        return;
    char path[256];
    snprintf(path, sizeof path, "%s/unrelated", disk->path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd >= 0 && write(fd, "x", 1) == 1)
        (void)fsync(fd);
    if (fd >= 0)
        close(fd);
}

int loop_disk_shut_down(const char *path)
{
    uint32_t how = NO_LOG_FLUSH;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = fd < 0 || ioctl(fd, SHUTDOWN, &how) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return error;
}

int loop_disk_cut(struct loop_disk *disk)
{
    if (disk->dead)
        return 0;
    push_some(disk);
    disk->dead = true;
    return loop_disk_shut_down(disk->path);
}

/* --- the table -------------------------------------------------------------------------------- */

/* Count a call that changes something; true when there is no power for it. */
static bool lost(const struct io *io)
{
    struct loop_disk *disk = (struct loop_disk *)io;
    disk->calls++;
    if (disk->cut_at > 0 && disk->calls >= disk->cut_at)
        (void)loop_disk_cut(disk);
    errno = EIO;
    return disk->dead;
}

static int loop_open(const struct io *io, const char *path, int flags, mode_t mode)
{
    if (lost(io))
        return -1;
    int fd = io_system.open(io, path, flags, mode);
    if (fd >= 0 && fd < LOOP_FILES_MAX)
        ((struct loop_disk *)io)->open[fd] = true;
    return fd;
}

static int loop_close(const struct io *io, int fd)
{
    if (fd < LOOP_FILES_MAX)
        ((struct loop_disk *)io)->open[fd] = false;
    return io_system.close(io, fd);
}

static ssize_t loop_pwritev(const struct io *io, int fd, const struct iovec *from, int count,
                            off_t position)
{
    struct loop_disk *disk = (struct loop_disk *)io;
    /* In the middle of the write: it may be in the page cache when some pages are pushed. */
    bool at_cut = !disk->dead && disk->cut_at > 0 && disk->calls + 1 >= disk->cut_at;
    ssize_t done = at_cut ? io_system.pwritev(io, fd, from, count, position) : 0;
    if (lost(io))
        return -1;
    return at_cut ? done : io_system.pwritev(io, fd, from, count, position);
}

static int loop_truncate(const struct io *io, int fd, off_t size)
{
    return lost(io) ? -1 : io_system.truncate(io, fd, size);
}

static int loop_reserve(const struct io *io, int fd, off_t size)
{
    return lost(io) ? -1 : io_system.reserve(io, fd, size);
}

static int loop_sync(const struct io *io, int fd)
{
    return lost(io) ? -1 : io_system.sync(io, fd);
}

static int loop_rename(const struct io *io, const char *from, const char *to)
{
    return lost(io) ? -1 : io_system.rename(io, from, to);
}

static int loop_unlink(const struct io *io, const char *path)
{
    return lost(io) ? -1 : io_system.unlink(io, path);
}

static int loop_mkdir(const struct io *io, const char *path, mode_t mode)
{
    return lost(io) ? -1 : io_system.mkdir(io, path, mode);
}

static int loop_rmdir(const struct io *io, const char *path)
{
    return lost(io) ? -1 : io_system.rmdir(io, path);
}

static int loop_sync_directory(const struct io *io, const char *path)
{
    return lost(io) ? -1 : io_system.sync_directory(io, path);
}

static int loop_sync_filesystem(const struct io *io, int fd)
{
    return lost(io) ? -1 : io_system.sync_filesystem(io, fd);
}

/* The machine would have started again. */
static void loop_life(const struct io *io, const char *path, char out[IO_LIFE_SIZE])
{
    (void)path;
    snprintf(out, IO_LIFE_SIZE, "life %d", ((const struct loop_disk *)io)->life);
}

/* It starts again after whatever happened to it. */
static int loop_end_life(const struct io *io, const char *path)
{
    (void)io, (void)path;
    return 0;
}

static void fill_table(struct io *table)
{
    *table = io_system;
    table->open = loop_open;
    table->close = loop_close;
    table->pwritev = loop_pwritev;
    table->truncate = loop_truncate;
    table->reserve = loop_reserve;
    table->sync = loop_sync;
    table->rename = loop_rename;
    table->unlink = loop_unlink;
    table->mkdir = loop_mkdir;
    table->rmdir = loop_rmdir;
    table->sync_directory = loop_sync_directory;
    table->sync_filesystem = loop_sync_filesystem;
    table->life = loop_life;
    table->end_life = loop_end_life;
}

/* --- lives ------------------------------------------------------------------------------------ */

static int attach(const struct loop_disk *disk)
{
    return mount(disk->device, disk->path, "ext4", MS_NOATIME, "") != 0 ? errno : 0;
}

int loop_disk_init(struct loop_disk *disk, const char *device, const char *path,
                   struct rand *rand)
{
    memset(disk, 0, sizeof *disk);
    fill_table(&disk->io);
    disk->device = device;
    disk->path = path;
    disk->rand = rand;
    return attach(disk);
}

void loop_disk_fini(struct loop_disk *disk)
{
    (void)umount2(disk->path, 0);
}

void loop_disk_cut_at(struct loop_disk *disk, long calls)
{
    disk->cut_at = disk->calls + calls;
}

int loop_disk_restart(struct loop_disk *disk)
{
    if (umount2(disk->path, 0) != 0)
        return errno;
    disk->dead = false;
    disk->cut_at = 0;
    disk->life++;
    return attach(disk);
}

void loop_disk_clear(struct loop_disk *disk)
{
    scratch_clear(disk->path);
    int fd = open(disk->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)syncfs(fd);
        close(fd);
    }
}
