/* storage/dump_internal.h - what the files of the dumper share. */
#ifndef STORAGE_DUMP_INTERNAL_H
#define STORAGE_DUMP_INTERNAL_H

#include <stdint.h>

#include "server/storage/dump.h"

struct dump {
    const struct log_dump_options *options;
    FILE *out;
    size_t faults;
};

/* Bytes as the inside of a JSON string, for people as well: printable ASCII, the rest escaped. */
void dump_text(FILE *out, const void *bytes, size_t size);

/* Is the offset within the range that was asked for? */
static inline bool dump_in_range(const struct dump *dump, int64_t offset)
{
    return offset >= dump->options->from &&
           (dump->options->end == 0 || offset < dump->options->end);
}

/* Something is not valid; printed where it is. */
void dump_fault(struct dump *dump, int64_t position, const char *what);

/* dump_log.c, dump_index.c and dump_state.c: 0, NOT_FOUND, IO, NOMEM; faults are counted. */
int dump_log(struct dump *dump, const char *path);
int dump_offset_index(struct dump *dump, const char *path);
int dump_time_index(struct dump *dump, const char *path);
int dump_txn_index(struct dump *dump, const char *path);
int dump_snapshot(struct dump *dump, const char *path);
int dump_runs(struct dump *dump, const char *path);

#endif
