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
    X(FETCH,            13, 0, 1)       \
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
    X(ELECT_LEADERS,    25, 0, 0)       \
    X(ALTER_REASSIGNMENTS, 26, 0, 0)    \
    X(LIST_REASSIGNMENTS, 27, 0, 0)     \
    X(DESCRIBE_METRICS, 28, 0, 0)       \
    X(FIND_COORDINATOR, 29, 0, 0)       \
    X(JOIN_GROUP,       30, 0, 0)       \
    X(SYNC_GROUP,       31, 0, 0)       \
    X(HEARTBEAT,        32, 0, 0)       \
    X(LEAVE_GROUP,      33, 0, 0)       \
    X(OFFSET_COMMIT,    34, 0, 0)       \
    X(OFFSET_FETCH,     35, 0, 0)       \
    X(DESCRIBE_GROUPS,  36, 0, 0)       \
    X(LIST_GROUPS,      37, 0, 0)       \
    X(DELETE_GROUPS,    38, 0, 0)       \
    X(OFFSET_DELETE,    39, 0, 0)       \
    X(CHANGES,          40, 0, 0)       \
    X(REPLICA_FETCH,    41, 0, 1)       \
    X(UPDATE_ISR,       42, 0, 0)       \
    X(DRAIN,            43, 0, 0)       \
    X(REPORT_REPLICAS,  44, 0, 0)       \
    X(IMPORT_OFFSETS,   45, 0, 0)

/* Versions of bodies that wait for a feature level: X(NAME, version, FEATURE, level). Brokers go by
 * what the cluster has finalised when they send, by what they can when they receive. The lowest
 * version: below the level the body is not known. */
#define PROTO_API_LEVEL_TABLE(X)            \
    X(REPLICA_FETCH, 1, REPLICATION, 2)     \
    X(FIND_COORDINATOR, 0, COORDINATION, 2) \
    X(JOIN_GROUP, 0, COORDINATION, 2)       \
    X(SYNC_GROUP, 0, COORDINATION, 2)       \
    X(HEARTBEAT, 0, COORDINATION, 2)        \
    X(LEAVE_GROUP, 0, COORDINATION, 2)      \
    X(OFFSET_COMMIT, 0, COORDINATION, 2)    \
    X(OFFSET_FETCH, 0, COORDINATION, 2)     \
    X(DESCRIBE_GROUPS, 0, COORDINATION, 2)  \
    X(LIST_GROUPS, 0, COORDINATION, 2)      \
    X(DELETE_GROUPS, 0, COORDINATION, 2)    \
    X(OFFSET_DELETE, 0, COORDINATION, 2)    \
    X(IMPORT_OFFSETS, 0, COORDINATION, 2)
/* clang-format on */

struct feature_levels;

struct api_row {
    const char *name;               /* "LIST_OFFSETS" */
    uint32_t body;                  /* field number */
    uint32_t lowest, highest;       /* versions of the body that this build speaks */
};

/* All rows in the order of the table: the answer to ApiVersions. */
const struct api_row *api_rows(size_t *count);

/* The row of a body, or NULL. */
const struct api_row *api_find(uint32_t body);

/* Is the body known at these levels? */
bool api_served(const struct api_row *row, const struct feature_levels *levels);

/* The highest version of a body that is, at these levels. */
uint32_t api_highest(const struct api_row *row, const struct feature_levels *levels);

/* Whether a broker at these levels speaks `version` of that body; false for bodies it does not
 * know. */
bool api_supported(uint32_t body, uint32_t version, const struct feature_levels *levels);

#endif
