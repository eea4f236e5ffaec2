#include "server/storage/io_life.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A number that no later mount has; since Linux 6.8. */
enum { MOUNT_ID_UNIQUE = 0x4000, DIGITS = 16, MARK_PATH_SIZE = 80 };

static bool look(const char *path, struct statx *out)
{
    const unsigned ids = STATX_MNT_ID | MOUNT_ID_UNIQUE;
    return statx(AT_FDCWD, path, 0, ids | STATX_INO, out) == 0 && (out->stx_mask & ids) != 0;
}

static ssize_t read_some(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -1;
    ssize_t got = read(fd, text, size - 1);
    int cause = errno;
    close(fd);
    errno = cause;
    text[got > 0 ? got : 0] = '\0';
    return got;
}

/* Of the directory, in this boot. Everybody may make files there, nobody but us our own. */
static const char *mark_path(const struct statx *directory, char path[MARK_PATH_SIZE])
{
    snprintf(path, MARK_PATH_SIZE, "/dev/shm/kairn-life-%x-%x-%" PRIx64, directory->stx_dev_major,
             directory->stx_dev_minor, (uint64_t)directory->stx_ino);
    return path;
}

/* When its last life ended, as DIGITS digits; "" when it is the first one. False: nobody knows. */
static bool read_mark(const struct statx *directory, char mark[DIGITS + 1])
{
    char path[MARK_PATH_SIZE];
    mark[0] = '\0';
    if (read_some(mark_path(directory, path), mark, DIGITS + 1) < 0)
        return errno == ENOENT;
    return strlen(mark) == DIGITS && strspn(mark, "0123456789abcdef") == DIGITS;
}

void io_life(const struct io *io, const char *path, char out[IO_LIFE_SIZE])
{
    char boot[64], mark[DIGITS + 1];
    struct statx status;

    (void)io;
    out[0] = '\0';
    if (read_some("/proc/sys/kernel/random/boot_id", boot, sizeof boot) <= 0 ||
        !look(path, &status) || !read_mark(&status, mark))
        return;
    boot[strcspn(boot, "\n")] = '\0';
    snprintf(out, IO_LIFE_SIZE, "boot=%s mount=%" PRIu64 " device=%u:%u%s%s", boot,
             (uint64_t)status.stx_mnt_id, status.stx_dev_major, status.stx_dev_minor,
             mark[0] == '\0' ? "" : " after=", mark);
}

int io_end_life(const struct io *io, const char *path)
{
    char where[MARK_PATH_SIZE], mark[DIGITS + 1];
    struct statx status;
    struct timespec now;

    (void)io;
    if (!look(path, &status) || clock_gettime(CLOCK_BOOTTIME, &now) != 0)
        return -1;
    snprintf(mark, sizeof mark, "%016" PRIx64,
             (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
    int fd = open(mark_path(&status, where),
                  O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    if (fd < 0)
        return -1;
    bool written = write(fd, mark, DIGITS) == DIGITS;
    close(fd);
    return written ? 0 : -1;
}
