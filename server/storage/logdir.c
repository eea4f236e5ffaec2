/* storage/logdir.c - open, claim, fence and close a log directory. */
#include "server/storage/logdir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "server/storage/identity.h"
#include "server/storage/io.h"
#include "server/storage/logdir_internal.h"

enum { FULL_LOOKS = 5 };                /* who is refused tries again within a second or two */

static const char *path_in(const struct logdir *directory, const char *name, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s", directory->path, name);
    return path;
}

/* --- opening ------------------------------------------------------------------------------ */

/* mkdir -p; what was made is there after a power cut. Why not is in errno. */
static int make_directory(const struct io *io, const char *path)
{
    char prefix[PATH_MAX];
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof prefix) {
        errno = size == 0 ? ENOENT : ENAMETOOLONG;
        return io_error();
    }
    int error = 0;
    for (size_t i = 1; i <= size && error == 0; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(prefix, path, i);
        prefix[i] = '\0';
        if (io->mkdir(io, prefix, 0755) == 0)
            error = io_sync_parent(io, prefix);
        else if (errno != EEXIST)
            error = io_error();
    }
    return error;
}

/* At the start, for errno. Who may not use a directory is told so: nothing of it is damaged. */
static int cannot(const char *what, const char *path, struct k_reason *reason)
{
    int error = errno, code = io_error();
    bool denied = error == EACCES || error == EPERM;

    return k_reason_set(reason, denied ? K_IO : code, "cannot %s %s: %s%s", what, path,
                        strerror(error),
                        denied ? "; the account that runs the broker has to own it (chown)" : "");
}

/* An open-file-description lock: it keeps other processes out, Kafka's Java among them, and other
 * brokers of this process as well. */
static int lock(struct logdir *directory, struct k_reason *reason)
{
    char path[PATH_MAX], holder[32] = "";
    int fd = directory->io->open(directory->io, path_in(directory, ".lock", path),
                                 O_RDWR | O_CREAT, 0644);
    if (fd < 0)
        return cannot("open", path, reason);

    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    if (fcntl(fd, F_OFD_SETLK, &whole) != 0) {
        int code = errno == EAGAIN || errno == EACCES ? K_BUSY : io_error();
        if (pread(fd, holder, sizeof holder - 1, 0) <= 0)
            snprintf(holder, sizeof holder, "unknown");
        (void)directory->io->close(directory->io, fd);
        holder[strcspn(holder, "\n")] = '\0';
        return k_reason_set(reason, code,
                            "log directory %s is locked by another broker (process %s); "
                            "stop it, or give this one its own log.dirs",
                            directory->path, holder);
    }
    /* Only for people: who holds it. A failure to write it changes nothing. */
    int size = snprintf(holder, sizeof holder, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) == 0 && pwrite(fd, holder, (size_t)size, 0) < 0)
        LOG_DEBUG("lock-unsigned", "path=%s errno=%d", path, errno);
    directory->lock_fd = fd;
    return 0;
}

/* The mark speaks for one start only: it is gone, durably, before anything relies on it. */
static int consume_clean_mark(struct logdir *directory)
{
    char path[PATH_MAX];
    const struct io *io = directory->io;
#ifdef MUTANT_TRUST_CLEAN_MARK
    struct stat status;
    directory->was_clean =
        io->stat_path(io, path_in(directory, ".kafka_cleanshutdown", path), &status) == 0;
    return 0;
#endif
    if (io->unlink(io, path_in(directory, ".kafka_cleanshutdown", path)) != 0) {
        if (errno == EISDIR)
            return io_remove_file(io, path);        /* nothing that a stop has left */
        return errno == ENOENT ? 0 : io_error();
    }
    int error = io_sync_names(io, directory->path);
    directory->was_clean = error == 0;
    return error;
}

