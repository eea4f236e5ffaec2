/* storage/logdir_entries.c - the partition directories inside a log directory. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "server/storage/doomed.h"
#include "server/storage/file_name.h"
#include "server/storage/identity.h"
#include "server/storage/io.h"
#include "server/storage/logdir_internal.h"

enum { NAME_BYTES_MAX = 255 };          /* of a directory entry */

char *logdir_partition_path(const struct logdir *directory, const char *topic, int32_t partition)
{
    char *path;
    if (asprintf(&path, "%s/%s-%" PRId32, directory->path, topic, partition) < 0)
        return NULL;
    return path;
}

int logdir_each(struct logdir *directory,
                int (*each)(void *context, const char *topic, int32_t partition), void *context)
{
    DIR *listing = directory->io->opendir(directory->io, directory->path);
    if (listing == NULL)
        return io_error();

    int error = 0;
    struct dirent *entry;
    while (error == 0 && (entry = io_next_entry(directory->io, listing, &error)) != NULL) {
        char topic[NAME_BYTES_MAX + 1];
        size_t topic_size;
        int32_t partition;
        if (!partition_name_parse(entry->d_name, &topic_size, &partition))
            continue;
        if (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)
            continue;
        snprintf(topic, sizeof topic, "%.*s", (int)topic_size, entry->d_name);
        error = each(context, topic, partition);
    }
    closedir(listing);
    return error;
}

/* --- listing ------------------------------------------------------------------------------ */

struct collected {
    struct logdir *directory;
    struct logdir_entry *entries;
    size_t count, capacity;
};

/* Zero when partition.metadata does not tell. */
static struct uuid topic_id_of(struct logdir *directory, const char *topic, int32_t partition)
{
    char path[PATH_MAX], *text;
    size_t size;
    struct uuid id = { { 0 } };
    snprintf(path, sizeof path, "%s/%s-%" PRId32 "/partition.metadata", directory->path, topic,
             partition);
    if (io_read_file(directory->io, path, IDENTITY_FILE_MAX, &text, &size) == 0) {
        (void)partition_metadata_parse(text, &id);
        free(text);
    }
    return id;
}

bool logdir_holds(struct logdir *directory, const char *topic, int32_t partition,
                  const struct uuid *topic_id)
{
    struct uuid stored = topic_id_of(directory, topic, partition);
    return uuid_equal(&stored, topic_id);
}

static int collect(void *context, const char *topic, int32_t partition)
{
    struct collected *all = context;
    if (all->count == all->capacity) {
        size_t capacity = all->capacity == 0 ? 16 : 2 * all->capacity;
        struct logdir_entry *entries = realloc(all->entries, capacity * sizeof *entries);
        if (entries == NULL)
            return K_NOMEM;
        all->entries = entries;
        all->capacity = capacity;
    }

    struct logdir_entry entry = { .topic = strdup(topic), .partition = partition,
                                  .topic_id = topic_id_of(all->directory, topic, partition) };
    if (entry.topic == NULL)
        return K_NOMEM;
    all->entries[all->count++] = entry;
    return 0;
}

int logdir_list(struct logdir *directory, struct logdir_entry **entries, size_t *count)
{
    struct collected all = { .directory = directory };
    int error = logdir_each(directory, collect, &all);
    if (error != 0) {
        logdir_entries_free(all.entries, all.count);
        return error;
    }
    *entries = all.entries;
    *count = all.count;
    return 0;
}

void logdir_entries_free(struct logdir_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(entries[i].topic);
    free(entries);
}

/* --- out of the way ----------------------------------------------------------------------- */

/* "<topic>-<partition>.<32 hex digits>-<why>", with the front cut so that the name fits, as Kafka
 * does. */
