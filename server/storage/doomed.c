#include "server/storage/doomed.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/log.h"
#include "server/storage/io.h"
#include "server/storage/logdir.h"
#include "server/storage/segment.h"

struct doomed {
    struct list node;
    const struct io *io;            /* borrowed; outlives every log */
    struct logdir *owner;           /* borrowed, as well; or NULL */
    int64_t due_ms;
    bool directory;
    char path[];                    /* of a segment without suffix */
};

void doomed_init(struct doomed_list *doomed)
{
    list_init(&doomed->items);
    doomed->count = 0;
}

static struct doomed *take_first(struct doomed_list *doomed)
{
    struct doomed *first = LIST_OWNER(list_first(&doomed->items), struct doomed, node);
    list_remove(&first->node);
    doomed->count--;
    return first;
}

void doomed_fini(struct doomed_list *doomed)
{
    while (doomed->count > 0)
        free(take_first(doomed));
}

static int add(struct doomed_list *doomed, const struct doomed *what, const char *path,
               int64_t due_ms)
{
    size_t size = strlen(path) + 1;
    struct doomed *one = malloc(sizeof *one + size);
    if (one == NULL)
        return K_NOMEM;
    *one = *what;
    one->due_ms = due_ms;
    memcpy(one->path, path, size);
    list_init(&one->node);

    /* Delays differ by topic, but mostly the newest is due last. */
    struct list *after = doomed->items.prev;
    while (after != &doomed->items && LIST_OWNER(after, struct doomed, node)->due_ms > due_ms)
        after = after->prev;
    list_prepend(after, &one->node);
    doomed->count++;
    return 0;
}

int doomed_add_segment(struct doomed_list *doomed, struct logdir *owner,
                       const struct segment *segment, int64_t due_ms)
{
    const struct doomed what = { .io = segment->io, .owner = owner };
    return add(doomed, &what, segment->path, due_ms);
}

int doomed_add_directory(struct doomed_list *doomed, struct logdir *owner, const struct io *io,
                         const char *path, int64_t due_ms)
{
    const struct doomed what = { .io = io, .owner = owner, .directory = true };
    return add(doomed, &what, path, due_ms);
}

int64_t doomed_next_ms(const struct doomed_list *doomed)
{
    if (doomed->count == 0)
        return INT64_MAX;
    return LIST_OWNER(doomed->items.next, struct doomed, node)->due_ms;
}

void doomed_take_due(struct doomed_list *doomed, int64_t now_ms, size_t limit,
                     struct doomed_list *due)
{
    while (limit > 0 && doomed_next_ms(doomed) <= now_ms && doomed->count > 0) {
        struct doomed *first = take_first(doomed);
        list_append(&due->items, &first->node);
        due->count++;
        limit--;
    }
}

void doomed_take_all(struct doomed_list *doomed, struct doomed_list *due)
{
    doomed_take_due(doomed, INT64_MAX, SIZE_MAX, due);
}

void doomed_delete(struct doomed_list *doomed, bool (*stop)(const void *context),
                   const void *context)
{
    while (doomed->count > 0 && (stop == NULL || !stop(context))) {
        struct doomed *one = take_first(doomed);
        int error = one->directory ? doomed_delete_directory(one->io, one->path, stop, context)
                                   : segment_delete_doomed(one->io, one->path);
        if (error != 0 && !one->directory)
            LOG_WARN("delete-failed", "path=%s.log.deleted error=%s", one->path,
                     k_error_name(error));
        if (error == K_IO && one->owner != NULL)
            logdir_fence(one->owner, error, "delete");
        free(one);
    }
}

int doomed_delete_directory(const struct io *io, const char *path,
                            bool (*stop)(const void *context), const void *context)
{
    bool stopped = false;
    int error = 0;
    DIR *listing = io->opendir(io, path);
    if (listing == NULL)
        return io_error();
    struct dirent *entry;
    while (!(stopped = stop != NULL && stop(context)) &&
           (entry = io->readdir(io, listing)) != NULL) {
        char file[PATH_MAX];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (snprintf(file, sizeof file, "%s/%s", path, entry->d_name) < (int)sizeof file &&
            io->unlink(io, file) != 0 && error == 0)
                error = io_error();
    }
    closedir(listing);
    if (!stopped && io->rmdir(io, path) != 0 && error == 0)
        error = io_error();
    if (error != 0)
        LOG_WARN("delete-failed", "path=%s error=%s", path, k_error_name(error));
    return error;
}
