/* storage/io.h - every file operation of the storage, as one table of calls.
 *
 * Production uses io_system; tests put a table in front that fails, shortens or delays the n-th
 * call. All return what the system call returns, errno included. Thread-safe. */
#ifndef STORAGE_IO_H
#define STORAGE_IO_H

#include <dirent.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

enum { IO_LIFE_SIZE = 128 };

struct io {
    int (*open)(const struct io *io, const char *path, int flags, mode_t mode);
    int (*close)(const struct io *io, int fd);
    ssize_t (*pread)(const struct io *io, int fd, void *to, size_t size, off_t position);
    ssize_t (*pwritev)(const struct io *io, int fd, const struct iovec *from, int count,
                       off_t position);
    int (*truncate)(const struct io *io, int fd, off_t size);
    /* Reserve room for `size` bytes from the start; what the file is said to hold stays. */
    int (*reserve)(const struct io *io, int fd, off_t size);
    int (*sync)(const struct io *io, int fd);              /* fdatasync */
    /* What is cached of the file and needs no writing goes: it is read from the disk again. */
    int (*drop)(const struct io *io, int fd);
    int (*stat)(const struct io *io, int fd, struct stat *out);
    int (*stat_path)(const struct io *io, const char *path, struct stat *out);
    int (*rename)(const struct io *io, const char *from, const char *to);
    int (*unlink)(const struct io *io, const char *path);
    int (*mkdir)(const struct io *io, const char *path, mode_t mode);
    int (*rmdir)(const struct io *io, const char *path);
    DIR *(*opendir)(const struct io *io, const char *path);
    struct dirent *(*readdir)(const struct io *io, DIR *listing);
    int (*sync_directory)(const struct io *io, const char *path);
    /* All that holds `fd`. Tells of failures to write back since `fd` was opened: keep it open. */
    int (*sync_filesystem)(const struct io *io, int fd);
    /* Into `out`, a line: what must be the same for the page cache to be the one that was written
     * to, which is the kernel's boot, the mount of the directory `path`, and that nobody ended this
     * life of it. "" when the system does not tell. */
    void (*life)(const struct io *io, const char *path, char out[IO_LIFE_SIZE]);
    /* What is cached below the directory can not be relied on: life() is another one from now on,
     * in whichever process. Remembered in memory as long as the boot lasts, whatever the disk does.
     */
    int (*end_life)(const struct io *io, const char *path);
};

extern const struct io io_system;

/* Helpers on the table: loop over short transfers and EINTR. 0, or a k_error from errno; reading
 * is CORRUPT when the file ends early. */
int io_read_all(const struct io *io, int fd, void *to, size_t size, off_t position);
int io_write_all(const struct io *io, int fd, const struct iovec *from, int count, off_t position);

/* When is a replaced file safe from a power cut? Either way a reader sees the old file or the
 * new one while the machine runs. */
enum io_durability {
    IO_LAZY,        /* whenever the system writes it */
    IO_DURABLE      /* on return: the file is synced, renamed, and the directory is synced */
};

/* Replace a small file atomically: write path.tmp, rename it. 0 or k_error; the old file is
 * untouched on failure. */
int io_replace_file(const struct io *io, const char *path, const void *bytes, size_t size,
                    enum io_durability durability);

/* Read a small file whole into malloc'ed memory, zero-terminated. NOT_FOUND, NOMEM, IO,
 * CORRUPT (over `limit` bytes). */
int io_read_file(const struct io *io, const char *path, size_t limit, char **out, size_t *size);

/* The next entry of an open directory, valid until the next call. NULL at the end, and when it can
 * not be told what else there is: then *error becomes the k_error. A listing that is cut short must
 * not be taken for one without the rest. */
struct dirent *io_next_entry(const struct io *io, DIR *listing, int *error);

/* fdatasync. 0, or IO whatever the cause: even where it is a full disk, the system has given up
 * what it was for, and another one would succeed and prove nothing. */
int io_sync(const struct io *io, int fd);

/* The same of the file at `path`. It was not tried: NOT_FOUND, NOMEM, or another k_error but
 * DISK_FULL. */
int io_sync_file(const struct io *io, const char *path);

/* The same of the names in the directory at `path`. */
int io_sync_names(const struct io *io, const char *path);

/* From here on the open file is read as it is on the disk: it is synced, and its cache dropped.
 * After a sync that failed the system may go on to show what never got there, and call it synced.
 * IO. */
int io_reread(const struct io *io, int fd);
/* The same of the file at `path`. NOT_FOUND, NOMEM, or as above. */
int io_reread_file(const struct io *io, const char *path);

/* io_sync_names() of the directory that `path` is in. */
int io_sync_parent(const struct io *io, const char *path);

/* Delete; a file that is not there is fine, and an empty directory in its place goes as well. 0 or
 * k_error. */
int io_remove_file(const struct io *io, const char *path);

/* The k_error for errno; ENOENT is NOT_FOUND, too many open files is NOMEM, CORRUPT is a file that
 * we may not open or that is none (a directory, for instance). */
int io_error(void);

#endif
