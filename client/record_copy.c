#include "client/record_copy.h"

#include <stdlib.h>

#include "common/endian.h"
#include "common/error.h"
#include "common/slab.h"

static struct record_header *views(const klient_header_t *headers, size_t count)
{
    struct record_header *views = calloc(count + 1, sizeof *views);

    for (size_t i = 0; views != NULL && i < count; i++)
        views[i] = (struct record_header){ (const uint8_t *)headers[i].key,
                                           (int32_t)headers[i].key_size, headers[i].value,
                                           (int32_t)headers[i].value_size };
    return views;
}

static int build(struct slab *slab, const klient_record_t *record,
                 const struct record_header *headers, int32_t header_count, size_t *size)
{
    struct batch_builder builder;

    batch_build_start(&builder, slab->bytes, slab->size);
    int code = batch_build_add(&builder, record->timestamp, record->key, (int32_t)record->key_size,
                               record->value, (int32_t)record->value_size, headers, header_count);
    if (code != 0)
        return code;
    batch_build_finish(&builder);
    batch_stamp(slab->bytes, record->offset, record->leader_epoch);
    if (record->timestamp_type == KLIENT_TIMESTAMP_APPENDED)
        store_u16(slab->bytes + BATCH_ATTRIBUTES,
                  (uint16_t)(batch_attributes(slab->bytes) | BATCH_APPEND_TIME));
    *size = builder.size;
    return 0;
}

int record_copy(struct budget *budget, struct assigned *as, const klient_record_t *record,
                const klient_header_t *headers, size_t header_count, struct chunk **out)
{
    struct record_header *list = views(headers, header_count);
    struct slab *slab = NULL;
    struct chunk *chunk = NULL;
    int code = K_NOMEM;

    if (list != NULL)
        slab = slab_new(BATCH_HEADER_SIZE +
                        record_size_max((int32_t)record->key_size, (int32_t)record->value_size,
                                        list, (int32_t)header_count));
    if (slab != NULL)
        chunk = chunk_new(budget, as, UINT64_MAX);   /* no seek makes it void */
    if (chunk != NULL)
        code = build(slab, record, list, (int32_t)header_count, &chunk->size);
    free(list);
    if (code != 0) {
        slab_unref(slab);
        if (chunk != NULL)
            chunk_unref(chunk);
        return code;
    }
    chunk->slab = slab;
    chunk->bytes = slab->bytes;
    chunk->charged = slab->size;
    atomic_fetch_add(&budget->held, (int64_t)chunk->charged);
    *out = chunk;
    return 0;
}
