/* storage/index.h - the entries of an index file, kept in memory in their form on disk.
 *
 * Shared by the offset, time and transaction index. Entries are only added at the end or cut from
 * it; the file is written when the segment rolls, at checkpoints and at stop, always with pwrite:
 * a full disk is then an error number and not a SIGBUS. Belongs to its segment's loop. */
#ifndef STORAGE_INDEX_H
#define STORAGE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct io;

struct index {
    uint8_t *bytes;             /* owned; count * entry_size are used */
    size_t entry_size;
    size_t count, capacity;     /* entries */
    size_t written;             /* leading entries that the file holds as they are here */
    bool saved;                 /* the file holds exactly these entries */
};

void index_init(struct index *index, size_t entry_size);
void index_fini(struct index *index);

/* Room for one more entry, counted already; NULL when out of memory. */
uint8_t *index_add(struct index *index);

/* Room for `count` more, so that adding them can not fail. NOMEM. */
int index_reserve(struct index *index, size_t count);

/* Keep the first `count` entries. */
void index_cut(struct index *index, size_t count);

static inline const uint8_t *index_at(const struct index *index, size_t i)
{
    return index->bytes + i * index->entry_size;
}

/* Replace the entries by those of the file. NOT_FOUND, CORRUPT (size is not a multiple of the
 * entry, or larger than any index), NOMEM, IO. */
int index_load(struct index *index, const struct io *io, const char *path);

/* Bring the file to exactly these entries: writes the new ones, cuts what is beyond them.
 * DISK_FULL, IO. May be repeated after a failure. Does not sync; no call when nothing changed. */
int index_save(struct index *index, const struct io *io, const char *path);

#endif
