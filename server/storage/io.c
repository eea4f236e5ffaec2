/* storage/io.c - the system's calls behind the table, and helpers that finish short transfers. */
#include "server/storage/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "server/storage/io_life.h"

enum { IO_PIECES = 64 };      /* iovecs of a short write that are sent again in one call */

static int system_open(const struct io *io, const char *path, int flags, mode_t mode)
{
    (void)io;
    return open(path, flags | O_CLOEXEC, mode);
}

static int system_close(const struct io *io, int fd)
{
    (void)io;
    return close(fd);
}

static ssize_t system_pread(const struct io *io, int fd, void *to, size_t size, off_t position)
{
    (void)io;
    return pread(fd, to, size, position);
}

static ssize_t system_pwritev(const struct io *io, int fd, const struct iovec *from, int count,
                              off_t position)
{
    (void)io;
    return pwritev(fd, from, count, position);
}

static int system_truncate(const struct io *io, int fd, off_t size)
{
    (void)io;
    return ftruncate(fd, size);
}

static int system_reserve(const struct io *io, int fd, off_t size)
{
    (void)io;
    return fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, size);
}

static int system_sync(const struct io *io, int fd)
{
    (void)io;
    return fdatasync(fd);
}

static int system_drop(const struct io *io, int fd)
{
    (void)io;
    errno = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    return errno == 0 ? 0 : -1;
}

static int system_stat(const struct io *io, int fd, struct stat *out)
{
    (void)io;
    return fstat(fd, out);
}

static int system_stat_path(const struct io *io, const char *path, struct stat *out)
{
    (void)io;
    return stat(path, out);
}

static int system_rename(const struct io *io, const char *from, const char *to)
{
    (void)io;
    return rename(from, to);
}

static int system_unlink(const struct io *io, const char *path)
{
    (void)io;
    return unlink(path);
}

static int system_mkdir(const struct io *io, const char *path, mode_t mode)
{
    (void)io;
    return mkdir(path, mode);
}

static int system_rmdir(const struct io *io, const char *path)
{
    (void)io;
    return rmdir(path);
}

static DIR *system_opendir(const struct io *io, const char *path)
{
    (void)io;
    return opendir(path);
}

static struct dirent *system_readdir(const struct io *io, DIR *listing)
{
    (void)io;
    return readdir(listing);
}

/* Open `path`, apply `call` to it, close; errno is that of the call. */
static int on_directory(const char *path, int (*call)(int fd))
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = call(fd);
    int saved = errno;
    close(fd);
    errno = saved;
    return result;
}

static int system_sync_directory(const struct io *io, const char *path)
{
    (void)io;
    return on_directory(path, fsync);
}

static int system_sync_filesystem(const struct io *io, int fd)
{
    (void)io;
    return syncfs(fd);
}


const struct io io_system = {
    .open = system_open,
    .close = system_close,
    .pread = system_pread,
    .pwritev = system_pwritev,
    .truncate = system_truncate,
    .reserve = system_reserve,
    .sync = system_sync,
    .drop = system_drop,
    .stat = system_stat,
    .stat_path = system_stat_path,
    .rename = system_rename,
    .unlink = system_unlink,
    .mkdir = system_mkdir,
    .rmdir = system_rmdir,
    .opendir = system_opendir,
    .readdir = system_readdir,
    .sync_directory = system_sync_directory,
    .sync_filesystem = system_sync_filesystem,
    .life = io_life,
    .end_life = io_end_life,
};

int io_error(void)
{
    if (errno == ENOENT)
        return K_NOT_FOUND;
    /* Too many open files pass, like a lack of memory: no reason to give up a directory. */
    if (errno == EMFILE || errno == ENFILE)
        return K_NOMEM;
    /* Something else has the name, or it is not for us: that is no failure of the disk. */
    if (errno == EISDIR || errno == ENOTDIR || errno == ENOTEMPTY || errno == ELOOP ||
        errno == EACCES || errno == EPERM)
        return K_CORRUPT;
    return k_error_from_errno(errno);
}

int io_read_all(const struct io *io, int fd, void *to, size_t size, off_t position)
{
    uint8_t *at = to;
    while (size > 0) {
        ssize_t got = io->pread(io, fd, at, size, position);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return io_error();
        if (got == 0)
            return K_CORRUPT;
        at += got;
        size -= (size_t)got;
        position += got;
    }
    return 0;
}

int io_write_all(const struct io *io, int fd, const struct iovec *from, int count, off_t position)
{
    struct iovec rest[IO_PIECES];
    size_t skip = 0;                         /* bytes of from[0] that are written */

    while (count > 0) {
        const struct iovec *pieces = from;
        int piece_count = count < IOV_MAX ? count : IOV_MAX;
        if (skip > 0) {
            piece_count = count < IO_PIECES ? count : IO_PIECES;
            memcpy(rest, from, (size_t)piece_count * sizeof *rest);
            rest[0].iov_base = (uint8_t *)from[0].iov_base + skip;
            rest[0].iov_len -= skip;
            pieces = rest;
        }
        ssize_t done = io->pwritev(io, fd, pieces, piece_count, position);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return k_error_from_errno(errno);
        if (done == 0)                       /* no progress and no cause: do not spin */
            return K_IO;
        position += done;
        skip += (size_t)done;
        while (count > 0 && skip >= from[0].iov_len) {
            skip -= from[0].iov_len;
            from++;
            count--;
        }
    }
    return 0;
}

