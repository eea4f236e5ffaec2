#include "tests/server/lib/slow_disk.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_S = 10 };

/* Count, and wait while held. True when it must fail. */
static bool enter(struct slow_disk *disk, int *counter)
{
    pthread_mutex_lock(&disk->lock);
    (*counter)++;
    disk->waiting++;
    pthread_cond_broadcast(&disk->changed);
    while (disk->held)
        pthread_cond_wait(&disk->changed, &disk->lock);
    disk->waiting--;
    bool broken = disk->broken;
    pthread_mutex_unlock(&disk->lock);
    errno = EIO;
    return broken;
}

static bool is_log(int fd)
{
    char link[64], path[4096];

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path);
    return size > 4 && memcmp(path + size - 4, ".log", 4) == 0;
}

static int slow_sync(const struct io *io, int fd)
{
    struct slow_disk *disk = (struct slow_disk *)io;

    if (!is_log(fd))
        return io_system.sync(io, fd);
    return enter(disk, &disk->files) ? -1 : io_system.sync(io, fd);
}

/* The whole file system is not ours to wait for. */
static int slow_sync_filesystem(const struct io *io, int fd)
{
    struct slow_disk *disk = (struct slow_disk *)io;

    (void)fd;
    return enter(disk, &disk->filesystems) ? -1 : 0;
}

void slow_disk_init(struct slow_disk *disk)
{
    *disk = (struct slow_disk){ .io = io_system };
    disk->io.sync = slow_sync;
    disk->io.sync_filesystem = slow_sync_filesystem;
    pthread_mutex_init(&disk->lock, NULL);
    pthread_cond_init(&disk->changed, NULL);
}

static void set(struct slow_disk *disk, bool *flag, bool value)
{
    pthread_mutex_lock(&disk->lock);
    *flag = value;
    pthread_cond_broadcast(&disk->changed);
    pthread_mutex_unlock(&disk->lock);
}

void slow_disk_hold(struct slow_disk *disk)
{
    set(disk, &disk->held, true);
}

void slow_disk_let_go(struct slow_disk *disk)
{
    set(disk, &disk->held, false);
}

void slow_disk_break(struct slow_disk *disk)
{
    set(disk, &disk->broken, true);
}

void slow_disk_wait_for_sync(struct slow_disk *disk)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&disk->lock);
    int error = 0;
    while (disk->waiting == 0 && error == 0)
        error = pthread_cond_timedwait(&disk->changed, &disk->lock, &until);
    pthread_mutex_unlock(&disk->lock);
    ck_assert_msg(error == 0, "nothing was synced");
}

static int get(struct slow_disk *disk, const int *counter)
{
    pthread_mutex_lock(&disk->lock);
    int value = *counter;
    pthread_mutex_unlock(&disk->lock);
    return value;
}

int slow_disk_files(struct slow_disk *disk)
{
    return get(disk, &disk->files);
}

int slow_disk_filesystems(struct slow_disk *disk)
{
    return get(disk, &disk->filesystems);
}
