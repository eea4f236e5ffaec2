/* api_table.h - every request of the native protocol: X(NAME, field number, lowest, highest).
 *
 * NAME is the suffix of protobuf-c's case constants (KAIRN__REQUEST_HEAD__BODY_<NAME>); the
 * field number is that of the body in RequestHead and ResponseHead alike. */
#ifndef PROTO_API_TABLE_H
#define PROTO_API_TABLE_H

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
    X(CHANGES,          40, 0, 0)
/* clang-format on */

#endif
