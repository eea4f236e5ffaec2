/* Records into a plane and out of it. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/batch.h"
#include "proto/head.h"
#include "tests/server/lib/plane.h"

size_t plane_batch(uint8_t *to, size_t room, int records, const char *text, bool keyed)
{
    struct batch_builder builder;

    batch_build_start(&builder, to, room);
    for (int i = 0; i < records; i++)
        ck_assert_int_eq(batch_build_add(&builder, 1000 + i, keyed ? "k" : NULL, keyed ? 1 : 0,
                                         text, (int32_t)strlen(text), NULL, 0),
                         0);
    batch_build_finish(&builder);
    return builder.size;
}

/* The head lives as long as the request. */
struct asked *plane_produce_start(struct plane *plane, int loop, const struct uuid *id,
                                  int32_t partition, int32_t acks, const void *batch, size_t size)
{
    struct {
        Kairn__RequestHead head;
        Kairn__ProduceRequest body;
        Kairn__ProducePartition entry, *entries[1];
        uint32_t sizes[1];
        struct uuid id;
    } *own = calloc(1, sizeof *own);

    kairn__request_head__init(&own->head);
    kairn__produce_request__init(&own->body);
    kairn__produce_partition__init(&own->entry);
    own->head.body_case = KAIRN__REQUEST_HEAD__BODY_PRODUCE;
    own->head.produce = &own->body;
    own->body.acks = acks;
    own->body.n_partitions = 1;
    own->body.partitions = own->entries;
    own->entries[0] = &own->entry;
    own->id = *id;
    own->entry.topic_id = head_bytes_of_uuid(&own->id);
    own->entry.partition = (uint32_t)partition;
    own->entry.leader_epoch = -1;
    own->entry.n_batch_sizes = 1;
    own->entry.batch_sizes = own->sizes;
    own->sizes[0] = (uint32_t)size;

    struct asked *asked = plane_start(plane, loop, &own->head, batch, size);
    asked->own = own;
    return asked;
}

struct asked *plane_produce(struct plane *plane, int loop, const struct uuid *id, int32_t partition,
                            int32_t acks, const void *batch, size_t size)
{
    struct asked *asked = plane_produce_start(plane, loop, id, partition, acks, batch, size);

    asked_wait(asked);
    return asked;
}

static struct asked *fetch_start(struct plane *plane, int loop, const struct uuid *id,
                                 int32_t partition, int64_t offset, uint32_t wait_ms,
                                 bool read_committed)
{
    struct {
        Kairn__RequestHead head;
        Kairn__FetchRequest body;
        Kairn__FetchPartition entry, *entries[1];
        struct uuid id;
    } *own = calloc(1, sizeof *own);

    kairn__request_head__init(&own->head);
    kairn__fetch_request__init(&own->body);
    kairn__fetch_partition__init(&own->entry);
    own->head.body_case = KAIRN__REQUEST_HEAD__BODY_FETCH;
    own->head.fetch = &own->body;
    own->body.isolation = read_committed;
    own->body.max_wait_ms = wait_ms;
    own->body.min_bytes = 1;
    own->body.n_partitions = 1;
    own->body.partitions = own->entries;
    own->entries[0] = &own->entry;
    own->id = *id;
    own->entry.topic_id = head_bytes_of_uuid(&own->id);
    own->entry.partition = (uint32_t)partition;
    own->entry.offset = offset;
    own->entry.leader_epoch = own->entry.last_epoch = -1;

    struct asked *asked = plane_start(plane, loop, &own->head, NULL, 0);
    asked->own = own;
    return asked;
}

struct asked *plane_fetch_start(struct plane *plane, int loop, const struct uuid *id,
                                int32_t partition, int64_t offset, uint32_t wait_ms)
{
    return fetch_start(plane, loop, id, partition, offset, wait_ms, false);
}

struct asked *plane_fetch_committed_start(struct plane *plane, int loop, const struct uuid *id,
                                          int32_t partition, int64_t offset, uint32_t wait_ms)
{
    return fetch_start(plane, loop, id, partition, offset, wait_ms, true);
}
