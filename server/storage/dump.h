/* storage/dump.h - print a file of a log directory for people or programs, and check it.
 *
 * Needs no broker and changes nothing. Knows by the file's name what it is: *.log, *.index,
 * *.timeindex, *.txnindex, *.snapshot, the checkpoints, partition.metadata, meta.properties.
 * Thread-safe; blocks on the disk and on `out`. */
#ifndef STORAGE_DUMP_H
#define STORAGE_DUMP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/error.h"

/* Print the bytes of a key or value, never NULL: a JSON value if `json`, else for people. */
typedef void log_dump_value(FILE *out, const uint8_t *bytes, size_t size, bool json);

struct log_dump_options {
    bool records;           /* every record too, not only the batches of a .log */
    bool summary_only;      /* only the last line */
    bool json;              /* one JSON object per line */
    int64_t from, end;      /* only records with offsets from `from` to before `end` (0: all), and
                               the batches and index entries that have them */
    log_dump_value *key, *value;    /* of records; NULL: as text, see below */
};

/* Print the file. The last line is a summary; for a .log: batches, records, first and last offset
 * and a hash, the CRC-32C over all records in file order of, integers big-endian:
 *
 *   i64 offset | i64 timestamp | i32 key size (-1: no key) | key | i32 value size (-1: null)
 *   | value | i32 count of headers | per header: i32 key size | key | i32 value size (-1: null)
 *   | value
 *
 * so it does not depend on how the records are batched or compressed. Unless told otherwise, keys
 * and values are text with each byte that is not printable ASCII as \u00XX.
 *
 * An index is checked against the .log beside it. Returns 0, K_CORRUPT_MESSAGE (something in the
 * file is not valid: it is printed where it is, and the reason counts), K_NOT_FOUND,
 * K_INVALID_ARGUMENT (not a kind of file that is known), K_IO, K_NOMEM. */
int log_dump(const char *path, const struct log_dump_options *options, FILE *out,
             struct k_reason *reason);

#endif
