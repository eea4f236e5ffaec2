#include "server/storage/log_move.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/error.h"
#include "common/log.h"
#include "common/map.h"
#include "server/storage/doomed.h"
#include "server/storage/file_name.h"
#include "server/storage/io.h"
#include "server/storage/logdir_internal.h"

enum { PIECE = 1 << 20 };               /* bytes of one read and write */

/* In a partition's directory: it was not opened since it came from another one, or since its copy
 * was about to get its name in another one. */
static const char arrived_name[] = "kairn-arrived", leaving_name[] = "kairn-leaving";

/* A file as it was when it was copied. */
struct copied {
    ino_t inode;
    off_t size;
    struct timespec changed;
    bool settled;                       /* a change since then would show */
    bool there;                         /* in the last listing */
};

struct log_move {
    struct logdir *from, *to;
    const struct io *read, *write;      /* theirs */
    char *topic;
    int32_t partition;
    bool (*stop)(const void *context);
    const void *context;
    char *source, *future, *target;     /* paths; owned */
    bool made;                          /* the future is there */
    bool moved;
    struct map copied;                  /* name to struct copied; owned */
    uint8_t *piece;
};

/* --- life ------------------------------------------------------------------------------------- */

static void free_copied(struct map *copied)
{
    size_t position = 0;
    void *value;
    while (map_next(copied, &position, NULL, NULL, &value))
        free(value);
    map_fini(copied);
}

static void free_all(struct log_move *move)
{
    free_copied(&move->copied);
    free(move->piece);
    free(move->topic);
    free(move->source);
    free(move->future);
    free(move->target);
    free(move);
}

int log_move_new(const struct log_move_options *options, struct log_move **out)
{
    struct log_move *move = calloc(1, sizeof *move);
    if (move == NULL)
        return K_NOMEM;
    move->from = options->from;
    move->to = options->to;
    move->read = logdir_io(options->from);
    move->write = logdir_io(options->to);
    move->partition = options->partition;
    move->stop = options->stop;
    move->context = options->context;
    map_init(&move->copied);
    move->topic = strdup(options->topic);
    move->source = logdir_partition_path(options->from, options->topic, options->partition);
    move->target = logdir_partition_path(options->to, options->topic, options->partition);
    move->future = logdir_away_path(options->to, options->topic, options->partition, "future");
    move->piece = malloc(PIECE);
    if (move->topic == NULL || move->source == NULL || move->target == NULL ||
        move->future == NULL || move->piece == NULL) {
        free_all(move);
        return K_NOMEM;
    }
    *out = move;
    return 0;
}

void log_move_free(struct log_move *move, bool tidy)
{
    if (move == NULL)
        return;
    if (tidy && move->made && !move->moved && !logdir_fenced(move->to))
        (void)doomed_delete_directory(move->write, move->future, move->stop, move->context);
    free_all(move);
}

/* --- one file --------------------------------------------------------------------------------- */

/* A disk that fails takes its directory out of use. */
static int failed(struct logdir *directory, int error)
{
    if (error == 0 || error == K_DISK_FULL || error == K_NOMEM)
        return error;
    logdir_fence(directory, error, "move");
    return K_KAFKA_STORAGE_ERROR;
}

/* errno of a call on the other directory. */
static int write_failed(struct log_move *move)
{
    return failed(move->to, io_error());
}

/* A read that fails leaves the log where it is, and in use. */
static int read_failed(void)
{
    int error = io_error();
    return error == K_NOMEM || error == K_NOT_FOUND ? error : K_KAFKA_STORAGE_ERROR;
}