static int read_identity(struct logdir *directory, struct k_reason *reason)
{
    struct logdir_identity *identity = &directory->identity;
    char path[PATH_MAX], *text;
    size_t size;

    identity->broker_id = -1;
    int error = io_read_file(directory->io, path_in(directory, "meta.properties", path),
                             IDENTITY_FILE_MAX, &text, &size);
    if (error == 0) {
        error = identity_parse(text, identity);
        free(text);
        if (error == K_NOT_FOUND || error == K_CORRUPT)
            return k_reason_set(reason, K_CORRUPT,
                                "%s is damaged, or of a Kafka that is not "
                                "supported (version=0 with broker.id and cluster.id is expected); "
                                "restore it, or remove it if the partitions there have other "
                                "replicas in sync",
                                path);
    }
    if (error != 0 && error != K_NOT_FOUND)
        return k_reason_set(reason, error, "cannot read %s: %s", path, k_error_text(error));
    directory->stored = error == 0 && !uuid_is_zero(&identity->directory_id);
    if (uuid_is_zero(&identity->directory_id))
        identity->directory_id = uuid_random();

    return logdir_load_incarnation(directory, reason);
}

static int add_partition(void *context, const char *topic, int32_t partition)
{
    return logdir_marks_add(context, topic, partition);
}

static int open_locked(struct logdir *directory, struct k_reason *reason)
{
    int error = read_identity(directory, reason);
    if (error != 0)
        return error;
    error = consume_clean_mark(directory);
    if (error == 0)
        error = logdir_doom_unfinished(directory);
    if (error == 0)
        error = logdir_each(directory, add_partition, directory);
    if (error == 0)
        error = logdir_marks_load(directory);
    if (error != 0)
        return k_reason_set(reason, error, "cannot read log directory %s: %s", directory->path,
                            k_error_text(error));
    return 0;
}

int logdir_open(const char *path, const struct io *io, struct logdir **out, struct k_reason *reason)
{
    struct logdir *directory = calloc(1, sizeof *directory);
    if (directory == NULL)
        return k_reason_set(reason, K_NOMEM, "out of memory");
    directory->io = io;
    int error = K_NOMEM;
    directory->path = strdup(path);
    if (directory->path == NULL)
        goto free_directory;
    error = logdir_marks_init(directory);
    if (error != 0)
        goto free_directory;
    error = make_directory(io, path);
    if (error != 0) {
        error = cannot("make log directory", path, reason);
        goto free_marks;
    }
    error = lock(directory, reason);
    if (error != 0)
        goto free_marks;
    error = open_locked(directory, reason);
    if (error != 0)
        goto unlock;

    *out = directory;
    return 0;

unlock:
    (void)io->close(io, directory->lock_fd);
free_marks:
    logdir_marks_fini(directory);
free_directory:
    free(directory->path);
    free(directory);
    return error;
}

/* --- identity ----------------------------------------------------------------------------- */

const struct logdir_identity *logdir_identity(const struct logdir *directory)
{
    return &directory->identity;
}

int logdir_claim(struct logdir *directory, int32_t broker_id, const char *cluster_id,
                 struct k_reason *reason)
{
    struct logdir_identity *identity = &directory->identity;
    char path[PATH_MAX], text[IDENTITY_TEXT_MAX];

    if (identity->broker_id >= 0 && strcmp(identity->cluster_id, cluster_id) != 0)
        return k_reason_set(
            reason, K_WRONG_CLUSTER,
            "log directory %s belongs to cluster %s, but "
            "ZooKeeper says cluster %s; check zookeeper.connect, or give the broker an "
            "empty log directory",
            directory->path, identity->cluster_id, cluster_id);
    if (identity->broker_id >= 0 && identity->broker_id != broker_id)
        return k_reason_set(reason, K_WRONG_BROKER,
                            "log directory %s belongs to broker %" PRId32
                            ", but broker.id is %" PRId32 "; set broker.id=%" PRId32
                            ", or give the "
                            "broker its own log directory",
                            directory->path, identity->broker_id, broker_id, identity->broker_id);
    if (strlen(cluster_id) >= sizeof identity->cluster_id || cluster_id[0] == '\0' || broker_id < 0)
        return k_reason_set(reason, K_INVALID_ARGUMENT, "broker %" PRId32 " of cluster \"%s\" can "
                            "not own a log directory", broker_id, cluster_id);
    if (directory->stored)
        return 0;

