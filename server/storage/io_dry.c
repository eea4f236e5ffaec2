#include "server/storage/io_dry.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/error.h"

struct dry_file {
    char *path;                     /* owned; NULL: not open */
    bool scratch;                   /* kept in memory */
    bool written;
    int64_t size;                   /* after a truncation; -1: as it is */
};

static void tell(struct io_dry *dry, const char *format, ...)
{
    char line[2 * PATH_MAX + 64];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    dry->tell(dry->context, line);
}

static bool ends_with(const char *path, const char *suffix)
{
    size_t size = strlen(path), suffix_size = strlen(suffix);
    return size > suffix_size && strcmp(path + size - suffix_size, suffix) == 0;
}

/* NULL: not opened here. */
static struct dry_file *file_of(const struct io_dry *dry, int fd)
{
    bool known = fd >= 0 && (size_t)fd < dry->capacity && dry->files[fd].path != NULL;
    return known ? &dry->files[fd] : NULL;
}

/* --- open files --------------------------------------------------------------------------- */

static int remember(struct io_dry *dry, int fd, const char *path, bool scratch)
{
    if ((size_t)fd >= dry->capacity) {
        size_t capacity = (size_t)fd + 64;
        struct dry_file *files = realloc(dry->files, capacity * sizeof *files);
        if (files == NULL)
            return -1;
        memset(files + dry->capacity, 0, (capacity - dry->capacity) * sizeof *files);
        dry->files = files;
        dry->capacity = capacity;
    }
    struct dry_file file = { .path = strdup(path), .scratch = scratch, .size = -1 };
    if (file.path == NULL)
        return -1;
    dry->files[fd] = file;
    return 0;
}

static int dry_open(const struct io *io, const char *path, int flags, mode_t mode)
{
    struct io_dry *dry = (struct io_dry *)io;
    struct stat status;
    bool there = io->stat_path(io, path, &status) == 0;
    (void)mode;

    if (!there && (flags & O_CREAT) == 0) {
        errno = ENOENT;
        return -1;
    }
    if (there && (flags & O_EXCL) != 0) {
        errno = EEXIST;
        return -1;
    }
    /* Whoever locks writes to the lock by itself. */
    bool scratch = !there || ends_with(path, "/.lock");
    int fd = scratch ? memfd_create("dry", MFD_CLOEXEC)
                     : open(path, O_RDONLY | O_CLOEXEC | (flags & O_DIRECTORY));
    if (fd < 0)
        return -1;
    if (remember(dry, fd, path, scratch) != 0) {
        close(fd);
        errno = ENOMEM;
        return -1;
    }
    if (!scratch && (flags & O_TRUNC) != 0)
        dry->files[fd].size = 0;
    return fd;
}

static int dry_close(const struct io *io, int fd)
{
    struct io_dry *dry = (struct io_dry *)io;
    struct dry_file *file = file_of(dry, fd);

    if (file == NULL)
        return close(fd);
    /* A temporary file is told of when it gets its name. */
    if (file->written && !ends_with(file->path, ".tmp") && !ends_with(file->path, "/.lock")) {
        tell(dry, "would-write file=%s", file->path);
        dry->writes++;
    }
    free(file->path);
    *file = (struct dry_file){ .path = NULL };
    return close(fd);
}

static ssize_t dry_pread(const struct io *io, int fd, void *to, size_t size, off_t position)
{
    struct io_dry *dry = (struct io_dry *)io;
    const struct dry_file *file = file_of(dry, fd);

    assert(file != NULL);
    if (file->size >= 0 && position >= file->size)
        return 0;
    if (file->size >= 0 && (int64_t)size > file->size - position)
        size = (size_t)(file->size - position);
    ssize_t got = pread(fd, to, size, position);
    if (got > 0)
        dry->bytes_read += got;
    return got;
}

static ssize_t dry_pwritev(const struct io *io, int fd, const struct iovec *from, int count,
                           off_t position)
{
    struct io_dry *dry = (struct io_dry *)io;
    struct dry_file *file = file_of(dry, fd);
    ssize_t size = 0;

    assert(file != NULL);
    file->written = true;
    if (file->scratch)
        return pwritev(fd, from, count, position);
    for (int i = 0; i < count; i++)
        size += (ssize_t)from[i].iov_len;
    if (file->size >= 0 && position + size > file->size)
        file->size = position + size;
    return size;
}

