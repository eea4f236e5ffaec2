/* offsets_records.h - the records of the offsets topic, byte for byte as Kafka writes them.
 *
 * A key names what the record is about: an offset (written in version 1, read from 0) or a group
 * (version 2). Values are written in version 3 and read up to 4; no value is a tombstone. Keys of
 * higher versions are of things that are not ours: OTHER, to be skipped.
 *
 * Reading copies nothing: texts are views into the bytes. Whatever contradicts the layout is
 * K_CORRUPT, also bytes that are left over and texts with a zero byte. Thread-safe. */
#ifndef PROTO_OFFSETS_RECORDS_H
#define PROTO_OFFSETS_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/cursor.h"

struct offsets_text { const char *data; size_t size; };   /* data NULL: null */

enum offsets_key_kind { OFFSETS_KEY_OFFSET, OFFSETS_KEY_GROUP, OFFSETS_KEY_OTHER };

struct offsets_key {
    enum offsets_key_kind kind;
    struct offsets_text group;            /* not null, unless OTHER */
    struct offsets_text topic;            /* of an offset: not null */
    int32_t partition;
};

struct offsets_value {
    int64_t offset;
    int32_t leader_epoch;                 /* -1: not known */
    struct offsets_text metadata;         /* not null */
    int64_t committed_ms;
    int64_t expires_ms;                   /* -1: by the broker's retention */
};

struct offsets_member {
    struct offsets_text id, client_id, client_host;   /* not null */
    struct offsets_text instance;                     /* null: none */
    int32_t rebalance_timeout_ms, session_timeout_ms;
    struct offsets_text metadata, assignment;         /* bytes */
};

struct offsets_group {
    struct offsets_text protocol_type;    /* not null */
    int32_t generation;
    struct offsets_text protocol, leader; /* null: none */
    int64_t since_ms;                     /* -1: not known */
    int32_t member_count;
    /* for offsets_group_next() */
    struct cursor rest;
    int version;
    int32_t read;
};

/* 0 or K_CORRUPT. */
int offsets_key_read(const void *bytes, size_t size, struct offsets_key *out);
int offsets_value_read(const void *bytes, size_t size, struct offsets_value *out);
/* The bytes stay in use until the last member is read. */
int offsets_group_read(const void *bytes, size_t size, struct offsets_group *out);
/* 1: *out is the next member; 0: there is no more; or K_CORRUPT. */
int offsets_group_next(struct offsets_group *group, struct offsets_member *out);

/* Append to the buffer. 0, K_NOMEM, or K_INVALID_ARGUMENT for a text of more than 32767 bytes; then
 * the buffer holds a part. Of a group, only what is written is read: not `rest` and below. */
int offsets_key_write(struct buffer *buffer, const struct offsets_key *key);
int offsets_value_write(struct buffer *buffer, const struct offsets_value *value);
int offsets_group_write(struct buffer *buffer, const struct offsets_group *group,
                        const struct offsets_member *members);

#endif
