/* storage/producer_files.c - read, write and remove the files of a producer state.
 *
 * The second file first, so that a snapshot that is there has all that belongs to it, as long as
 * the machine runs. Removed in the other order. */
#include "server/storage/producer_files.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/error.h"
#include "common/log.h"
#include "server/storage/io.h"
#include "server/storage/producer_runs.h"
#include "server/storage/producer_state.h"

static const char *path_of(const char *directory, int64_t offset, const char *suffix,
                           char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%020" PRId64 "%s", directory, offset, suffix);
    return path;
}

/* What the second file adds. Without it, requests before each producer's last are not known. */
static int read_runs(const struct io *io, const char *directory, int64_t offset,
                     const uint8_t *snapshot, struct producer_state *state)
{
    char path[PATH_MAX], *bytes = NULL;
    size_t size;
    int error = io_read_file(io, path_of(directory, offset, PRODUCER_RUNS_SUFFIX, path),
                             PRODUCER_SNAPSHOT_FILE_MAX, &bytes, &size);
    if (error == 0)
        error = producer_runs_decode(state, (const uint8_t *)bytes, size, offset, snapshot);
    free(bytes);
    if (error != K_CORRUPT)
        return error == K_NOT_FOUND ? 0 : error;
    LOG_WARN("producer-runs-dropped", "file=%s reason=\"it is damaged, or not of the snapshot "
             "beside it: of each producer only the last batch is known\"", path);
    return io_remove_file(io, path);
}

int producer_files_read(const struct io *io, const char *directory, int64_t offset,
                        struct producer_state *state)
{
    char path[PATH_MAX], *bytes;
    size_t size;
    int error = io_read_file(io, path_of(directory, offset, PRODUCER_SNAPSHOT_SUFFIX, path),
                             PRODUCER_SNAPSHOT_FILE_MAX, &bytes, &size);
    if (error != 0)
        return error;
    error = producer_state_decode(state, (const uint8_t *)bytes, size, offset);
    if (error == 0)
        error = read_runs(io, directory, offset, (const uint8_t *)bytes, state);
    free(bytes);
    return error;
}

static int write_runs(const struct io *io, const char *directory, int64_t offset,
                      const uint8_t *snapshot, const struct producer_state *state)
{
    char path[PATH_MAX];
    uint8_t *bytes;
    size_t size;
    path_of(directory, offset, PRODUCER_RUNS_SUFFIX, path);
    int error = producer_runs_encode(state, offset, snapshot, &bytes, &size);
    if (error != 0)
        return error;
#ifdef MUTANT_RUNS_NOT_WRITTEN
    free(bytes);
    return 0;
#endif
    if (bytes == NULL)
        return io_remove_file(io, path);        /* of another time */
    error = io_replace_file(io, path, bytes, size, IO_LAZY);
    free(bytes);
    return error;
}

int producer_files_write(const struct io *io, const char *directory, int64_t offset,
                         const struct producer_state *state)
{
    char path[PATH_MAX];
    uint8_t *bytes;
    size_t size;
    int error = producer_state_encode(state, &bytes, &size);
    if (error != 0)
        return error;
    error = write_runs(io, directory, offset, bytes, state);
    if (error == 0)
        error = io_replace_file(io, path_of(directory, offset, PRODUCER_SNAPSHOT_SUFFIX, path),
                                bytes, size, IO_LAZY);
    free(bytes);
    return error;
}

int producer_files_remove(const struct io *io, const char *directory, int64_t offset)
{
    char path[PATH_MAX];
    int error = io_remove_file(io, path_of(directory, offset, PRODUCER_SNAPSHOT_SUFFIX, path));
    return error != 0 ? error
                      : io_remove_file(io, path_of(directory, offset, PRODUCER_RUNS_SUFFIX, path));
}

int producer_files_sync(const struct io *io, const char *directory, int64_t offset)
{
    char path[PATH_MAX];
    int error = io_sync_file(io, path_of(directory, offset, PRODUCER_SNAPSHOT_SUFFIX, path));
    if (error == 0)
        error = io_sync_file(io, path_of(directory, offset, PRODUCER_RUNS_SUFFIX, path));
    return error == K_NOT_FOUND ? 0 : error;
}
