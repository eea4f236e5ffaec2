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
#include "server/storage/file_name.h"

struct dry_file {
    char *path;                     /* owned; NULL: not open */
    bool scratch;                   /* kept in memory */
    bool written;
    int64_t size;                   /* after a truncation; -1: as it is */
    int64_t held;                   /* bytes of the real file that are left; -1: all */
    size_t renamed;                 /* of a listing: how far among the renamed */
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

/* NULL: not opened here. */
static struct dry_file *file_of(const struct io_dry *dry, int fd)
{
    bool known = fd >= 0 && (size_t)fd < dry->capacity && dry->files[fd].path != NULL;
    return known ? &dry->files[fd] : NULL;
}

/* --- names -------------------------------------------------------------------------------- */

/* The path of the file that goes by this name now; NULL, errno ENOENT: none does. */
static const char *real_path(const struct io_dry *dry, const char *path)
{
    const char *real = map_get_text(&dry->names, path);
    if (real == NULL)
        return path;
    errno = ENOENT;
    return real[0] == '\0' ? NULL : real;
}

/* `real` goes by this name from now on; "": nothing does. */
static int set_name(struct io_dry *dry, const char *path, const char *real)
{
    char *copy = strdup(real);
    void *former;

    if (copy == NULL || map_put_text(&dry->names, path, copy, &former) != 0) {
        free(copy);
        errno = ENOMEM;
        return -1;
    }
    free(former);
    return 0;
}

/* A file of this name that was made and is still open, or NULL. */
static struct dry_file *scratch_at(const struct io_dry *dry, const char *path)
{
    for (size_t fd = 0; fd < dry->capacity; fd++) {
        struct dry_file *file = &dry->files[fd];
        if (file->path != NULL && file->scratch && strcmp(file->path, path) == 0)
            return file;
    }
    return NULL;
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
    struct dry_file file = { .path = strdup(path), .scratch = scratch, .size = -1, .held = -1 };
    if (file.path == NULL)
        return -1;
    free(dry->files[fd].path);      /* of a listing that was closed */
    dry->files[fd] = file;
    return 0;
}

static int dry_open(const struct io *io, const char *path, int flags, mode_t mode)
{
    struct io_dry *dry = (struct io_dry *)io;
    struct stat status;
    const struct dry_file *made = scratch_at(dry, path);
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
    bool scratch = !there || file_name_ends(path, "/.lock");
    int fd = made != NULL ? fcntl((int)(made - dry->files), F_DUPFD_CLOEXEC, 0)
             : scratch    ? memfd_create("dry", MFD_CLOEXEC)
                          : open(real_path(dry, path),
                                 O_RDONLY | O_CLOEXEC | (flags & O_DIRECTORY));
    if (fd < 0)
        return -1;
    if (remember(dry, fd, path, scratch || made != NULL) != 0) {
        close(fd);
        errno = ENOMEM;
        return -1;
    }
    if (!dry->files[fd].scratch && (flags & O_TRUNC) != 0)
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
    if (file->written && file->path[0] != '\0' && !file_name_ends(file->path, ".tmp") &&
        !file_name_ends(file->path, "/.lock")) {
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
    if (file->held < 0)
        file->held = status.st_size;
    if (!file_name_ends(file->path, ".log")) {
        file->written = true;
    } else if (size < file->held) {
        tell(dry, "would-cut file=%s from_bytes=%" PRId64 " to_bytes=%" PRId64, file->path,
             file->held, (int64_t)size);
        dry->cuts++;
        dry->cut_bytes += file->held - size;
        file->held = size;
    }
    file->size = size;
    return 0;
}

static int dry_reserve(const struct io *io, int fd, off_t size)
{
    (void)io, (void)fd, (void)size;
    return 0;
}

/* --- renaming, deleting -------------------------------------------------------------------- */

static int dry_stat_path(const struct io *io, const char *path, struct stat *out)
{
    const struct io_dry *dry = (const struct io_dry *)io;
    const struct dry_file *made = scratch_at(dry, path);
    const char *real = real_path(dry, path);

    if (made != NULL)
        return fstat((int)(made - dry->files), out);
    return real == NULL ? -1 : stat(real, out);
}

static int dry_rename(const struct io *io, const char *from, const char *to)
{
    struct io_dry *dry = (struct io_dry *)io;
    struct stat status;

    if (file_name_ends(from, ".tmp")) {
        tell(dry, "would-write file=%s", to);
        dry->writes++;
        return 0;
    }
    assert(scratch_at(dry, from) == NULL);      /* only temporary files are renamed when new */
    if (io->stat_path(io, from, &status) != 0 || set_name(dry, to, real_path(dry, from)) != 0 ||
        set_name(dry, from, "") != 0)
        return -1;
    tell(dry, "would-rename file=%s to=%s", from, to);
    dry->writes++;
    return 0;
}

static int dry_unlink(const struct io *io, const char *path)
{
    struct io_dry *dry = (struct io_dry *)io;
    struct dry_file *made = scratch_at(dry, path);
    struct stat status;

    if (made != NULL)
        made->path[0] = '\0';           /* without a name, nobody is told of it when it is closed */
    else if (io->stat_path(io, path, &status) != 0 || set_name(dry, path, "") != 0)
        return -1;
    tell(dry, "would-delete file=%s", path);
    dry->removals++;
    return 0;
}

/* --- listings ----------------------------------------------------------------------------- */

/* What is opened is remembered by its descriptor, until that is somebody else's. */
static DIR *dry_opendir(const struct io *io, const char *path)
{
    DIR *listing = opendir(path);

    if (listing != NULL && remember((struct io_dry *)io, dirfd(listing), path, false) != 0) {
        closedir(listing);
        errno = ENOMEM;
        return NULL;
    }
    return listing;
}

/* Next of the names in the directory that something was renamed to. */
static struct dirent *next_renamed(struct io_dry *dry, struct dry_file *directory)
{
    size_t size = strlen(directory->path), key_size;
    const void *key;
    void *real;

    while (map_next(&dry->names, &directory->renamed, &key, &key_size, &real)) {
        const char *path = key;
        if (*(const char *)real == '\0' || key_size <= size + 1 ||
            key_size - size - 1 >= sizeof dry->entry.d_name ||
            memcmp(path, directory->path, size) != 0 || path[size] != '/' ||
            memchr(path + size + 1, '/', key_size - size - 1) != NULL)
            continue;
        snprintf(dry->entry.d_name, sizeof dry->entry.d_name, "%.*s",
                 (int)(key_size - size - 1), path + size + 1);
        dry->entry.d_type = DT_UNKNOWN;
        return &dry->entry;
    }
    return NULL;
}

static struct dirent *dry_readdir(const struct io *io, DIR *listing)
{
    struct io_dry *dry = (struct io_dry *)io;
    struct dry_file *directory = file_of(dry, dirfd(listing));
    char path[PATH_MAX];
    struct dirent *entry;

    assert(directory != NULL);
    while ((entry = readdir(listing)) != NULL) {
        if (snprintf(path, sizeof path, "%s/%s", directory->path, entry->d_name) >=
                (int)sizeof path ||
            map_get_text(&dry->names, path) == NULL)
            return entry;
    }
    return errno != 0 ? NULL : next_renamed(dry, directory);
}

/* --- directories -------------------------------------------------------------------------- */

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

/* What a broker that runs has in the cache is not ours to drop. */
static int dry_drop(const struct io *io, int fd)
{
    (void)io, (void)fd;
    return 0;
}

/* Nor does anything that fails here say so to the next broker. */
static int dry_end_life(const struct io *io, const char *path)
{
    (void)io, (void)path;
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
    dry->io.drop = dry_drop;
    dry->io.stat = dry_stat;
    dry->io.stat_path = dry_stat_path;
    dry->io.rename = dry_rename;
    dry->io.unlink = dry_unlink;
    dry->io.mkdir = dry_mkdir;
    dry->io.rmdir = dry_rmdir;
    dry->io.opendir = dry_opendir;
    dry->io.readdir = dry_readdir;
    dry->io.sync_directory = dry_sync_directory;
    dry->io.sync_filesystem = dry_sync;
    dry->io.end_life = dry_end_life;
    map_init(&dry->names);
}

void io_dry_fini(struct io_dry *dry)
{
    size_t position = 0;
    void *real;

    for (size_t fd = 0; fd < dry->capacity; fd++)
        free(dry->files[fd].path);
    free(dry->files);
    while (map_next(&dry->names, &position, NULL, NULL, &real))
        free(real);
    map_fini(&dry->names);
}
