/* The names of files in a swap, and what a crash leaves of one. Who reads this at night: the steps
 * and the invariants J1 to J4 are in clean_job.h. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/log.h"
#include "server/storage/batch_file.h"
#include "server/storage/clean_internal.h"
#include "server/storage/file_name.h"
#include "server/storage/log_internal.h"
#include "server/storage/producer_files.h"

/* --- at home ---------------------------------------------------------------------------------- */

/* Is the group in the log what was read? *at is where it begins. */
static bool still_there(const struct clean_job *job, size_t *at)
{
    const struct log *log = job->log;
    const struct clean_group *group = &job->files.group;
    size_t first = log_segment_index(log, job->sources[group->first].base);
    if (job->truncations != log->truncations ||
        first + (group->end - group->first) >= log->segment_count)
        return false;                   /* the last one is active, and never part of it */
    for (size_t i = group->first; i < group->end; i++) {
        if (log->segments[first + i - group->first] != job->sources[i].segment)
            return false;
    }
    *at = first;
    return true;
}

int clean_commit(struct clean_job *job)
{
    size_t at;
    if (atomic_load(&job->cancelled) || !still_there(job, &at))
        return K_CLOSED;
    return segment_rename(job->files.target, ".swap");
}

/* Take the decision back: the log file first, without which the rest is litter. */
static int revoke(struct clean_job *job)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s.log.swap", job->files.target->path);
    return io_remove_file(job->io, path);
}

/* From step 4 on: the new segment in place of the old ones, and the old ones out of sight. */
int clean_replace(struct clean_job *job)
{
    struct log *log = job->log;
    struct clean_group *group = &job->files.group;
    struct segment *target = job->files.target;
    size_t at, count = group->end - group->first;

    if (!still_there(job, &at)) {       /* trimmed meanwhile: what is left stays as it is */
        int error = revoke(job);
        return error == 0 ? K_CLOSED : error;
    }
    for (size_t i = group->first; i < group->end; i++) {
        int error = segment_doom(job->sources[i].segment, i > group->first);
        if (error != 0)
            return error;
    }
    for (size_t i = 0; i < count; i++)
        segment_unref(log->segments[at + i]);
    target->tail.next_offset = job->sources[group->end - 1].next;
    log->segments[at] = segment_ref(target);
    memmove(&log->segments[at + 1], &log->segments[at + count],
            (log->segment_count - at - count) * sizeof(struct segment *));
    log->segment_count -= count - 1;
    log->names_unsynced = true;
    log_forget_served(log);
    log_assert_invariants(log);
    return 0;
}

/* The last descriptor of a file that has no name any more gives its blocks back, which takes tens
 * of milliseconds where they are discarded: not on the loop. */
int clean_delete_replaced(struct clean_job *job)
{
    int error = 0;
    for (size_t i = job->files.group.first; i < job->files.group.end; i++) {
        error = segment_delete_doomed(job->io, job->sources[i].segment->path);
        if (error != 0)
            break;
        segment_unref(job->sources[i].segment);
        job->sources[i].segment = NULL;
    }
    job->fatal = error != 0;
    return error;
}

int clean_settle(struct clean_job *job)
{
    struct segment *target = job->files.target;
    size_t at = log_segment_index(job->log, target->base_offset);
    job->log->names_unsynced = true;
    if (job->log->segments[at] != target)       /* trimmed in between: its files have to go */
        return target->mark[0] == '\0' ? 0 : K_CLOSED;
    int error = segment_rename(target, "");
    if (error == 0) {
        segment_unref(target);
        segment_rest(target);           /* the log's */
        job->files.target = NULL;
    }
    return error;
}

int clean_interrupt(struct log *log)
{
    struct clean_job *job = log->cleaning;
    int error = 0;
    clean_cancel(job);
    switch (atomic_load(&job->stage)) {
    case STAGE_SYNC_COMMIT: case STAGE_REPLACE:
        error = revoke(job);
        break;
    case STAGE_SYNC_REPLACE: case STAGE_SETTLE:
        /* The old ones must be gone for good before the new one loses its mark. */
        error = io_sync_names(log->io, log->path);
        if (error == 0 && job->files.target->mark[0] != '\0')
            error = segment_rename(job->files.target, "");
        break;
    default:
        return 0;
    }
    if (error == 0)
        error = io_sync_names(log->io, log->path);
    return error;
}

/* --- at load ---------------------------------------------------------------------------------- */

static const char *const suffixes[] = { ".txnindex", ".timeindex", ".index", ".log" };
enum { SUFFIXES = sizeof suffixes / sizeof *suffixes };

struct swaps {
    struct file_offsets bases;          /* of ".log.swap" files */
    struct file_offsets live;           /* of ".log" files */
};

