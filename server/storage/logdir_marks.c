/* storage/logdir_marks.c - what is remembered per partition, and the checkpoint files. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "server/storage/checkpoint.h"
#include "server/storage/io.h"
#include "server/storage/logdir_internal.h"

enum { TOPIC_SIZE = 256, KEY_SIZE = TOPIC_SIZE + 16 };

/* WRITTEN_END goes into our own file, with the machine's life it is good for. */
static const char *const files[LOGDIR_MARKS] = {
    [LOGDIR_RECOVERY_POINT] = "recovery-point-offset-checkpoint",
    [LOGDIR_LOG_START] = "log-start-offset-checkpoint",
    [LOGDIR_HIGH_WATERMARK] = "replication-offset-checkpoint",
    [LOGDIR_WRITTEN_END] = "kairn-checkpoint",
    [LOGDIR_CLEANED] = "cleaner-offset-checkpoint",
};

static const char *make_key(char key[KEY_SIZE], const char *topic, int32_t partition)
{
    snprintf(key, KEY_SIZE, "%s-%" PRId32, topic, partition);
    return key;
}

static struct logdir_partition *find(struct logdir *directory, const char *topic, int32_t partition)
{
    char key[KEY_SIZE];
    return map_get_text(&directory->partitions, make_key(key, topic, partition));
}

int logdir_marks_init(struct logdir *directory)
{
    map_init(&directory->partitions);
    if (pthread_mutex_init(&directory->mutex, NULL) != 0)
        return K_NOMEM;
    if (pthread_mutex_init(&directory->writing, NULL) != 0) {
        pthread_mutex_destroy(&directory->mutex);
        return K_NOMEM;
    }
    return 0;
}

void logdir_marks_fini(struct logdir *directory)
{
    size_t position = 0;
    void *value;
    while (map_next(&directory->partitions, &position, NULL, NULL, &value))
        free(value);
    map_fini(&directory->partitions);
    pthread_mutex_destroy(&directory->mutex);
    pthread_mutex_destroy(&directory->writing);
}

static void clear_marks(struct logdir_partition *partition)
{
    for (int mark = 0; mark < LOGDIR_MARKS; mark++)
        partition->marks[mark] = -1;
}

/* The partition's entry, made if needed. NULL when out of memory. */
static struct logdir_partition *need(struct logdir *directory, const char *topic, int32_t partition)
{
    char key[KEY_SIZE];
    struct logdir_partition *found = find(directory, topic, partition);
    if (found != NULL)
        return found;

    size_t size = strlen(topic) + 1;
    found = calloc(1, sizeof *found + size);
    if (found == NULL)
        return NULL;
    memcpy(found->topic, topic, size);
    found->partition = partition;
    found->trusted = directory->was_clean;
    clear_marks(found);
    if (map_put_text(&directory->partitions, make_key(key, topic, partition), found, NULL) != 0) {
        free(found);
        return NULL;
    }
    return found;
}

int logdir_marks_add(struct logdir *directory, const char *topic, int32_t partition)
{
    return need(directory, topic, partition) == NULL ? K_NOMEM : 0;
}

int64_t logdir_mark(struct logdir *directory, enum logdir_mark mark, const char *topic,
                    int32_t partition)
{
    pthread_mutex_lock(&directory->mutex);
    struct logdir_partition *found = find(directory, topic, partition);
    int64_t offset = found == NULL || found->forgotten ? -1 : found->marks[mark];
    pthread_mutex_unlock(&directory->mutex);
    return offset;
}

int logdir_set_mark(struct logdir *directory, enum logdir_mark mark, const char *topic,
                    int32_t partition, int64_t offset)
{
    pthread_mutex_lock(&directory->mutex);
    struct logdir_partition *found = need(directory, topic, partition);
    if (found != NULL && !found->forgotten && found->marks[mark] != offset) {
        found->marks[mark] = offset;
        directory->changed[mark] = true;
    }
    pthread_mutex_unlock(&directory->mutex);
    return found == NULL ? K_NOMEM : 0;
}

void logdir_forget(struct logdir *directory, const char *topic, int32_t partition)
{
    pthread_mutex_lock(&directory->mutex);
    struct logdir_partition *found = find(directory, topic, partition);
    if (found != NULL) {
        found->forgotten = true;
        memset(directory->changed, true, sizeof directory->changed);
    }
    pthread_mutex_unlock(&directory->mutex);
}

