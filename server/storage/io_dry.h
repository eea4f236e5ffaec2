/* storage/io_dry.h - the system's files, of which nothing is changed: a table that reads, and tells
 * what would have been written.
 *
 * Whoever works with it goes on as if it had been: a truncated file has its new size, a deleted one
 * is not there, a renamed one has its new name, a new one is kept in memory until it is closed.
 * What was written to files that are there can not be read back. One thread. */
#ifndef STORAGE_IO_DRY_H
#define STORAGE_IO_DRY_H

#include <stddef.h>
#include <stdint.h>

#include "common/map.h"
#include "server/storage/io.h"

struct dry_file;

struct io_dry {
    struct io io;                   /* first: pass &dry.io */
    void (*tell)(void *context, const char *line);
    void *context;
    struct dry_file *files;         /* owned; by descriptor */
    size_t capacity;
    struct map names;               /* paths that name something else now: that file's own path, or
                                       "" for none; owned */
    struct dirent entry;            /* of a renamed file, in a listing */
    int64_t bytes_read, cuts, cut_bytes, writes, removals;
};

/* `tell`: one line, "event key=value", for each thing that would have been done. */
void io_dry_init(struct io_dry *dry, void (*tell)(void *context, const char *line), void *context);
void io_dry_fini(struct io_dry *dry);

#endif