    struct logdir_identity claimed = *identity;
    claimed.broker_id = broker_id;
    snprintf(claimed.cluster_id, sizeof claimed.cluster_id, "%s", cluster_id);
    size_t size = identity_format(&claimed, text);
    int error = io_replace_file(directory->io, path_in(directory, "meta.properties", path), text,
                                size, IO_DURABLE);
    if (error != 0)
        return k_reason_set(reason, error == K_DISK_FULL ? error : K_IO, "cannot write %s: %s",
                            path, k_error_text(error));
    *identity = claimed;
    directory->stored = true;
    return 0;
}

bool logdir_was_clean(const struct logdir *directory)
{
    return directory->was_clean;
}

bool logdir_is_foreign(const struct logdir *directory)
{
    return directory->foreign;
}

bool logdir_may_have_lost_data(const struct logdir *directory)
{
    return directory->lost;
}

int64_t logdir_found_bytes(const struct logdir *directory)
{
    return atomic_load_explicit(&directory->found_bytes, memory_order_relaxed);
}

int64_t logdir_checked_bytes(const struct logdir *directory)
{
    return atomic_load_explicit(&directory->checked_bytes, memory_order_relaxed);
}

const char *logdir_path(const struct logdir *directory)
{
    return directory->path;
}

const struct io *logdir_io(const struct logdir *directory)
{
    return directory->io;
}

int logdir_sync(struct logdir *directory)
{
    return directory->io->sync_filesystem(directory->io, directory->lock_fd) != 0 ? io_error() : 0;
}

/* --- end of use --------------------------------------------------------------------------- */

void logdir_fence(struct logdir *directory, int code, const char *what)
{
    if (atomic_exchange(&directory->fenced, true))
        return;
    LOG_ERROR("log-directory-fenced", "path=%s during=%s error=%s", directory->path, what,
              k_error_name(code));
#ifndef MUTANT_TRUSTED_AFTER_EIO
    logdir_withdraw(directory);
#endif
    struct logdir_watch *watch = atomic_load(&directory->watch);
    if (watch != NULL)
        watch->fenced(watch);
}

void logdir_set_watch(struct logdir *directory, struct logdir_watch *watch)
{
    atomic_store(&directory->watch, watch);
}

bool logdir_fenced(const struct logdir *directory)
{
    return atomic_load_explicit(&directory->fenced, memory_order_relaxed);
}

void logdir_refused(struct logdir *directory)
{
    atomic_store_explicit(&directory->full_looks, FULL_LOOKS, memory_order_relaxed);
}

bool logdir_full(struct logdir *directory)
{
    return atomic_load_explicit(&directory->full_looks, memory_order_relaxed) > 0 &&
           atomic_fetch_sub_explicit(&directory->full_looks, 1, memory_order_relaxed) > 0;
}

/* False, and logged: there is none. */
static bool write_clean_mark(struct logdir *directory)
{
    static const char text[] = "{\"version\":0,\"brokerEpoch\":-1}";
    char path[PATH_MAX];
    if (!logdir_loss_settled(directory)) {
        LOG_WARN("stop-not-clean", "path=%s reason=\"what the machine may have taken is not known, "
                 "or was not told\"", directory->path);
        return false;
    }
    int error = logdir_settle(directory);
    if (error == K_BUSY) {
        LOG_WARN("stop-not-clean", "path=%s reason=\"a log was not closed clean\"",
                 directory->path);
        return false;
    }
#ifndef MUTANT_STOP_UNFENCED
    if (error != 0)                     /* a failed sync, whatever its cause */
        logdir_fence(directory, error, "clean stop");
#endif
    if (error == 0)
        error = logdir_checkpoint(directory);
    if (error == 0)
        error = io_replace_file(directory->io, path_in(directory, ".kafka_cleanshutdown", path),
                                text, sizeof text - 1, IO_DURABLE);
    if (error != 0)
        LOG_WARN("stop-not-clean", "path=%s error=%s", directory->path, k_error_name(error));
    return error == 0;
}

bool logdir_close(struct logdir *directory, bool clean)
{
    if (directory == NULL)
        return true;
    bool marked = clean && !logdir_fenced(directory) && write_clean_mark(directory);
    /* Even after an unclean stop the next start reads less with fresh checkpoints. */
    (void)logdir_checkpoint(directory);
    (void)directory->io->close(directory->io, directory->lock_fd);
    logdir_marks_fini(directory);
    free(directory->path);
    free(directory);
    return marked == clean;
}
