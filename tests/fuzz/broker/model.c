#include "tests/fuzz/broker/model.h"

#include <stdlib.h>
#include <string.h>

#include "proto/batch.h"
#include "proto/head.h"

#define PROMISE(condition) \
    do {                   \
        if (!(condition))  \
            abort();       \
    } while (0)

void model_init(struct model *model, struct plane *plane, const struct uuid *id)
{
    memset(model, 0, sizeof *model);
    model->plane = plane;
    model->id = *id;
}

void model_fini(struct model *model)
{
    for (size_t i = 0; i < model->kept_count; i++)
        free(model->kept[i].bytes);
}

int model_partition(const struct model *model, ProtobufCBinaryData id, uint32_t partition)
{
    struct uuid read;

    if (head_uuid(id, &read) != 0 || !uuid_equal(&read, &model->id) ||
        partition >= MODEL_PARTITIONS)
        return -1;
    return (int)partition;
}

void model_saw_end(struct model *model, int partition, int64_t end)
{
    if (end > model->end[partition])
        model->end[partition] = end;
}

void model_saw_start(struct model *model, int partition, int64_t start)
{
    if (start > model->start[partition])
        model->start[partition] = start;
}

/* A producer whose records were deleted is forgotten. */
static void expect_once(const struct model *model, int partition, int64_t offset,
                        const uint8_t *bytes)
{
    if (batch_producer_id(bytes) < 0 || model->deletable[partition] > 0 || model->compacted)
        return;
    for (size_t i = 0; i < model->kept_count; i++) {
        const struct model_batch *kept = &model->kept[i];
        PROMISE(kept->partition != partition ||
                batch_producer_id(kept->bytes) != batch_producer_id(bytes) ||
                batch_base_sequence(kept->bytes) != batch_base_sequence(bytes) ||
                kept->offset == offset);
    }
}

void model_acknowledged(struct model *model, int partition, int64_t offset, const uint8_t *bytes,
                        size_t size)
{
    expect_once(model, partition, offset, bytes);
    if (model->kept_count == MODEL_KEPT_MAX)
        return;
    struct model_batch *kept = &model->kept[model->kept_count++];
    *kept = (struct model_batch){ partition, offset, malloc(size), size };
    PROMISE(kept->bytes != NULL);
    memcpy(kept->bytes, bytes, size);
}

void model_may_delete(struct model *model, int partition, int64_t before)
{
    int64_t limit = before < 0 ? INT64_MAX : before;

    if (limit > model->deletable[partition])
        model->deletable[partition] = limit;
}

/* Was this batch, found in the log, acknowledged here as something else? */
static void compare(const struct model *model, int partition, const uint8_t *found, bool *seen)
{
    for (size_t i = 0; i < model->kept_count; i++) {
        const struct model_batch *kept = &model->kept[i];
        if (kept->partition != partition || kept->offset != batch_base_offset(found))
            continue;
        PROMISE(model->rewritten ||
                (batch_size(found) == kept->size &&
                 memcmp(found + BATCH_MAGIC, kept->bytes + BATCH_MAGIC,
                        kept->size - BATCH_MAGIC) == 0));
        seen[i] = true;
    }
}

/* The batches of one answer; returns where they end. */
static int64_t walk(const struct model *model, int partition, const struct asked *asked,
                    int64_t offset, bool *seen)
{
    for (size_t at = 0, whole; at < asked->batches_size; at += whole) {
        const uint8_t *batch = asked->batches + at;
        PROMISE(batch_check(batch, asked->batches_size - at, false, &whole) == 0);
        PROMISE(at == 0 ? batch_last_offset(batch) >= offset
                        : batch_base_offset(batch) >= offset);
        if (!model->compacted)
            PROMISE(at == 0 ? batch_base_offset(batch) <= offset
                            : batch_base_offset(batch) == offset);
        compare(model, partition, batch, seen);
        offset = batch_last_offset(batch) + 1;
    }
    return offset;
}

static void verify_partition(struct model *model, int partition, bool *seen)
{
    struct plane *plane = model->plane;
    int64_t start = plane_earliest(plane, &model->id, partition);
    int64_t end = plane_list_offsets(plane, 0, &model->id, partition, -1, false).offset;

    PROMISE(start <= model->deletable[partition] && start >= model->start[partition] &&
            end >= model->end[partition]);
    for (int64_t offset = start; offset < end;) {
        struct asked *asked = plane_fetch_start(plane, 0, &model->id, partition, offset, 0);
        asked_wait(asked);
        PROMISE(asked->head->fetch->results[0]->error == NULL && asked->batches_size > 0);
        offset = walk(model, partition, asked, offset, seen);
        asked_free(asked);
    }
    for (size_t i = 0; i < model->kept_count; i++)
        PROMISE(model->kept[i].partition != partition || seen[i] || model->compacted ||
                model->kept[i].offset < start);
}

void model_verify(struct model *model)
{
    bool seen[MODEL_KEPT_MAX] = { false };

    for (int partition = 0; partition < MODEL_PARTITIONS; partition++)
        verify_partition(model, partition, seen);
}