int logdir_begin_new(struct logdir *directory, const char *topic, int32_t partition)
{
    pthread_mutex_lock(&directory->mutex);
    struct logdir_partition *found = find(directory, topic, partition);
    bool named = found != NULL;
    if (named) {
        found->forgotten = true;
        memset(directory->changed, true, sizeof directory->changed);
    }
    pthread_mutex_unlock(&directory->mutex);
    if (named) {
        int error = logdir_checkpoint(directory);
        if (error != 0)
            return error;
    }

    pthread_mutex_lock(&directory->mutex);
    found = need(directory, topic, partition);
    if (found != NULL) {
        found->forgotten = found->trusted = found->unchecked = false;
        clear_marks(found);
        directory->used = true;
    }
    pthread_mutex_unlock(&directory->mutex);
    return found == NULL ? K_NOMEM : 0;
}

int logdir_adopt(struct logdir *directory, struct logdir *from, const char *topic,
                 int32_t partition)
{
    int64_t marks[LOGDIR_MARKS];
    for (int mark = 0; mark < LOGDIR_MARKS; mark++)
        marks[mark] = logdir_mark(from, (enum logdir_mark)mark, topic, partition);
    marks[LOGDIR_RECOVERY_POINT] = marks[LOGDIR_WRITTEN_END];

    pthread_mutex_lock(&directory->mutex);
    struct logdir_partition *found = need(directory, topic, partition);
    if (found != NULL) {
        found->forgotten = found->unchecked = false;
        found->trusted = true;
        memcpy(found->marks, marks, sizeof marks);
        memset(directory->changed, true, sizeof directory->changed);
        directory->used = true;
    }
    pthread_mutex_unlock(&directory->mutex);
    int error = found == NULL ? K_NOMEM : logdir_checkpoint(directory);
    if (error != 0)
        logdir_forget(directory, topic, partition);
    return error;
}

bool logdir_begin(struct logdir *directory, const char *topic, int32_t partition)
{
    pthread_mutex_lock(&directory->mutex);
    struct logdir_partition *found = find(directory, topic, partition);
    bool trusted = found != NULL && found->trusted;
    directory->used = true;
    if (found != NULL)
        found->trusted = false;
    pthread_mutex_unlock(&directory->mutex);
    return trusted;
}

bool logdir_rests(struct logdir *directory, const char *topic, int32_t partition)
{
    pthread_mutex_lock(&directory->mutex);
    const struct logdir_partition *found = find(directory, topic, partition);
    bool rests = found != NULL && !found->forgotten && found->trusted;
    pthread_mutex_unlock(&directory->mutex);
    return rests;
}

void logdir_end(struct logdir *directory, const char *topic, int32_t partition, bool clean)
{
    pthread_mutex_lock(&directory->mutex);
    struct logdir_partition *found = find(directory, topic, partition);
    if (found != NULL)
        found->trusted = clean;
    pthread_mutex_unlock(&directory->mutex);
}

/* --- after the machine stopped ------------------------------------------------------------ */

void logdir_checked(struct logdir *directory, const char *topic, int32_t partition)
{
    pthread_mutex_lock(&directory->mutex);
    struct logdir_partition *found = find(directory, topic, partition);
    if (found != NULL)
        found->unchecked = false;
    pthread_mutex_unlock(&directory->mutex);
}

void logdir_loss_told(struct logdir *directory)
{
#ifdef MUTANT_LOSS_COUNTED_TWICE
    return;
#endif
    pthread_mutex_lock(&directory->mutex);
    if (directory->lost && !directory->loss_told)
        directory->changed[LOGDIR_WRITTEN_END] = true;
    directory->loss_told = true;
    pthread_mutex_unlock(&directory->mutex);
}

/* The caller holds the mutex. A log that was not looked at is checked as after a stop of the
 * machine only by a start that knows of it; and who does not know of it tells nobody. */
static bool loss_settled(struct logdir *directory)
{
    size_t position = 0;
    void *value;

    if (!directory->lost || directory->loss_settled)
        return true;
#ifndef MUTANT_LOSS_UNTOLD
    if (!directory->loss_told)
        return false;
#endif
    while (map_next(&directory->partitions, &position, NULL, NULL, &value)) {
        const struct logdir_partition *partition = value;
        if (!partition->forgotten && partition->unchecked)
            return false;
    }
    directory->loss_settled = true;
    return true;
}

bool logdir_loss_settled(struct logdir *directory)
{
    pthread_mutex_lock(&directory->mutex);
    bool settled = loss_settled(directory);
    pthread_mutex_unlock(&directory->mutex);
    return settled;
}

/* --- a clean stop ------------------------------------------------------------------------- */