static int list(const struct io *io, const char *path, struct swaps *swaps, bool *litter)
{
    DIR *listing = io->opendir(io, path);
    if (listing == NULL)
        return io_error();
    int error = 0;
    struct dirent *entry;
    while (error == 0 && (entry = io_next_entry(io, listing, &error)) != NULL) {
        int64_t base = file_name_offset(entry->d_name, ".log.swap");
        if (base >= 0)
            error = file_offsets_add(&swaps->bases, base);
        else if ((base = file_name_offset(entry->d_name, ".log")) >= 0)
            error = file_offsets_add(&swaps->live, base);
        *litter = *litter || file_name_ends(entry->d_name, ".swap");
    }
    closedir(listing);
    return error;
}

static const char *name_of(const char *directory, int64_t base, const char *suffix,
                           const char *mark, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%020" PRId64 "%s%s", directory, base, suffix, mark);
    return path;
}

/* The offset after the last batch of a swap file; CORRUPT when it is not whole. */
static int swap_end(const struct io *io, const char *path, int64_t base, int64_t *end)
{
    char name[PATH_MAX];
    struct batch_file file;
    struct stat status;
    const uint8_t *header;

    int fd = io->open(io, name_of(path, base, ".log", ".swap", name), O_RDONLY, 0);
    if (fd < 0)
        return io_error();
    int error = io->stat(io, fd, &status) == 0 ? 0 : io_error();
    if (error != 0)
        goto close_file;
    batch_file_init(&file, io, fd, 0, status.st_size, NULL, 0);
    *end = base;
    while ((error = batch_file_header(&file, &header)) == 0) {
        if (batch_base_offset(header) < *end) {
            error = K_CORRUPT;
            break;
        }
        *end = batch_last_offset(header) + 1;
        batch_file_next(&file, header);
    }
    if (error == K_NOT_FOUND)
        error = 0;
    batch_file_fini(&file);

close_file:
    (void)io->close(io, fd);
    return error;
}

static bool is_live(const struct swaps *swaps, int64_t base)
{
    for (size_t i = 0; i < swaps->live.count; i++) {
        if (swaps->live.at[i] == base)
            return true;
    }
    return false;
}

/* J2. May be interrupted anywhere and begun again: the swap's log file is renamed last. */
static int finish_swap(const struct io *io, const char *path, const struct swaps *swaps,
                       int64_t base)
{
    char from[PATH_MAX], to[PATH_MAX];
    int64_t end = base;
    int error = swap_end(io, path, base, &end);
    bool damaged = error == K_CORRUPT;
    if (damaged && is_live(swaps, base)) {
        LOG_ERROR("swap-dropped", "file=%s/%020" PRId64 ".log.swap reason=\"it is damaged; the "
                  "segments that it was made of are still there\"", path, base);
        return io_remove_file(io, name_of(path, base, ".log", ".swap", from));
    }
    if (error != 0 && !damaged)
        return error;

    error = 0;                          /* damaged, and all there is: better than nothing */
    for (size_t i = 0; i < swaps->live.count; i++) {
        if (swaps->live.at[i] != base && (swaps->live.at[i] < base || swaps->live.at[i] >= end))
            continue;
        /* The log file last: as long as it is there, the next start comes back for the rest. */
        if (swaps->live.at[i] != base)
            error = producer_files_remove(io, path, swaps->live.at[i]);
        for (int s = 0; s < SUFFIXES && error == 0; s++)
            error = io_remove_file(io, name_of(path, swaps->live.at[i], suffixes[s], "", from));
        if (error != 0)
            return error;
    }
    error = io_sync_names(io, path);
    if (error != 0)
        return error;
    for (int s = 0; s < SUFFIXES; s++) {
        if (io->rename(io, name_of(path, base, suffixes[s], ".swap", from),
                       name_of(path, base, suffixes[s], "", to)) == 0)
            continue;
        error = io_error();
        if (error != K_NOT_FOUND || s == SUFFIXES - 1)
            return error;
    }
    error = io_sync_names(io, path);
    if (error != 0)
        return error;
    LOG_INFO("swap-finished", "segment=%s/%020" PRId64 ".log end=%" PRId64, path, base, end);
    return 0;
}

/* Indexes whose log file is no ".swap" any more. */
static int remove_litter(const struct io *io, const char *path)
{
    DIR *listing = io->opendir(io, path);
    if (listing == NULL)
        return io_error();
    int error = 0;
    struct dirent *entry;
    while (error == 0 && (entry = io_next_entry(io, listing, &error)) != NULL) {
        char name[PATH_MAX];
        if (file_name_ends(entry->d_name, ".swap") &&
            snprintf(name, sizeof name, "%s/%s", path, entry->d_name) < (int)sizeof name)
            error = io_remove_file(io, name);
    }
    closedir(listing);
    return error;
}

int clean_recover(const struct io *io, const char *path)
{
    struct swaps swaps = { .bases = { .at = NULL } };
    bool litter = false;
    int error = list(io, path, &swaps, &litter);
    for (size_t i = 0; i < swaps.bases.count && error == 0; i++)
        error = finish_swap(io, path, &swaps, swaps.bases.at[i]);
    if (error == 0 && litter)
        error = remove_litter(io, path);
    file_offsets_fini(&swaps.bases);
    file_offsets_fini(&swaps.live);
    return error;
}
