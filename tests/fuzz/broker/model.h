/* model.h - what a broker has promised in its answers, and whether it holds. */
#ifndef TESTS_FUZZ_BROKER_MODEL_H
#define TESTS_FUZZ_BROKER_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/server/lib/plane.h"

enum { MODEL_PARTITIONS = 2, MODEL_KEPT_MAX = 64 };

struct model {
    struct plane *plane;
    struct uuid id;                         /* of the topic */
    int64_t end[MODEL_PARTITIONS];          /* the log was seen to reach here */
    int64_t deletable[MODEL_PARTITIONS];    /* somebody asked to delete the records before */
    int64_t start[MODEL_PARTITIONS];        /* and was told that the log starts here */
    uint64_t session;                       /* of fetches: the last one that was told, */
    uint32_t session_epoch;                 /* and what its next request counts */
    bool compacted;                         /* somebody asked for it: records may be missing */
    bool rewritten;                         /* the topic has batches stored in another form */
    struct model_batch {
        int partition;
        int64_t offset;
        uint8_t *bytes;                     /* owned */
        size_t size;
    } kept[MODEL_KEPT_MAX];                 /* acknowledged as they were sent */
    size_t kept_count;
};

void model_init(struct model *model, struct plane *plane, const struct uuid *id);
void model_fini(struct model *model);

/* The partition of this name, or -1: not one of ours. */
int model_partition(const struct model *model, ProtobufCBinaryData id, uint32_t partition);
/* The log was seen to end here. */
void model_saw_end(struct model *model, int partition, int64_t end);
void model_saw_start(struct model *model, int partition, int64_t start);
/* A batch of who numbers them is stored once, however often it is sent. */
void model_acknowledged(struct model *model, int partition, int64_t offset, const uint8_t *bytes,
                        size_t size);
void model_may_delete(struct model *model, int partition, int64_t before);

/* Read all that there is: aborts where a promise is broken. Both partitions are led. */
void model_verify(struct model *model);

#endif
