/* consumer_protocol.h - what consumers of a group tell each other through the coordinator, byte for
 * byte as Kafka's: a subscription (when joining), an assignment (from the leader), and what Java's
 * sticky assignors carry as user data. The coordinator looks into none of it.
 *
 * Versions 0 to 3 are read and written. Of a higher version what is known is read and what
 * follows is skipped, as Kafka does; else bytes that are left over are K_CORRUPT, as is all that
 * contradicts the layout, a null where there is none, and texts with a zero byte.
 *
 * Reading checks everything, copies nothing, and keeps views: walking a list can not fail.
 * Thread-safe. */
#ifndef PROTO_CONSUMER_PROTOCOL_H
#define PROTO_CONSUMER_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/cursor.h"

enum { CONSUMER_PROTOCOL_VERSION = 3, CONSUMER_GENERATION_NONE = -1 };

struct consumer_text { const char *data; size_t size; };      /* data NULL: null */

/* What is left of a list. Copy it to walk it twice. */
struct consumer_list { struct cursor rest; int32_t count; };

/* Partitions of one topic as they were read: consumer_partition() takes one out. */
struct consumer_claim {
    struct consumer_text topic;
    const uint8_t *numbers;
    int32_t count;
};

struct consumer_subscription {
    struct consumer_list topics;            /* consumer_topic_next() */
    struct consumer_text user_data;
    struct consumer_list owned;             /* consumer_claim_next() */
    int32_t generation;                     /* in which it owned them; or _NONE */
    struct consumer_text rack;
};

struct consumer_assignment {
    struct consumer_list partitions;        /* consumer_claim_next() */
    struct consumer_text user_data;
};

/* The user data of Java's sticky assignor. */
struct consumer_sticky {
    struct consumer_list owned;             /* consumer_claim_next() */
    int32_t generation;                     /* or _NONE: too old to say it */
};

/* 0 or K_CORRUPT. The views last as long as the bytes. */
int consumer_subscription_read(const void *bytes, size_t size, struct consumer_subscription *out);
int consumer_assignment_read(const void *bytes, size_t size, struct consumer_assignment *out);
int consumer_sticky_read(const void *bytes, size_t size, struct consumer_sticky *out);

/* The next of a list; false at its end. */
bool consumer_topic_next(struct consumer_list *list, struct consumer_text *out);
bool consumer_claim_next(struct consumer_list *list, struct consumer_claim *out);

/* `index` below `count`. May be any number: who read it is not to be trusted. */
int32_t consumer_partition(const struct consumer_claim *claim, int32_t index);

/* To be written: partitions of one topic. */
struct consumer_partitions {
    struct consumer_text topic;
    const int32_t *numbers;
    int32_t count;
};

struct consumer_subscribing {
    const struct consumer_text *topics;     /* Java sorts them */
    int32_t topic_count;
    struct consumer_text user_data;
    const struct consumer_partitions *owned;
    int32_t owned_count;
    int32_t generation;
    struct consumer_text rack;
};

/* Append to the buffer, in a version from 0 to 3 (what a version can not say is left out).
 * 0, K_NOMEM, or K_INVALID_ARGUMENT for a text over 32767 bytes: the buffer holds a part. */
int consumer_subscription_write(struct buffer *buffer, int version,
                                const struct consumer_subscribing *subscribing);
int consumer_assignment_write(struct buffer *buffer, int version,
                              const struct consumer_partitions *partitions, int32_t count,
                              struct consumer_text user_data);
int consumer_sticky_write(struct buffer *buffer, const struct consumer_partitions *owned,
                          int32_t count, int32_t generation);

#endif
