/* storage/file_name.h - the names of the files in a partition's directory: an offset in 20 digits,
 * and a suffix that says what is in the file.
 *
 * Lists belong to the caller. All but file_offsets_list() are pure. */
#ifndef STORAGE_FILE_NAME_H
#define STORAGE_FILE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct io;

/* Is it something, and then the suffix? Names and paths. */
bool file_name_ends(const char *name, const char *suffix);

/* The offset if `name` is "<20 digits><suffix>"; -1 otherwise. */
int64_t file_name_offset(const char *name, const char *suffix);

/* Half-done work of an earlier life, which the next open deletes. */
bool file_name_is_leftover(const char *name);

struct file_offsets {
    int64_t *at;                        /* owned */
    size_t count, capacity;
};

void file_offsets_fini(struct file_offsets *offsets);

/* At the end. NOMEM. */
int file_offsets_add(struct file_offsets *offsets, int64_t offset);

/* Those of all files in the directory with this suffix, ascending; after an error as well, as far
 * as it came. `out` is overwritten; the caller's to fini in any case. Blocks. NOT_FOUND, IO,
 * NOMEM. */
int file_offsets_list(const struct io *io, const char *directory, const char *suffix,
                      struct file_offsets *out);

#endif