int logdir_settle(struct logdir *directory)
{
    bool all = true;
    size_t position = 0;
    void *value;

    pthread_mutex_lock(&directory->mutex);
    while (map_next(&directory->partitions, &position, NULL, NULL, &value)) {
        const struct logdir_partition *partition = value;
        if (partition->forgotten)
            continue;
        all = all && partition->trusted;
    }
    /* Also when every record is synced: the mark speaks for indexes and epochs as well. */
    bool used = directory->used;
    pthread_mutex_unlock(&directory->mutex);
    if (!all)
        return K_BUSY;
    if (!used)
        return 0;
    int error = logdir_sync(directory);
    if (error != 0)
        return error;

    pthread_mutex_lock(&directory->mutex);
    position = 0;
    while (map_next(&directory->partitions, &position, NULL, NULL, &value)) {
        struct logdir_partition *partition = value;
        if (partition->marks[LOGDIR_WRITTEN_END] > partition->marks[LOGDIR_RECOVERY_POINT])
            partition->marks[LOGDIR_RECOVERY_POINT] = partition->marks[LOGDIR_WRITTEN_END];
    }
    directory->changed[LOGDIR_RECOVERY_POINT] = true;
    pthread_mutex_unlock(&directory->mutex);
    return 0;
}

/* --- files -------------------------------------------------------------------------------- */

struct load {
    struct logdir *directory;
    enum logdir_mark mark;
};

static int load_row(void *context, const struct checkpoint_field *fields)
{
    struct load *load = context;
    char topic[TOPIC_SIZE];
    int64_t partition, offset;

    if (fields[0].size == 0 || fields[0].size >= sizeof topic ||
        memchr(fields[0].text, '\0', fields[0].size) != NULL ||
        !checkpoint_number(fields[1], 0, INT32_MAX, &partition) ||
        !checkpoint_number(fields[2], 0, INT64_MAX, &offset))
        return K_CORRUPT;
    memcpy(topic, fields[0].text, fields[0].size);
    topic[fields[0].size] = '\0';

    struct logdir_partition *found = find(load->directory, topic, (int32_t)partition);
    if (found == NULL) {
        /* Of a log that is gone; remembered so that a new one of its name waits for the file. */
        found = need(load->directory, topic, (int32_t)partition);
        if (found == NULL)
            return K_NOMEM;
        found->forgotten = true;
        load->directory->changed[load->mark] = true;
    }
    found->marks[load->mark] = offset;
    return 0;
}

static int load_file(struct logdir *directory, enum logdir_mark mark)
{
    const char *life = directory->life;
    char path[4096], *text;
    size_t size, skip = 0;
    snprintf(path, sizeof path, "%s/%s", directory->path, files[mark]);

    int error = io_read_file(directory->io, path, CHECKPOINT_FILE_MAX, &text, &size);
    if (mark == LOGDIR_WRITTEN_END)
        directory->foreign = error == K_NOT_FOUND;
    if (error == K_NOT_FOUND)
        return 0;
    if (error == K_CORRUPT)
        size = 0, text = NULL;
    else if (error != 0)
        return error;
    if (mark == LOGDIR_WRITTEN_END && text != NULL) {
        size_t line = strcspn(text, "\n");
        bool same = life[0] != '\0' && line == strlen(life) && memcmp(text, life, line) == 0;
        directory->lost = !directory->was_clean && !same;
        skip = line + (text[line] == '\n');
        if (!same)
            goto free_text;
    }
    struct load load = { directory, mark };
    if (error == 0 && size > 0)          /* Kafka starts with empty files */
        error = checkpoint_parse(text + skip, size - skip, 3, load_row, &load);
    if (error == K_CORRUPT) {
        LOG_WARN("checkpoint-damaged", "file=%s action=ignored", path);
        size_t position = 0;
        void *value;
        while (map_next(&directory->partitions, &position, NULL, NULL, &value))
            ((struct logdir_partition *)value)->marks[mark] = -1;
        error = 0;
    }

free_text:
    free(text);
    return error;
}

int logdir_marks_load(struct logdir *directory)
{
    directory->io->life(directory->io, directory->path, directory->life);
    /* Without our sidecar nobody knows what happened to the machine. */
    directory->lost = !directory->was_clean && directory->partitions.count > 0;
    int error = 0;
    for (int mark = 0; mark < LOGDIR_MARKS && error == 0; mark++)
        error = load_file(directory, (enum logdir_mark)mark);
    size_t position = 0;
    void *value;
    while (map_next(&directory->partitions, &position, NULL, NULL, &value))
        ((struct logdir_partition *)value)->unchecked = directory->lost;
    return error;
}

