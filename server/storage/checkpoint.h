/* storage/checkpoint.h - Kafka's text checkpoints: a version line, a count line, then rows.
 *
 * Pure: text in, rows out. Files are read and replaced by whoever owns them. */
#ifndef STORAGE_CHECKPOINT_H
#define STORAGE_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CHECKPOINT_FIELDS = 3,              /* most fields of a row */
    CHECKPOINT_FILE_MAX = 64 << 20      /* bytes of a file that is still believed */
};

/* A word of a row; not terminated. */
struct checkpoint_field {
    const char *text;
    size_t size;
};

/* Read a whole file of rows with `field_count` words each. `row` is called for each and may
 * refuse with a k_error. Returns 0, CORRUPT (version, count or shape are wrong), or the refusal. */
int checkpoint_parse(const char *text, size_t size, size_t field_count,
                     int (*row)(void *context, const struct checkpoint_field *fields),
                     void *context);

/* A decimal number in [min, max]; false when it is none. */
bool checkpoint_number(struct checkpoint_field field, int64_t min, int64_t max, int64_t *out);

#endif
