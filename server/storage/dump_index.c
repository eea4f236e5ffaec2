/* storage/dump_index.c - print the entries of an index, each checked against the segment. */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "server/storage/batch_file.h"
#include "server/storage/checkpoint.h"
#include "server/storage/dump_internal.h"
#include "server/storage/index_offset.h"
#include "server/storage/index_time.h"
#include "server/storage/io.h"

/* An index and the segment beside it. */
struct pair {
    struct index index;
    struct batch_file file;
    int fd;
    int64_t base_offset;
};

static void close_pair(struct pair *pair)
{
    batch_file_fini(&pair->file);
    if (pair->fd >= 0)
        (void)io_system.close(&io_system, pair->fd);
    index_fini(&pair->index);
}

/* `path` ends with `suffix`. */
static int open_pair(struct dump *dump, const char *path, const char *suffix, size_t entry_size,
                     struct pair *pair)
{
    char log_path[PATH_MAX];
    struct stat status;
    size_t stem = strlen(path) - strlen(suffix);

    *pair = (struct pair){ .fd = -1 };
    index_init(&pair->index, entry_size);
    if (stem < 20 || !checkpoint_number((struct checkpoint_field){ path + stem - 20, 20 }, 0,
                                        INT64_MAX, &pair->base_offset))
        return K_INVALID_ARGUMENT;
    int error = index_load(&pair->index, &io_system, path);
    if (error == K_CORRUPT) {
        dump_fault(dump, 0, "the size of the index is not a multiple of its entry");
        return K_CORRUPT;
    }
    if (error != 0)
        return error;
    snprintf(log_path, sizeof log_path, "%.*s.log", (int)stem, path);
    pair->fd = io_system.open(&io_system, log_path, O_RDONLY, 0);
    if (pair->fd < 0 || io_system.stat(&io_system, pair->fd, &status) != 0)
        return io_error();
    batch_file_init(&pair->file, &io_system, pair->fd, 0, status.st_size, NULL, 0);
    return 0;
}

/* Batch by batch is enough; the records are not needed. */
static int header_at(struct pair *pair, int64_t position, const uint8_t **header)
{
    if (position < 0 || position >= pair->file.end)
        return K_CORRUPT;
    batch_file_seek(&pair->file, position);
    return batch_file_header(&pair->file, header);
}

static int finish(struct dump *dump, struct pair *pair, int error)
{
    if (error == 0)
        fprintf(dump->out, dump->options->json ? "{\"entries\":%zu,\"faults\":%zu}\n"
                                               : "summary entries=%zu faults=%zu\n",
                pair->index.count, dump->faults);
    close_pair(pair);
    return error == K_CORRUPT ? 0 : error;
}

int dump_offset_index(struct dump *dump, const char *path)
{
    struct pair pair;
    const uint8_t *header;
    struct offset_entry before = { -1, -1 };
    int error = open_pair(dump, path, ".index", INDEX_OFFSET_ENTRY, &pair);

    for (size_t i = 0; i < pair.index.count && error == 0; i++) {
        struct offset_entry entry = index_offset_at(&pair.index, i);
        if (!dump->options->summary_only && dump_in_range(dump, pair.base_offset + entry.relative))
            fprintf(dump->out,
                    dump->options->json ? "{\"offset\":%" PRId64 ",\"position\":%" PRId32 "}\n"
                                        : "offset %" PRId64 " position %" PRId32 "\n",
                    pair.base_offset + entry.relative, entry.position);
        if (entry.relative <= before.relative || entry.position <= before.position)
            dump_fault(dump, entry.position, "the entry does not ascend");
        before = entry;
        error = header_at(&pair, entry.position, &header);
        if (error == K_CORRUPT || error == K_NOT_FOUND) {
            dump_fault(dump, entry.position, "the entry does not point at a batch");
            error = 0;
        } else if (error == 0 && batch_last_offset(header) != pair.base_offset + entry.relative) {
            dump_fault(dump, entry.position, "the batch there ends with another offset");
        }
    }
    return finish(dump, &pair, error);
}

/* Walk the segment once, beside the entries: the largest timestamp so far, and who had it. */
static int check_time_entry(struct dump *dump, struct pair *pair, const struct time_entry *entry,
                            int64_t *max_timestamp)
{
    const uint8_t *header;
    int64_t offset = pair->base_offset + entry->relative;
    int error;
    while ((error = batch_file_header(&pair->file, &header)) == 0) {
        if (batch_newest_timestamp(header) > *max_timestamp)
            *max_timestamp = batch_newest_timestamp(header);
        if (batch_last_offset(header) >= offset) {
            if (batch_max_timestamp(header) != entry->timestamp ||
                *max_timestamp > entry->timestamp)
                dump_fault(dump, pair->file.position,
                           "the entry is not the largest timestamp up to its offset");
            return 0;
        }
        batch_file_next(&pair->file, header);
    }
    if (error == K_NOT_FOUND || error == K_CORRUPT) {
        dump_fault(dump, pair->file.position, "the segment does not reach to the entry's offset");
        error = 0;
    }
    return error;
}

int dump_time_index(struct dump *dump, const char *path)
{
    struct pair pair;
    struct time_entry before = { -1, -1 };
    int64_t max_timestamp = -1;
    int error = open_pair(dump, path, ".timeindex", INDEX_TIME_ENTRY, &pair);

    for (size_t i = 0; i < pair.index.count && error == 0; i++) {
        struct time_entry entry = index_time_at(&pair.index, i);
        if (!dump->options->summary_only && dump_in_range(dump, pair.base_offset + entry.relative))
            fprintf(dump->out,
                    dump->options->json ? "{\"timestamp\":%" PRId64 ",\"offset\":%" PRId64 "}\n"
                                        : "timestamp %" PRId64 " offset %" PRId64 "\n",
                    entry.timestamp, pair.base_offset + entry.relative);
        if (entry.timestamp <= before.timestamp || entry.relative < before.relative)
            dump_fault(dump, pair.file.position, "the entry does not ascend");
        before = entry;
        error = check_time_entry(dump, &pair, &entry, &max_timestamp);
    }
    return finish(dump, &pair, error);
}
