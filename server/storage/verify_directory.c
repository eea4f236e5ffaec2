/* storage/verify_directory.c - a log directory: its own files, then every partition in it. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/map.h"
#include "server/storage/checkpoint.h"
#include "server/storage/file_name.h"
#include "server/storage/identity.h"
#include "server/storage/io.h"
#include "server/storage/verify_internal.h"

enum { NAME_BYTES_MAX = 255 };

/* What the checkpoints say of one partition. */
struct row {
    struct verify_marks marks;
    bool there;                         /* so is the partition's directory */
};

struct rows {
    struct map by_name;                 /* "topic-partition" to struct row, owned */
    size_t field;                       /* of struct verify_marks that is being read */
};

/* --- text files --------------------------------------------------------------------------- */

static int row_of(struct rows *rows, const char *name, struct row **out)
{
    struct row *row = map_get_text(&rows->by_name, name);
    if (row == NULL) {
        row = calloc(1, sizeof *row);
        if (row == NULL)
            return K_NOMEM;
        row->marks = (struct verify_marks){ -1, -1, -1, -1, -1 };
        if (map_put_text(&rows->by_name, name, row, NULL) != 0) {
            free(row);
            return K_NOMEM;
        }
    }
    *out = row;
    return 0;
}

/* `context`: struct rows to be filled, or NULL. */
static int offset_row(void *context, const struct checkpoint_field *fields)
{
    struct rows *rows = context;
    char name[NAME_BYTES_MAX + 1];
    int64_t partition, offset;
    struct row *row;

    if (fields[0].size == 0 || memchr(fields[0].text, '\0', fields[0].size) != NULL ||
        !checkpoint_number(fields[1], 0, INT32_MAX, &partition) ||
        !checkpoint_number(fields[2], 0, INT64_MAX, &offset) ||
        snprintf(name, sizeof name, "%.*s-%" PRId64, (int)fields[0].size, fields[0].text,
                 partition) >= (int)sizeof name)
        return K_CORRUPT;
    if (rows == NULL)
        return 0;
    int error = row_of(rows, name, &row);
    if (error == 0)
        memcpy((char *)&row->marks + rows->field, &offset, sizeof offset);
    return error;
}

static int parse_offsets(struct rows *rows, const char *text, size_t size)
{
    return size == 0 ? 0 : checkpoint_parse(text, size, 3, offset_row, rows);
}

/* Ours: a line about the machine before the rows. */
static int parse_written(struct rows *rows, const char *text, size_t size)
{
    size_t line = strcspn(text, "\n");
    if (text[line] != '\n')
        return K_CORRUPT;
    return checkpoint_parse(text + line + 1, size - line - 1, 3, offset_row, rows);
}

static int parse_epochs(struct rows *rows, const char *text, size_t size)
{
    struct epoch_file epochs;
    (void)rows;
    epoch_file_init(&epochs);
    int error = size == 0 ? 0 : epoch_file_parse(&epochs, text, size);
    epoch_file_fini(&epochs);
    return error;
}

static int parse_partition(struct rows *rows, const char *text, size_t size)
{
    struct uuid id;
    (void)rows, (void)size;
    return partition_metadata_parse(text, &id);
}

static int parse_identity(struct rows *rows, const char *text, size_t size)
{
    struct logdir_identity identity = { .broker_id = -1 };
    (void)rows, (void)size;
    return identity_parse(text, &identity);
}

static int parse_incarnation(struct rows *rows, const char *text, size_t size)
{
    char value[UUID_TEXT_SIZE];
    struct uuid id;
    (void)rows, (void)size;
    return properties_find(text, "incarnation", value, sizeof value) && uuid_parse(value, &id)
               ? 0
               : K_CORRUPT;
}

static const struct {
    const char *name;
    int (*parse)(struct rows *rows, const char *text, size_t size);
    bool of_directory;                  /* else of a partition */
    size_t field;
    const char *action;                 /* when it is damaged */
} text_files[] = {
    { "recovery-point-offset-checkpoint", parse_offsets, true,
      offsetof(struct verify_marks, recovery_point),
      "nothing: the next start does without, and checks more" },
    { "log-start-offset-checkpoint", parse_offsets, true, offsetof(struct verify_marks, log_start),
      "the next start takes each log from its first segment: trim again what was trimmed" },
    { "replication-offset-checkpoint", parse_offsets, true,
      offsetof(struct verify_marks, high_watermark), "nothing: the next start does without" },
    { "cleaner-offset-checkpoint", parse_offsets, true, offsetof(struct verify_marks, cleaned),
      "nothing: compaction begins at the start again" },
    { "kairn-checkpoint", parse_written, true, offsetof(struct verify_marks, written_end),
      "nothing: the next start does without, and checks more" },
    { "meta.properties", parse_identity, true, 0,
      "the broker does not start: write version=0, broker.id, cluster.id as they were" },
    { "kairn.properties", parse_incarnation, true, 0,
      "nothing: to the cluster, the next start is a first one" },
    { "leader-epoch-checkpoint", parse_epochs, false, 0,
      "nothing: the next start makes it anew from the batches" },
    { "partition.metadata", parse_partition, false, 0,
      "write version: 0 and topic_id: as kairn topic describe shows it" },
};

enum { TEXT_FILES = sizeof text_files / sizeof *text_files };

/* Read one; rows go to `rows` if that is not NULL. */
static int check_text_file(struct verify *verify, const char *path, size_t which,
                           struct rows *rows)
{
    char *text;
    size_t size;
    int error = io_read_file(verify->io, path, CHECKPOINT_FILE_MAX, &text, &size);

