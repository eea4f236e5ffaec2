/* options.h - configuration from one table: parse, check, explain.
 *
 * A program declares a table of rows and a struct of values. Every row names a field of that
 * struct by offset and type, so a value is read as config.log_segment_bytes, never by name.
 * Numbers whose names tell a unit (quantity.h) may be written with another: 14d, 512KiB, forever.
 * Values are set from defaults, then files, then --set, and remember where they came from. */
#ifndef COMMON_OPTIONS_H
#define COMMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/error.h"

enum option_type {
    OPTION_BOOL,       /* bool: true or false */
    OPTION_INT,        /* int32_t */
    OPTION_LONG,       /* int64_t */
    OPTION_DOUBLE,     /* double */
    OPTION_STRING,     /* char *, owned by the struct; NULL when the default is NULL */
    OPTION_ENUM,       /* int32_t: index into `choices` */
    OPTION_PAIRS       /* no field: only checked, who needs it reads the text; see pairs.h */
};

enum option_flag {
    OPTION_RUNTIME = 1,       /* may be changed while the program runs (dynamic in Kafka's words) */
    OPTION_PER_TOPIC = 2,      /* a topic may override it */
    OPTION_NO_EFFECT = 4,      /* accepted for compatibility; a value is logged as without effect */
    OPTION_NOT_YET = 8,        /* Kafka knows it, we do not serve it yet: setting it is an error */
    OPTION_SECRET = 16,        /* never printed */
    OPTION_TOPIC_AT_START = 32 /* may be set for a topic, too, before the program starts */
};

/* The largest value of OPTION_LONG, as a bound: shown to people as no bound at all. */
#define OPTION_NO_MAX 9223372036854775807.0

struct option {
    const char *name;
    enum option_type type;
    size_t offset;                    /* of the field; unused for NO_EFFECT, NOT_YET, PAIRS */
    const char *fallback;             /* default as text, or NULL */
    double min, max;                  /* inclusive range of numbers; both 0: any. A max of
                                         OPTION_NO_MAX: no bound above */
    const char *choices;              /* OPTION_ENUM: "none|gzip|snappy|lz4|zstd" */
    unsigned flags;
    const char *text;                 /* one sentence with units */
    const char *alias;                /* another accepted name, or NULL */
};

struct option_table {
    const struct option *rows;
    size_t count;
};

/* Can it be changed while the program runs? What a topic may override can: it is read anew for
 * every topic. */
static inline bool option_changeable(const struct option *row)
{
    return (row->flags & (OPTION_RUNTIME | OPTION_PER_TOPIC | OPTION_NO_EFFECT)) != 0 &&
           (row->flags & OPTION_SECRET) == 0;
}

static inline bool option_has_range(const struct option *row)
{
    return row->min != 0 || row->max != 0;
}

enum option_source { OPTION_FROM_DEFAULT, OPTION_FROM_FILE, OPTION_FROM_FLAG, OPTION_FROM_CLUSTER };

/* Fill every field of `values` with its default; false never happens for a sound table (tests
 * check each row). `sources` (may be NULL) has `count` entries. Returns 0 or K_NOMEM. */
int options_defaults(const struct option_table *table, void *values, uint8_t *sources);

/* Set one value by name from text. Errors: UNKNOWN_NAME (the reason names the nearest known
 * one), NOT_SUPPORTED_YET, INVALID_CONFIG (the reason says the range), NOMEM. */
int options_set(const struct option_table *table, void *values, uint8_t *sources,
                enum option_source source, const char *name, const char *text,
                struct k_reason *reason);

/* The same for "name=value". */
int options_set_pair(const struct option_table *table, void *values, uint8_t *sources,
                     enum option_source source, const char *pair, struct k_reason *reason);

/* Read a file in Java's properties form (name=value lines, # and ! comments, \ continuations).
 * The reason names file and line. Stops at the first bad line; the lines before it have been
 * set. Errors as options_set(), and IO. */
int options_read_file(const struct option_table *table, void *values, uint8_t *sources,
                      const char *path, struct k_reason *reason);

/* Read such a file for whoever does more with it than options_set(): `line` is called with each
 * name and value, and what it returns but 0 ends the reading. The reason names file and line, and
 * goes on with the reason that it gave. Errors of `line`, INVALID_CONFIG, IO, NOMEM. */
typedef int option_line(void *context, const char *name, const char *value,
                        struct k_reason *reason);
int options_read_lines(const char *path, option_line *line, void *context,
                       struct k_reason *reason);

/* Only check: would options_set() accept it? */
int options_check(const struct option_table *table, const char *name, const char *text,
                  struct k_reason *reason);

const struct option *options_find(const struct option_table *table, const char *name);

/* A number that `text` writes for people ("14d", "forever") as it is stored and sent, for whoever
 * knows nothing of units: the plain number, into `plain` of `size` bytes (32 are enough). False:
 * `text` is that already, or no value of this row. */
bool options_plain(const struct option *row, const char *text, char *plain, size_t size);

/* The current value as text into `text` of `size` bytes; "" for a NULL string. */
void options_format(const struct option *row, const void *values, char *text, size_t size);

/* How many characters must be put in, left out or changed to make one name of the other; SIZE_MAX
 * when one of them is too long to be a name. */
size_t options_name_distance(const char *a, const char *b);

/* What values a row takes, in words: "0 to 100", "at least 1", "none, gzip", "true, false"; ""
 * when everything of its type will do. */
void options_format_range(const struct option *row, char *text, size_t size);

/* Free the strings. */
void options_fini(const struct option_table *table, void *values);

/* A markdown table of all rows. */
void options_print_docs(const struct option_table *table, FILE *out);
/* The same as a list of a manual page, in mdoc(7). */
void options_print_man(const struct option_table *table, FILE *out);

#endif