static int copy_bytes(struct log_move *move, int from, int to, off_t size)
{
    for (off_t at = 0; at < size; ) {
        size_t most = size - at < PIECE ? (size_t)(size - at) : PIECE;
        if (move->stop != NULL && move->stop(move->context))
            return K_CLOSED;
        ssize_t got = move->read->pread(move->read, from, move->piece, most, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return read_failed();
        if (got == 0)                   /* it was cut meanwhile: the next round sees that */
            return 0;
        struct iovec bytes = { .iov_base = move->piece, .iov_len = (size_t)got };
        int error = failed(move->to, io_write_all(move->write, to, &bytes, 1, at));
        if (error != 0)
            return error;
        at += got;
    }
    return 0;
}

/* A change in the same tick of the clock that stamps files could not be told from none. */
static bool is_settled(const struct timespec *changed, const struct timespec *now)
{
    return changed->tv_sec < now->tv_sec ||
           (changed->tv_sec == now->tv_sec && changed->tv_nsec < now->tv_nsec);
}

static int copy_open_file(struct log_move *move, int from, const char *name, struct copied *copied)
{
    char path[PATH_MAX];
    struct stat status;
    struct timespec now;

    /* The clock first, then the file's state, then its bytes. */
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (move->read->stat(move->read, from, &status) != 0)
        return read_failed();
    if (snprintf(path, sizeof path, "%s/%s", move->future, name) >= (int)sizeof path)
        return K_INVALID_ARGUMENT;
    int to = move->write->open(move->write, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (to < 0)
        return write_failed(move);
    int error = copy_bytes(move, from, to, status.st_size);
    if (error == 0 && move->write->sync(move->write, to) != 0)
        error = write_failed(move);
    if (move->write->close(move->write, to) != 0 && error == 0)
        error = write_failed(move);
    if (error == 0)
        *copied = (struct copied){ .inode = status.st_ino, .size = status.st_size,
                                   .changed = status.st_mtim, .there = true,
                                   .settled = is_settled(&status.st_mtim, &now) };
    return error;
}

/* NOT_FOUND: it is gone. */
static int copy_file(struct log_move *move, const char *name, struct copied *copied)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", move->source, name) >= (int)sizeof path)
        return K_INVALID_ARGUMENT;
    int from = move->read->open(move->read, path, O_RDONLY, 0);
    if (from < 0)
        return read_failed();
    int error = copy_open_file(move, from, name, copied);
    (void)move->read->close(move->read, from);
    return error;
}

/* --- all of them ------------------------------------------------------------------------------ */

/* What the next open would delete is not worth the way. */
static bool is_wanted(const char *name)
{
    return name[0] != '.' && strcmp(name, arrived_name) != 0 && strcmp(name, leaving_name) != 0 &&
           !file_name_is_leftover(name);
}

static bool is_unchanged(const struct copied *copied, const struct stat *now)
{
    return copied->settled && copied->inode == now->st_ino && copied->size == now->st_size &&
           copied->changed.tv_sec == now->st_mtim.tv_sec &&
           copied->changed.tv_nsec == now->st_mtim.tv_nsec;
}

static int bring_up_to_date(struct log_move *move, const char *name)
{
    char path[PATH_MAX];
    struct stat status;
    struct copied *copied = map_get_text(&move->copied, name);

    if (snprintf(path, sizeof path, "%s/%s", move->source, name) >= (int)sizeof path)
        return K_INVALID_ARGUMENT;
    if (move->read->stat_path(move->read, path, &status) != 0)
        return read_failed();
    if (!S_ISREG(status.st_mode))
        return 0;
    if (copied != NULL && is_unchanged(copied, &status)) {
        copied->there = true;
        return 0;
    }
    if (copied == NULL) {
        copied = calloc(1, sizeof *copied);
        if (copied == NULL || map_put_text(&move->copied, name, copied, NULL) != 0) {
            free(copied);
            return K_NOMEM;
        }
    }
    return copy_file(move, name, copied);
}

/* One round over the source. `still`: nobody changes it, so that what is missing is an error. */
static int copy_round(struct log_move *move, bool still)
{
    size_t position = 0;
    void *value;
    while (map_next(&move->copied, &position, NULL, NULL, &value))
        ((struct copied *)value)->there = false;

    DIR *listing = move->read->opendir(move->read, move->source);
    if (listing == NULL)
        return K_KAFKA_STORAGE_ERROR;
    int error = 0, cut_short = 0;
    struct dirent *entry;
    while (error == 0 && (entry = io_next_entry(move->read, listing, &cut_short)) != NULL) {
        if (is_wanted(entry->d_name))
            error = bring_up_to_date(move, entry->d_name);
        if (error == K_NOT_FOUND)
            error = still ? K_KAFKA_STORAGE_ERROR : 0;
    }
    closedir(listing);
    return cut_short != 0 ? K_KAFKA_STORAGE_ERROR : error;
}

/* What was copied and is not there any more. */
static int remove_extra(struct log_move *move)
{
    size_t position = 0, size;
    const void *key;
    void *value;
    char path[PATH_MAX];
    while (map_next(&move->copied, &position, &key, &size, &value)) {
        if (((struct copied *)value)->there)
            continue;
        if (snprintf(path, sizeof path, "%s/%.*s", move->future, (int)size, (const char *)key) >=
            (int)sizeof path)
            return K_INVALID_ARGUMENT;
        if (move->write->unlink(move->write, path) != 0 && errno != ENOENT)
            return write_failed(move);
    }
    return 0;
}

/* --- two of one name -------------------------------------------------------------------------- */

static bool has_word(const struct io *io, const char *partition_path, const char *word)
{
    char path[PATH_MAX];
    struct stat status;
    return snprintf(path, sizeof path, "%s/%s", partition_path, word) < (int)sizeof path &&
           io->stat_path(io, path, &status) == 0;
}

static int say(struct logdir *directory, const char *partition_path, const char *word)
{
    static const char text[] = "version=0\n";
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", partition_path, word) >= (int)sizeof path)
        return K_INVALID_ARGUMENT;
    return failed(directory, io_replace_file(logdir_io(directory), path, text, sizeof text - 1,
                                             IO_DURABLE));
}

int log_move_claim(const struct io *io, const char *partition_path)
{
    const char *const words[] = { arrived_name, leaving_name };
    char path[PATH_MAX];
    bool said = false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!has_word(io, partition_path, words[i]))
            continue;
        said = true;
        snprintf(path, sizeof path, "%s/%s", partition_path, words[i]);
        if (io->unlink(io, path) != 0)
            return io_error();
    }
    return said ? io_sync_names(io, partition_path) : 0;
}

