/* storage/doomed.h - files that nobody may find any more, waiting until they are deleted.
 *
 * Segments and partition directories are renamed first ("<name>.deleted", "<name>-delete") and
 * deleted after file.delete.delay.ms, so that whoever came just before the rename finishes. A list
 * belongs to one thread at a time. It need not survive: the next open deletes what it finds. */
#ifndef STORAGE_DOOMED_H
#define STORAGE_DOOMED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/list.h"

struct io;
struct logdir;
struct segment;

struct doomed_list {
    struct list items;              /* struct doomed, ascending by time */
    size_t count;
};

void doomed_init(struct doomed_list *doomed);

/* Forget what waits; the files stay. */
void doomed_fini(struct doomed_list *doomed);

/* The files of a segment that was doomed, or is about to be, are to be deleted at `due_ms`. Takes
 * no reference. They lie in `owner` (borrowed), which is fenced when its disk fails to delete them;
 * NULL: nobody is. NOMEM. */
int doomed_add_segment(struct doomed_list *doomed, struct logdir *owner,
                       const struct segment *segment, int64_t due_ms);

/* The same for a directory of files; `path` is copied. NOMEM. */
int doomed_add_directory(struct doomed_list *doomed, struct logdir *owner, const struct io *io,
                         const char *path, int64_t due_ms);

/* When the first is due; INT64_MAX when none waits. */
int64_t doomed_next_ms(const struct doomed_list *doomed);

/* Move at most `limit` of those that are due to the end of `due`. */
void doomed_take_due(struct doomed_list *doomed, int64_t now_ms, size_t limit,
                     struct doomed_list *due);

/* Move all. */
void doomed_take_all(struct doomed_list *doomed, struct doomed_list *due);

/* Delete the files of all in the list, one after the other, taking them out of it, until stop(),
 * asked between files, says to leave the rest to the next open. A disk that fails is out of use;
 * other failures are logged: the next open tries again. Any thread. Blocks. */
void doomed_delete(struct doomed_list *doomed, bool (*stop)(const void *context),
                   const void *context);

/* Delete a directory and the files in it, until stop(), asked between files, says to leave the
 * rest to another time; NULL: never. Failures are logged. Any thread. Blocks. 0, or the first
 * failure: IO is one of the disk. */
int doomed_delete_directory(const struct io *io, const char *path,
                             bool (*stop)(const void *context), const void *context);

#endif