/* The directory part of `path` into `out`. */
static void directory_of(const char *path, char out[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        snprintf(out, PATH_MAX, ".");
    else
        snprintf(out, PATH_MAX, "%.*s", (int)(slash == path ? 1 : slash - path), path);
}

static int write_file(const struct io *io, const char *path, const void *bytes, size_t size,
                      enum io_durability durability)
{
    int fd = io->open(io, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0)
        return io_error();
    struct iovec piece = { .iov_base = (void *)bytes, .iov_len = size };
    int error = size == 0 ? 0 : io_write_all(io, fd, &piece, 1, 0);
    /* If a disk is full only now, the file is thrown away, and the next try is another file. */
    if (error == 0 && durability == IO_DURABLE && io->sync(io, fd) != 0)
        error = io_error();
    if (io->close(io, fd) != 0 && error == 0)
        error = io_error();
    return error;
}

int io_replace_file(const struct io *io, const char *path, const void *bytes, size_t size,
                    enum io_durability durability)
{
    char temporary[PATH_MAX], directory[PATH_MAX];
    if (snprintf(temporary, sizeof temporary, "%s.tmp", path) >= (int)sizeof temporary)
        return K_INVALID_ARGUMENT;
    directory_of(path, directory);

    int error = write_file(io, temporary, bytes, size, durability);
    if (error == 0 && io->rename(io, temporary, path) != 0) {
        error = io_error();
        if (error == K_CORRUPT && io_remove_file(io, path) == 0)
            error = io->rename(io, temporary, path) != 0 ? io_error() : 0;
    }
    if (error != 0) {
        (void)io->unlink(io, temporary);
        return error;
    }
    return durability == IO_DURABLE ? io_sync_names(io, directory) : 0;
}

int io_read_file(const struct io *io, const char *path, size_t limit, char **out, size_t *size)
{
    int fd = io->open(io, path, O_RDONLY, 0);
    if (fd < 0)
        return io_error();

    struct stat status;
    char *text = NULL;
    int error = 0;
    if (io->stat(io, fd, &status) != 0) {
        error = io_error();
        goto close_file;
    }
    error = K_CORRUPT;
    if (status.st_size < 0 || (uint64_t)status.st_size > limit)
        goto close_file;
    error = K_NOMEM;
    size_t bytes = (size_t)status.st_size;
    text = malloc(bytes + 1);
    if (text == NULL)
        goto close_file;
    error = io_read_all(io, fd, text, bytes, 0);
    if (error != 0)
        goto close_file;
    text[bytes] = '\0';
    *out = text;
    *size = bytes;
    text = NULL;

close_file:
    free(text);
    (void)io->close(io, fd);
    return error;
}

struct dirent *io_next_entry(const struct io *io, DIR *listing, int *error)
{
    errno = 0;
    struct dirent *entry = io->readdir(io, listing);
    if (entry == NULL && errno != 0)
        *error = io_error();
    return entry;
}

int io_sync(const struct io *io, int fd)
{
    return io->sync(io, fd) == 0 ? 0 : K_IO;
}

int io_sync_file(const struct io *io, const char *path)
{
    int fd = io->open(io, path, O_RDWR, 0);
    if (fd < 0)
        return io_error();
    int error = io_sync(io, fd);
    (void)io->close(io, fd);
    return error;
}

int io_sync_names(const struct io *io, const char *path)
{
    if (io->sync_directory(io, path) == 0)
        return 0;
    int error = io_error();
    return error == K_DISK_FULL ? K_IO : error;     /* opening it is never refused for that */
}

int io_reread(const struct io *io, int fd)
{
    int error = io_sync(io, fd);        /* what is still to be written can not be dropped */
    if (error == 0)
        (void)io->drop(io, fd);         /* a system that can not has nothing better to show */
    return error;
}

int io_reread_file(const struct io *io, const char *path)
{
    int fd = io->open(io, path, O_RDWR, 0);
    if (fd < 0)
        return io_error();
    int error = io_reread(io, fd);
    (void)io->close(io, fd);
    return error;
}

int io_sync_parent(const struct io *io, const char *path)
{
    char directory[PATH_MAX];
    directory_of(path, directory);
    return io_sync_names(io, directory);
}

int io_remove_file(const struct io *io, const char *path)
{
    if (io->unlink(io, path) == 0 || errno == ENOENT)
        return 0;
    if (errno == EISDIR)
        return io->rmdir(io, path) != 0 ? io_error() : 0;
    return io_error();
}