static bool said_by(struct logdir *directory, const char *topic, int32_t partition,
                    const char *word)
{
    char *own = logdir_partition_path(directory, topic, partition);
    bool said = own != NULL && has_word(logdir_io(directory), own, word);
    free(own);
    return said;
}

int log_move_settle(struct logdir *a, struct logdir *b, const char *topic, int32_t partition,
                    struct logdir **winner)
{
    bool a_arrived = said_by(a, topic, partition, arrived_name);
    bool b_arrived = said_by(b, topic, partition, arrived_name);
    bool a_leaving = said_by(a, topic, partition, leaving_name);
    bool b_leaving = said_by(b, topic, partition, leaving_name);
    int error;

    if (a_leaving != b_leaving) {
        *winner = a_leaving ? b : a;
        error = logdir_doom(a_leaving ? a : b, topic, partition, NULL);
    } else if (a_arrived != b_arrived && !a_leaving) {
        *winner = a_arrived ? b : a;        /* it went on there, without the other */
        error = logdir_set_aside(a_arrived ? a : b, topic, partition);
    } else {
        return K_NOT_FOUND;
    }
    if (error != 0)
        LOG_WARN("move-unsettled", "topic=%s partition=%" PRId32 " used=%s error=%s", topic,
                 partition, logdir_path(*winner), k_error_name(error));
    return error;
}

/* --- the steps -------------------------------------------------------------------------------- */

static int check_in_use(const struct log_move *move)
{
    if (move->stop != NULL && move->stop(move->context))
        return K_CLOSED;
    return logdir_fenced(move->from) || logdir_fenced(move->to) ? K_KAFKA_STORAGE_ERROR : 0;
}

int log_move_copy(struct log_move *move)
{
    struct stat status;
    int error = check_in_use(move);
    if (error != 0)
        return error;
    if (move->write->stat_path(move->write, move->target, &status) == 0)
        return K_EXISTS;
    if (errno != ENOENT || move->write->mkdir(move->write, move->future, 0755) != 0)
        return write_failed(move);
    move->made = true;
    return copy_round(move, false);
}

/* M4. Could it be that the copy has its name, although the call failed? */
static bool may_be_renamed(const struct log_move *move)
{
    struct stat status;
    return move->write->stat_path(move->write, move->target, &status) == 0 || errno != ENOENT;
}

static int rename_copy(struct log_move *move)
{
    const char *directory = logdir_path(move->to);
    bool renamed = move->write->rename(move->write, move->future, move->target) == 0;
    int error = renamed ? 0 : io_error();
    if (!renamed && !may_be_renamed(move)) {
        logdir_forget(move->to, move->topic, move->partition);
        return failed(move->to, error);
    }
    move->moved = true;
    if (!renamed || move->write->sync_directory(move->write, directory) != 0)
        logdir_fence(move->to, K_IO, "move");
    return 0;
}

int log_move_finish(struct log_move *move, char **doomed)
{
    *doomed = NULL;
    int error = check_in_use(move);
    if (error == 0)
        error = copy_round(move, true);
    if (error == 0)
        error = remove_extra(move);
    if (error == 0)
        error = say(move->to, move->future, arrived_name);
    if (error == 0)
        error = say(move->from, move->source, leaving_name);
    if (error == 0)
        error = check_in_use(move);     /* the last moment at which nothing has happened */
    if (error == 0)
        error = logdir_adopt(move->to, move->from, move->topic, move->partition);
    if (error == 0)
        error = rename_copy(move);
    if (error != 0)
        return error;

    /* M1: of a copy whose name may be lost the original stays; the start knows which counts. */
    if (logdir_fenced(move->to))
        logdir_forget(move->from, move->topic, move->partition);
    else
        error = logdir_doom(move->from, move->topic, move->partition, doomed);
    if (failed(move->from, error) != 0)
        logdir_forget(move->from, move->topic, move->partition);
    return 0;
}
