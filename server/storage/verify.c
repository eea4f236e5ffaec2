/* storage/verify.c - what is it that is to be verified; one partition's directory. */
#include "server/storage/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/storage/file_name.h"
#include "server/storage/identity.h"
#include "server/storage/io.h"
#include "server/storage/producer_files.h"
#include "server/storage/verify_internal.h"

void verify_say(struct verify *verify, enum log_finding_kind kind, const char *path,
                int64_t position, int64_t offset, const char *action, const char *format, ...)
{
    char what[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    if (kind == LOG_FINDING_FAULT)
        verify->summary->faults++;
    else
        verify->summary->notes++;
    const struct log_finding finding = { kind, path, position, offset, what, action };
    verify->options->found(verify->options->context, &finding);
}

/* --- the files of a partition ------------------------------------------------------------- */

static void note_leftover(struct verify *verify, const char *directory, const char *name)
{
    static const char *const suffixes[] = { ".deleted", ".cleaned", ".swap", ".tmp" };
    char path[PATH_MAX];

    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        if (!file_name_ends(name, suffixes[i]) ||
            snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
            continue;
        verify_say(verify, LOG_FINDING_NOTE, path, -1, -1,
                   "nothing: the next start finishes or removes it", "a file of unfinished work");
    }
}

static int note_leftovers(struct verify *verify, const char *path)
{
    DIR *listing = verify->io->opendir(verify->io, path);
    struct dirent *entry;
    int error = 0;

    if (listing == NULL)
        return io_error();
    while ((entry = io_next_entry(verify->io, listing, &error)) != NULL)
        note_leftover(verify, path, entry->d_name);
    closedir(listing);
    return error;
}

/* Bytes of the segments; what can not be looked at counts for nothing. */
int64_t verify_partition_bytes(struct verify *verify, const char *path)
{
    struct file_offsets bases;
    char name[PATH_MAX];
    struct stat status;
    int64_t bytes = 0;

    (void)file_offsets_list(verify->io, path, ".log", &bases);
    for (size_t i = 0; i < bases.count; i++) {
        if (snprintf(name, sizeof name, "%s/%020" PRId64 ".log", path, bases.at[i]) <
                (int)sizeof name &&
            verify->io->stat_path(verify->io, name, &status) == 0)
            bytes += status.st_size;
    }
    file_offsets_fini(&bases);
    return bytes;
}

/* Snapshots of what is known of producers. */
static int check_snapshots(struct verify *verify, const char *path, int64_t end)
{
    struct file_offsets offsets;
    char name[PATH_MAX];
    int error = file_offsets_list(verify->io, path, PRODUCER_SNAPSHOT_SUFFIX, &offsets);

    for (size_t i = 0; i < offsets.count && error == 0; i++) {
        if (snprintf(name, sizeof name, "%s/%020" PRId64 ".snapshot", path, offsets.at[i]) >=
            (int)sizeof name)
            continue;
        error = verify_snapshot(verify, name, offsets.at[i], end);
        if (error == K_NOT_FOUND && verify->summary->live)
            error = 0;                  /* replaced meanwhile */
    }
    file_offsets_fini(&offsets);
    if (error != 0)
        return error;
    error = file_offsets_list(verify->io, path, PRODUCER_RUNS_SUFFIX, &offsets);
    for (size_t i = 0; i < offsets.count && error == 0; i++) {
        error = verify_runs(verify, path, offsets.at[i]);
        if (error == K_NOT_FOUND && verify->summary->live)
            error = 0;
    }
    file_offsets_fini(&offsets);
    return error;
}

/* --- a partition -------------------------------------------------------------------------- */

/* One of the small files; missing is only told, and not even that of an empty log. */
static int check_small_file(struct verify *verify, const char *directory, const char *name,
                            bool expected)
{
    char path[PATH_MAX];
    struct stat status;

    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
        return K_INVALID_ARGUMENT;
    if (verify->io->stat_path(verify->io, path, &status) != 0) {
        if (expected)
            verify_say(verify, LOG_FINDING_NOTE, path, -1, -1,
                       "nothing: the next start makes it anew", "the file is missing");
        return 0;
    }
    return verify_text_file(verify, path, name);
}

static int load_epochs(struct verify_partition *partition, bool expected)
{
    struct verify *verify = partition->verify;
    char path[PATH_MAX];

    int error = check_small_file(verify, partition->path, "leader-epoch-checkpoint", expected);
    if (error != 0)
        return error;
    snprintf(path, sizeof path, "%s/leader-epoch-checkpoint", partition->path);
    error = epoch_file_load(&partition->epochs, verify->io, path);
    partition->epochs_known = error == 0;
    return error == K_NOMEM ? error : 0;
}

/* A file that can not be read is a finding like others: the rest is looked at all the same. */
static int read_segments(struct verify_partition *partition, const struct file_offsets *bases)
{
    for (size_t i = 0; i < bases->count; i++) {
        int error = verify_segment(partition, bases->at[i], i + 1 == bases->count);
        if (error == K_NOMEM)
            return error;
        if (error == K_NOT_FOUND && partition->verify->summary->live) {
            partition->next_offset = -1;    /* retention was faster */
        } else if (error != 0) {
            char path[PATH_MAX];
            snprintf(path, sizeof path, "%s/%020" PRId64 ".log", partition->path, bases->at[i]);
            verify_say(partition->verify, LOG_FINDING_FAULT, path, -1, bases->at[i],
                       "see the system's log for what the disk says",
                       "the segment can not be read: %s", strerror(errno));
            partition->next_offset = -1;
        }
    }
    return 0;
}

static void check_mark(struct verify_partition *partition, const char *name, int64_t offset)
{
    if (offset > partition->end && partition->end >= 0)
        verify_say(partition->verify, LOG_FINDING_FAULT, partition->path, -1, offset,
                   "records were lost at the end, or the checkpoint is not of this log; the next "
                   "start lowers it",
                   "%s says %" PRId64 ", but the log ends at %" PRId64, name, offset,
                   partition->end);
}

static void check_end(struct verify_partition *partition, const struct verify_marks *marks)
{
    const struct epoch_file *epochs = &partition->epochs;

    if (epochs->count > 0)
        check_mark(partition, "leader-epoch-checkpoint", epochs->entries[epochs->count - 1].start);
    if (marks == NULL)
        return;
    check_mark(partition, "recovery-point-offset-checkpoint", marks->recovery_point);
    check_mark(partition, "log-start-offset-checkpoint", marks->log_start);
    check_mark(partition, "replication-offset-checkpoint", marks->high_watermark);
    check_mark(partition, "kairn-checkpoint", marks->written_end);
    check_mark(partition, "cleaner-offset-checkpoint", marks->cleaned);
}

/* Copied of a leader whose log has gaps. */
static bool has_gaps(struct verify *verify, const char *directory)
{
    char path[PATH_MAX];
    struct stat status;
    return snprintf(path, sizeof path, "%s/kairn-gaps", directory) < (int)sizeof path &&
           verify->io->stat_path(verify->io, path, &status) == 0;
}

int verify_partition_directory(struct verify *verify, const char *path,
                               const struct verify_marks *marks)
{
    struct verify_partition partition = { .verify = verify, .path = path, .next_offset = -1,
                                          .end = -1, .last_epoch = -1, .cleaned = -1,
                                          .log_start = -1, .in_directory = marks != NULL };
    struct file_offsets bases;

    if (marks != NULL) {
        partition.cleaned = marks->cleaned;
        partition.log_start = marks->log_start;
    }
    verify->summary->partitions++;
    partition.gaps = has_gaps(verify, path);
    epoch_file_init(&partition.epochs);
    int error = file_offsets_list(verify->io, path, ".log", &bases);
    if (error == 0)
        error = note_leftovers(verify, path);
    if (error == 0)
        error = check_small_file(verify, path, "partition.metadata", bases.count > 0);
    if (error == 0)
        error = load_epochs(&partition, bases.count > 0);
    if (error == 0)
        error = read_segments(&partition, &bases);
    if (error == 0)
        error = check_snapshots(verify, path, verify->summary->live ? -1 : partition.end);
    if (error == 0)
        check_end(&partition, marks);
    epoch_file_fini(&partition.epochs);
    file_offsets_fini(&bases);
    return error;
}

/* --- by what it is ------------------------------------------------------------------------ */

/* A file of a segment: the whole segment, as one file is only judged by the others. */
static int verify_segment_of(struct verify *verify, const char *path, const char *name)
{
    char directory[PATH_MAX];
    struct verify_partition partition = { .verify = verify, .path = directory, .next_offset = -1,
                                          .end = -1, .last_epoch = -1, .cleaned = -1,
                                          .log_start = -1 };
    size_t size = (size_t)(name - path);
    int64_t base = file_name_offset(name, ".log");
    int64_t snapshot = file_name_offset(name, PRODUCER_SNAPSHOT_SUFFIX);
    int64_t runs = file_name_offset(name, PRODUCER_RUNS_SUFFIX);

    if (snapshot >= 0)
        return verify_snapshot(verify, path, snapshot, -1);
    if (size >= sizeof directory)
        return K_INVALID_ARGUMENT;
    snprintf(directory, sizeof directory, "%.*s", size > 1 ? (int)size - 1 : (int)size, path);
    if (size == 0)
        snprintf(directory, sizeof directory, ".");
    if (runs >= 0)
        return verify_runs(verify, directory, runs);

    if (base < 0)
        base = file_name_offset(name, ".index");
    if (base < 0)
        base = file_name_offset(name, ".timeindex");
    if (base < 0)
        base = file_name_offset(name, ".txnindex");
    if (base < 0)
        return K_INVALID_ARGUMENT;
    epoch_file_init(&partition.epochs);
    int error = verify_segment(&partition, base, true);
    epoch_file_fini(&partition.epochs);
    return error;
}

static int verify_path(struct verify *verify, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
    struct file_offsets bases;
    struct stat status;

    if (verify->io->stat_path(verify->io, path, &status) != 0)
        return io_error();
    if (!S_ISDIR(status.st_mode)) {
        verify->bytes_all = status.st_size;
        int error = verify_text_file(verify, path, name);
        return error == K_INVALID_ARGUMENT ? verify_segment_of(verify, path, name) : error;
    }
    int error = file_offsets_list(verify->io, path, ".log", &bases);
    size_t topic_size;
    int32_t number;
    bool partition = bases.count > 0 || partition_name_parse(name, &topic_size, &number);
    file_offsets_fini(&bases);
    if (error != 0)
        return error;
    if (!partition)
        return verify_log_directory(verify, path);
    verify->bytes_all = verify_partition_bytes(verify, path);
    return verify_partition_directory(verify, path, NULL);
}

int log_verify(const char *path, const struct log_verify_options *options,
               struct log_verify_summary *summary, struct k_reason *reason)
{
    struct verify verify = { .io = options->io != NULL ? options->io : &io_system,
                             .options = options, .summary = summary };
    char plain[PATH_MAX];
    size_t size = strlen(path);

    *summary = (struct log_verify_summary){ 0 };
    while (size > 1 && path[size - 1] == '/')
        size--;
    if (size == 0 || size >= sizeof plain)
        return k_reason_set(reason, K_INVALID_ARGUMENT, "%s: no such path", path);
    snprintf(plain, sizeof plain, "%.*s", (int)size, path);
    buffer_init(&verify.opened);
    int error = verify_path(&verify, plain);
    buffer_fini(&verify.opened);
    if (error == K_INVALID_ARGUMENT)
        return k_reason_set(reason, error,
                            "%s: neither a log directory, nor a partition's, nor a file of one",
                            path);
    return error == 0 ? 0 : k_reason_set(reason, error, "%s: %s", path, k_error_text(error));
}