static int dry_stat(const struct io *io, int fd, struct stat *out)
{
    struct io_dry *dry = (struct io_dry *)io;

    const struct dry_file *file = file_of(dry, fd);
    int result = fstat(fd, out);
    if (result == 0 && file != NULL && file->size >= 0)
        out->st_size = file->size;
    return result;
}

static int dry_truncate(const struct io *io, int fd, off_t size)
{
    struct io_dry *dry = (struct io_dry *)io;
    struct dry_file *file = file_of(dry, fd);
    struct stat status;

    assert(file != NULL);
    if (file->scratch)
        return ftruncate(fd, size);
    if (io->stat(io, fd, &status) != 0)
        return -1;
    if (status.st_size == size)
        return 0;
    if (ends_with(file->path, ".log")) {
        tell(dry, "would-cut file=%s from_bytes=%" PRId64 " to_bytes=%" PRId64, file->path,
             (int64_t)status.st_size, (int64_t)size);
        dry->cuts++;
        dry->cut_bytes += status.st_size - size;
    } else {
        file->written = true;
    }
    file->size = size;
    return 0;
}

static int dry_reserve(const struct io *io, int fd, off_t size)
{
    (void)io, (void)fd, (void)size;
    return 0;
}

/* --- names -------------------------------------------------------------------------------- */

static int dry_stat_path(const struct io *io, const char *path, struct stat *out)
{
    const struct io_dry *dry = (const struct io_dry *)io;

    if (map_get_text(&dry->removed, path) != NULL) {
        errno = ENOENT;
        return -1;
    }
    return stat(path, out);
}

/* Not there from now on. False when it was not there before, errno ENOENT. */
static bool forget(struct io_dry *dry, const char *path)
{
    struct stat status;

    if (dry->io.stat_path(&dry->io, path, &status) != 0)
        return false;
    if (map_put_text(&dry->removed, path, dry, NULL) != 0) {
        errno = ENOMEM;
        return false;
    }
    return true;
}

static int dry_rename(const struct io *io, const char *from, const char *to)
{
    struct io_dry *dry = (struct io_dry *)io;

    if (ends_with(from, ".tmp")) {
        tell(dry, "would-write file=%s", to);
        dry->writes++;
        return 0;
    }
    if (!forget(dry, from))
        return -1;
    tell(dry, "would-rename file=%s to=%s", from, to);
    dry->writes++;
    return 0;
}

static int dry_unlink(const struct io *io, const char *path)
{
    struct io_dry *dry = (struct io_dry *)io;

    if (!forget(dry, path))
        return -1;
    tell(dry, "would-delete file=%s", path);
    dry->removals++;
    return 0;
}

static int dry_mkdir(const struct io *io, const char *path, mode_t mode)
{
    struct io_dry *dry = (struct io_dry *)io;
    struct stat status;
    (void)mode;

    if (io->stat_path(io, path, &status) == 0) {
        errno = EEXIST;
        return -1;
    }
    tell(dry, "would-make directory=%s", path);
    return 0;
}

static int dry_rmdir(const struct io *io, const char *path)
{
    struct io_dry *dry = (struct io_dry *)io;

    tell(dry, "would-delete directory=%s", path);
    dry->removals++;
    return 0;
}

static int dry_sync(const struct io *io, int fd)
{
    (void)io, (void)fd;
    return 0;
}

static int dry_sync_directory(const struct io *io, const char *path)
{
    (void)io, (void)path;
    return 0;
}

/* --- the table ---------------------------------------------------------------------------- */

void io_dry_init(struct io_dry *dry, void (*told)(void *context, const char *line), void *context)
{
    *dry = (struct io_dry){ .io = io_system, .tell = told, .context = context };
    dry->io.open = dry_open;
    dry->io.close = dry_close;
    dry->io.pread = dry_pread;
    dry->io.pwritev = dry_pwritev;
    dry->io.truncate = dry_truncate;
    dry->io.reserve = dry_reserve;
    dry->io.sync = dry_sync;
    dry->io.stat = dry_stat;
    dry->io.stat_path = dry_stat_path;
    dry->io.rename = dry_rename;
    dry->io.unlink = dry_unlink;
    dry->io.mkdir = dry_mkdir;
    dry->io.rmdir = dry_rmdir;
    dry->io.sync_directory = dry_sync_directory;
    dry->io.sync_filesystem = dry_sync;
    map_init(&dry->removed);
}

void io_dry_fini(struct io_dry *dry)
{
    for (size_t fd = 0; fd < dry->capacity; fd++)
        free(dry->files[fd].path);
    free(dry->files);
    map_fini(&dry->removed);
}