/* The file of `mark` as text; the caller holds the mutex and frees *text. */
static int format_file(struct logdir *directory, enum logdir_mark mark, char **text, size_t *size)
{
    FILE *out = open_memstream(text, size);
    if (out == NULL)
        return K_NOMEM;
    if (mark == LOGDIR_WRITTEN_END)
        fprintf(out, "%s\n", directory->life);
    size_t count = 0, position = 0;
    void *value;
    while (map_next(&directory->partitions, &position, NULL, NULL, &value)) {
        const struct logdir_partition *partition = value;
        count += !partition->forgotten && partition->marks[mark] >= 0;
    }
    fprintf(out, "0\n%zu\n", count);
    position = 0;
    while (map_next(&directory->partitions, &position, NULL, NULL, &value)) {
        const struct logdir_partition *partition = value;
        if (!partition->forgotten && partition->marks[mark] >= 0)
            fprintf(out, "%s %" PRId32 " %" PRId64 "\n", partition->topic, partition->partition,
                    partition->marks[mark]);
    }
    return fclose(out) == 0 ? 0 : K_NOMEM;
}

static int write_file(struct logdir *directory, enum logdir_mark mark)
{
    char path[4096], *text = NULL;
    size_t size = 0;
    int error = 0;

    pthread_mutex_lock(&directory->mutex);
    bool changed = directory->changed[mark] &&
                   (mark != LOGDIR_WRITTEN_END || loss_settled(directory));
    if (changed)
        error = format_file(directory, mark, &text, &size);
    if (changed && error == 0)
        directory->changed[mark] = false;
    pthread_mutex_unlock(&directory->mutex);
    if (!changed)
        return 0;

    snprintf(path, sizeof path, "%s/%s", directory->path, files[mark]);
    if (error == 0)
        error = io_replace_file(directory->io, path, text, size,
                                mark == LOGDIR_WRITTEN_END ? IO_LAZY : IO_DURABLE);
    free(text);
    /* The fence may have come while it was written: then this was the last that wrote it. */
    if (mark == LOGDIR_WRITTEN_END && logdir_fenced(directory))
        logdir_withdraw(directory);
    if (error != 0) {
        pthread_mutex_lock(&directory->mutex);
        directory->changed[mark] = true;
        pthread_mutex_unlock(&directory->mutex);
    }
    return error;
}

/* Forgotten partitions that no file names any more; not while a forgetting is unwritten. */
static void drop_forgotten(struct logdir *directory)
{
    char key[KEY_SIZE];
    size_t position = 0;
    void *value;

    pthread_mutex_lock(&directory->mutex);
    bool pending = false;
    for (int mark = 0; mark < LOGDIR_MARKS; mark++)
        pending = pending || directory->changed[mark];
    while (!pending && map_next(&directory->partitions, &position, NULL, NULL, &value)) {
        struct logdir_partition *partition = value;
        if (partition->forgotten) {
            map_remove_text(&directory->partitions,
                            make_key(key, partition->topic, partition->partition));
            free(partition);
        }
    }
    pthread_mutex_unlock(&directory->mutex);
}

/* Twice, for a machine may have no place in memory to end a life, and a disk may refuse to have a
 * file emptied. Nothing is synced, for the loop that saw the error may be here: the empty file is
 * good as long as the page cache is, and whatever is there after that is of another life of the
 * machine. Neither a new file nor space is needed. */
void logdir_withdraw(struct logdir *directory)
{
    char path[4096];
    const struct io *io = directory->io;
    snprintf(path, sizeof path, "%s/%s", directory->path, files[LOGDIR_WRITTEN_END]);

#ifdef MUTANT_LIFE_KEPT
    bool ended = false;
#else
    bool ended = io->end_life(io, directory->path) == 0;
#endif
    int fd = io->open(io, path, O_WRONLY | O_TRUNC, 0);
    bool gone = fd >= 0 || errno == ENOENT || io_remove_file(io, path) == 0;
    if (fd >= 0)
        (void)io->close(io, fd);
    if (!gone && !ended)
        LOG_WARN("log-directory-still-trusted", "path=%s reason=\"%s can not be emptied\"",
                 directory->path, files[LOGDIR_WRITTEN_END]);
    atomic_store(&directory->withdrawn, gone || ended);
}

int logdir_checkpoint(struct logdir *directory)
{
    if (logdir_fenced(directory)) {
        if (!atomic_load(&directory->withdrawn))
            logdir_withdraw(directory);
        return K_KAFKA_STORAGE_ERROR;
    }
    int error = 0;
    pthread_mutex_lock(&directory->writing);
    for (int mark = 0; mark < LOGDIR_MARKS && error == 0; mark++)
        error = write_file(directory, (enum logdir_mark)mark);
    if (error == 0)
        error = logdir_save_registered(directory);
    pthread_mutex_unlock(&directory->writing);
    if (error == 0)
        drop_forgotten(directory);
    else if (error != K_DISK_FULL && error != K_NOMEM)
        logdir_fence(directory, error, "checkpoint");
    return error;
}