    if (error == 0) {
        if (rows != NULL)
            rows->field = text_files[which].field;
        error = text_files[which].parse(rows, text, size);
        free(text);
    }
    if (error == K_NOMEM || error == K_NOT_FOUND)
        return error;
    if (error == K_IO)
        verify_say(verify, LOG_FINDING_FAULT, path, -1, -1, text_files[which].action,
                   "the file can not be read");
    else if (error != 0)
        verify_say(verify, LOG_FINDING_FAULT, path, -1, -1, text_files[which].action,
                   "the file does not have the form that its name promises");
    return 0;
}

int verify_text_file(struct verify *verify, const char *path, const char *name)
{
    for (size_t i = 0; i < TEXT_FILES; i++) {
        if (strcmp(text_files[i].name, name) == 0)
            return check_text_file(verify, path, i, NULL);
    }
    return K_INVALID_ARGUMENT;
}

/* *found: how many of them there are. */
static int check_own_files(struct verify *verify, const char *directory, struct rows *rows,
                           int *found)
{
    int error = 0;

    *found = 0;
    for (size_t i = 0; i < TEXT_FILES && error == 0; i++) {
        char path[PATH_MAX];
        if (!text_files[i].of_directory)
            continue;
        if (snprintf(path, sizeof path, "%s/%s", directory, text_files[i].name) >=
            (int)sizeof path)
            return K_INVALID_ARGUMENT;
        error = check_text_file(verify, path, i, rows);
        *found += error == 0;
        if (error == K_NOT_FOUND)
            error = 0;                  /* all of them come and go */
    }
    return error;
}

/* --- partitions --------------------------------------------------------------------------- */

/* Does a broker hold the lock? */
static bool is_live(struct verify *verify, const char *directory)
{
    char path[PATH_MAX];
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    if (snprintf(path, sizeof path, "%s/.lock", directory) >= (int)sizeof path)
        return false;
    int fd = verify->io->open(verify->io, path, O_RDONLY, 0);
    if (fd < 0)
        return false;
    bool live = fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
    (void)verify->io->close(verify->io, fd);
    return live;
}

/* Directories that Kafka and we put out of the way. */
static void note_set_aside(struct verify *verify, const char *directory, const char *name)
{
    static const char *const suffixes[] = { "-delete", "-stray", "-future" };
    char path[PATH_MAX];

    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        if (file_name_ends(name, suffixes[i]) &&
            snprintf(path, sizeof path, "%s/%s", directory, name) < (int)sizeof path)
            verify_say(verify, LOG_FINDING_NOTE, path, -1, -1, NULL,
                       "put out of the way, and not looked into");
    }
}

/* Call for every partition's directory. */
static int each_partition(struct verify *verify, const char *directory, struct rows *rows,
                          int (*each)(struct verify *verify, const char *path, struct row *row))
{
    DIR *listing = verify->io->opendir(verify->io, directory);
    struct dirent *entry;
    int error = 0;

    if (listing == NULL)
        return io_error();
    while (error == 0 && (entry = io_next_entry(verify->io, listing, &error)) != NULL) {
        char path[PATH_MAX];
        size_t topic_size;
        int32_t partition;
        struct row *row;
        struct stat status;
        if (!partition_name_parse(entry->d_name, &topic_size, &partition) ||
            snprintf(path, sizeof path, "%s/%s", directory, entry->d_name) >= (int)sizeof path ||
            verify->io->stat_path(verify->io, path, &status) != 0 || !S_ISDIR(status.st_mode))
            continue;
        error = row_of(rows, entry->d_name, &row);
        if (error == 0)
            error = each(verify, path, row);
    }
    closedir(listing);
    return error;
}

static int count_bytes(struct verify *verify, const char *path, struct row *row)
{
    row->there = true;
    verify->bytes_all += verify_partition_bytes(verify, path);
    return 0;
}

static int verify_one(struct verify *verify, const char *path, struct row *row)
{
    int error = verify_partition_directory(verify, path, &row->marks);
    if (error != K_IO && error != K_NOT_FOUND)
        return error;
    verify_say(verify, LOG_FINDING_FAULT, path, -1, -1,
               "see the system's log for what the disk says",
               "the directory can not be read: %s", k_error_text(error));
    return 0;
}

static int note_others(struct verify *verify, const char *directory)
{
    DIR *listing = verify->io->opendir(verify->io, directory);
    struct dirent *entry;
    int error = 0;

    if (listing == NULL)
        return io_error();
    while ((entry = io_next_entry(verify->io, listing, &error)) != NULL)
        note_set_aside(verify, directory, entry->d_name);
    closedir(listing);
    return error;
}

static void free_rows(struct verify *verify, const char *directory, struct rows *rows, bool tell)
{
    size_t position = 0, size;
    const void *key;
    void *value;

    while (map_next(&rows->by_name, &position, &key, &size, &value)) {
        struct row *row = value;
        if (tell && !row->there)
            verify_say(verify, LOG_FINDING_NOTE, directory, -1, -1,
                       "nothing: the next start forgets it",
                       "a checkpoint names partition %.*s, which is not here", (int)size,
                       (const char *)key);
        free(row);
    }
    map_fini(&rows->by_name);
}

int verify_log_directory(struct verify *verify, const char *path)
{
    struct rows rows = { 0 };
    int found;

    map_init(&rows.by_name);
    verify->summary->live = is_live(verify, path);
    /* Before the logs: these only grow. */
    int error = check_own_files(verify, path, &rows, &found);
    if (error == 0)
        error = note_others(verify, path);
    if (error == 0)
        error = each_partition(verify, path, &rows, count_bytes);
    if (error == 0)
        error = each_partition(verify, path, &rows, verify_one);
    if (error == 0 && found == 0 && verify->summary->partitions == 0)
        error = K_INVALID_ARGUMENT;     /* some directory */
    free_rows(verify, path, &rows, error == 0 && !verify->summary->live);
    return error;
}
