/* api_table.h - every request of the native protocol: X(NAME, field number, lowest, highest).
 *
 * NAME is the suffix of protobuf-c's case constants (KAIRN__REQUEST_HEAD__BODY_<NAME>); the
 * field number is that of the body in RequestHead and ResponseHead alike (and the value of that
 * constant). Thread-safe: constant data. */
#ifndef PROTO_API_TABLE_H
#define PROTO_API_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
#define PROTO_API_TABLE(X)              \
    X(API_VERSIONS,     10, 0, 0)       \
    X(METADATA,         11, 0, 0)       \
    X(PRODUCE,          12, 0, 0)       \
    X(FETCH,            13, 0, 0)       \
    X(LIST_OFFSETS,     14, 0, 0)       \
    X(CREATE_TOPICS,    15, 0, 0)       \
    X(DELETE_TOPICS,    16, 0, 0)       \
    X(DESCRIBE_CONFIGS, 17, 0, 0)       \
    X(DELETE_RECORDS,   18, 0, 0)       \
    X(CREATE_PARTITIONS, 19, 0, 0)      \
    X(ALTER_CONFIGS,    20, 0, 0)       \
    X(DESCRIBE_LOGS,    21, 0, 0)       \
    X(COMPACT_LOGS,     22, 0, 0)       \
    X(PRODUCER_ID,      23, 0, 0)       \
    X(MOVE_LOG,         24, 0, 0)       \
    X(CHANGES,          40, 0, 0)
/* clang-format on */

struct api_row {
    const char *name;               /* "LIST_OFFSETS" */
    uint32_t body;                  /* field number */
    uint32_t lowest, highest;       /* versions of the body that this build speaks */
};

/* All rows in the order of the table: the answer to ApiVersions. */
const struct api_row *api_rows(size_t *count);

/* The row of a body, or NULL. */
const struct api_row *api_find(uint32_t body);

/* Whether this build speaks `version` of that body; false for bodies it does not know. */
bool api_supported(uint32_t body, uint32_t version);

#endif