char *logdir_away_path(const struct logdir *directory, const char *topic, int32_t partition,
                       const char *why)
{
    char name[NAME_BYTES_MAX + 1], tail[64], *path;
    struct uuid id = uuid_random();
    int at = snprintf(tail, sizeof tail, ".");
    for (size_t i = 0; i < sizeof id.bytes; i++)
        at += snprintf(tail + at, sizeof tail - (size_t)at, "%02x", id.bytes[i]);
    snprintf(tail + at, sizeof tail - (size_t)at, "-%s", why);

    int room = NAME_BYTES_MAX - (int)strlen(tail);
    snprintf(name, sizeof name, "%s-%" PRId32, topic, partition);
    if (asprintf(&path, "%s/%.*s%s", directory->path, room, name, tail) < 0)
        return NULL;
    return path;
}

/* *path (NULL is allowed) is the new one, malloc'ed. */
static int rename_away(struct logdir *directory, const char *topic, int32_t partition,
                       const char *why, char **path)
{
    char *from = logdir_partition_path(directory, topic, partition);
    char *to = logdir_away_path(directory, topic, partition, why);
    int error = from == NULL || to == NULL ? K_NOMEM : 0;
    if (error == 0 && directory->io->rename(directory->io, from, to) != 0)
        error = io_error();
    if (error == 0)
        error = io_sync_names(directory->io, directory->path);
    if (error == 0)
        logdir_forget(directory, topic, partition);
    free(from);
    if (path == NULL || error != 0) {
        free(to);
        to = NULL;
    }
    if (path != NULL)
        *path = to;
    return error;
}

int logdir_doom(struct logdir *directory, const char *topic, int32_t partition, char **path)
{
    return rename_away(directory, topic, partition, "delete", path);
}

int logdir_set_aside(struct logdir *directory, const char *topic, int32_t partition)
{
    char *path;
    int error = rename_away(directory, topic, partition, "stray", &path);
    if (error == 0)
        LOG_WARN("partition-set-aside",
                 "directory=%s topic=%s partition=%" PRId32
                 " now=%s reason=\"the cluster counts on no such copy here\" "
                 "action=\"nobody reads it any more: see kairn log dump, then delete it\"",
                 directory->path, topic, partition, path);
    else if (error != K_NOT_FOUND && error != K_DISK_FULL && error != K_NOMEM)
        logdir_fence(directory, error, "set aside");
    free(path);
    return error;
}

int logdir_doom_unfinished(struct logdir *directory)
{
    static const char unfinished[] = "-future";
    DIR *listing = directory->io->opendir(directory->io, directory->path);
    if (listing == NULL)
        return io_error();
    int error = 0;
    struct dirent *entry;
    while (error == 0 && (entry = io_next_entry(directory->io, listing, &error)) != NULL) {
        char from[PATH_MAX], to[PATH_MAX];
        if (!file_name_ends(entry->d_name, unfinished) ||
            snprintf(from, sizeof from, "%s/%s", directory->path, entry->d_name) >=
                (int)sizeof from)
            continue;
        snprintf(to, sizeof to, "%s/%.*s-delete", directory->path,
                 (int)(strlen(entry->d_name) - strlen(unfinished)), entry->d_name);
        if (directory->io->rename(directory->io, from, to) != 0)
            error = io_error();
    }
    closedir(listing);
    return error;
}

void logdir_delete_doomed(struct logdir *directory, bool (*stop)(const void *context),
                          const void *context)
{
    DIR *listing = directory->io->opendir(directory->io, directory->path);
    if (listing == NULL)
        return;
    struct dirent *entry;
    while (!(stop != NULL && stop(context)) &&
           (entry = directory->io->readdir(directory->io, listing)) != NULL) {
        char path[PATH_MAX];
        if (file_name_ends(entry->d_name, "-delete") &&
            snprintf(path, sizeof path, "%s/%s", directory->path, entry->d_name) <
                (int)sizeof path &&
            doomed_delete_directory(directory->io, path, stop, context) == K_IO)
            logdir_fence(directory, K_IO, "delete");
    }
    closedir(listing);
}
