/* storage/dump.c - which kind of file is it; text files; the common end. */
#include "server/storage/dump.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "server/storage/checkpoint.h"
#include "server/storage/dump_internal.h"
#include "server/storage/epoch_file.h"
#include "server/storage/file_name.h"
#include "server/storage/identity.h"
#include "server/storage/io.h"
#include "server/storage/producer_files.h"

void dump_text(FILE *out, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++) {
        if (at[i] == '"' || at[i] == '\\')
            fprintf(out, "\\%c", at[i]);
        else if (at[i] >= ' ' && at[i] < 0x7f)
            fputc(at[i], out);
        else
            fprintf(out, "\\u%04x", at[i]);
    }
}

void dump_fault(struct dump *dump, int64_t position, const char *what)
{
    dump->faults++;
    fprintf(dump->out, dump->options->json ? "{\"fault\":\"%s\",\"position\":%" PRId64 "}\n"
                                           : "FAULT %s at position %" PRId64 "\n", what, position);
}

/* --- text files --------------------------------------------------------------------------- */

static int offset_row(void *context, const struct checkpoint_field *fields)
{
    const struct dump *dump = context;
    int64_t partition, offset;
    if (!checkpoint_number(fields[1], 0, INT32_MAX, &partition) ||
        !checkpoint_number(fields[2], 0, INT64_MAX, &offset))
        return K_CORRUPT;
    fprintf(dump->out, dump->options->json ? "{\"topic\":\"" : "");
    dump_text(dump->out, fields[0].text, fields[0].size);
    fprintf(dump->out, dump->options->json
                           ? "\",\"partition\":%" PRId64 ",\"offset\":%" PRId64 "}\n"
                           : " %" PRId64 " %" PRId64 "\n", partition, offset);
    return 0;
}

static int dump_offsets(struct dump *dump, const char *text, size_t size)
{
    return size == 0 ? 0 : checkpoint_parse(text, size, 3, offset_row, dump);
}

/* Ours: a line about the machine before the rows. */
static int dump_written(struct dump *dump, const char *text, size_t size)
{
    size_t line = strcspn(text, "\n");
    fprintf(dump->out, dump->options->json ? "{\"machine\":\"" : "");
    dump_text(dump->out, text, line);
    fprintf(dump->out, dump->options->json ? "\"}\n" : "\n");
    if (text[line] == '\n')
        line++;
    return checkpoint_parse(text + line, size - line, 3, offset_row, dump);
}

static int dump_epochs(struct dump *dump, const char *text, size_t size)
{
    struct epoch_file epochs;
    epoch_file_init(&epochs);
    int error = size == 0 ? 0 : epoch_file_parse(&epochs, text, size);
    for (size_t i = 0; i < epochs.count && error == 0; i++)
        fprintf(dump->out, dump->options->json ? "{\"epoch\":%" PRId32 ",\"start\":%" PRId64 "}\n"
                                               : "epoch %" PRId32 " from offset %" PRId64 "\n",
                epochs.entries[i].epoch, epochs.entries[i].start);
    epoch_file_fini(&epochs);
    return error;
}

static int dump_partition(struct dump *dump, const char *text, size_t size)
{
    struct uuid id;
    char name[UUID_TEXT_SIZE];
    (void)size;
    int error = partition_metadata_parse(text, &id);
    if (error != 0)
        return error;
    uuid_format(&id, name);
    fprintf(dump->out, dump->options->json ? "{\"topic_id\":\"%s\"}\n" : "topic id %s\n", name);
    return 0;
}

static int dump_identity(struct dump *dump, const char *text, size_t size)
{
    struct logdir_identity identity = { .broker_id = -1 };
    char name[UUID_TEXT_SIZE];
    (void)size;
    int error = identity_parse(text, &identity);
    if (error != 0)
        return error;
    uuid_format(&identity.directory_id, name);
    fprintf(dump->out, dump->options->json ? "{\"broker_id\":%" PRId32 ",\"cluster_id\":\""
                                           : "broker %" PRId32 " cluster ", identity.broker_id);
    dump_text(dump->out, identity.cluster_id, strlen(identity.cluster_id));
    fprintf(dump->out, dump->options->json ? "\",\"directory_id\":\"%s\"}\n" : " directory %s\n",
            name);
    return 0;
}

static const struct {
    const char *name;
    int (*dump)(struct dump *dump, const char *text, size_t size);
} text_files[] = {
    { "recovery-point-offset-checkpoint", dump_offsets },
    { "log-start-offset-checkpoint", dump_offsets },
    { "replication-offset-checkpoint", dump_offsets },
    { "cleaner-offset-checkpoint", dump_offsets },
    { "kairn-checkpoint", dump_written },
    { "leader-epoch-checkpoint", dump_epochs },
    { "partition.metadata", dump_partition },
    { "meta.properties", dump_identity },
};

static int dump_text_file(struct dump *dump, const char *path, const char *name)
{
    for (size_t i = 0; i < sizeof text_files / sizeof *text_files; i++) {
        char *text;
        size_t size;
        if (strcmp(text_files[i].name, name) != 0)
            continue;
        int error = io_read_file(&io_system, path, CHECKPOINT_FILE_MAX, &text, &size);
        if (error != 0)
            return error;
        error = text_files[i].dump(dump, text, size);
        free(text);
        if (error == K_CORRUPT) {
            dump_fault(dump, 0, "the file does not have the form that its name promises");
            error = 0;
        }
        return error;
    }
    return K_INVALID_ARGUMENT;
}

/* --- by name ------------------------------------------------------------------------------ */

int log_dump(const char *path, const struct log_dump_options *options, FILE *out,
             struct k_reason *reason)
{
    struct dump dump = { .options = options, .out = out };
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    int error;

    if (file_name_ends(name, ".log"))
        error = dump_log(&dump, path);
    else if (file_name_ends(name, ".timeindex"))
        error = dump_time_index(&dump, path);
    else if (file_name_ends(name, ".index"))
        error = dump_offset_index(&dump, path);
    else if (file_name_ends(name, ".txnindex"))
        error = dump_txn_index(&dump, path);
    else if (file_name_ends(name, ".snapshot"))
        error = dump_snapshot(&dump, path);
    else if (file_name_ends(name, PRODUCER_RUNS_SUFFIX))
        error = dump_runs(&dump, path);
    else
        error = dump_text_file(&dump, path, name);

    if (error == K_INVALID_ARGUMENT)
        return k_reason_set(reason, error,
                            "%s: not a file of a log directory (*.log, *.index, "
                            "*.timeindex, *.txnindex, *.snapshot, *.kairn-producers, "
                            "*-checkpoint, partition.metadata, meta.properties)",
                            path);
    if (error != 0)
        return k_reason_set(reason, error, "%s: %s", path, k_error_text(error));
    if (ferror(out))
        return k_reason_set(reason, K_IO, "cannot write the output");
    if (dump.faults > 0)
        return k_reason_set(reason, K_CORRUPT_MESSAGE, "%s: %zu faults", path, dump.faults);
    return 0;
}
