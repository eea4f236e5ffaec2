#include "client/offsets.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"

struct klient_offsets *offsets_new(size_t count)
{
    struct klient_offsets *offsets = calloc(1, sizeof *offsets);

    if (offsets == NULL)
        return NULL;
    arena_init(&offsets->arena, NULL, 0, SIZE_MAX);
    offsets->count = count;
    offsets->items = arena_calloc(&offsets->arena, count + 1, sizeof *offsets->items);
    if (offsets->items != NULL)
        return offsets;
    klient_offsets_free(offsets);
    return NULL;
}

int offsets_set(struct klient_offsets *offsets, size_t index, const klient_offset_t *from)
{
    klient_offset_t *to = &offsets->items[index];

    *to = *from;
    to->size = sizeof *to;
    to->topic = arena_strdup(&offsets->arena, from->topic);
    to->metadata = arena_strdup(&offsets->arena, from->metadata);
    return to->topic == NULL || to->metadata == NULL ? K_NOMEM : 0;
}

void offsets_tell(const struct klient_offsets *offsets, int64_t *values, klient_code_t *codes)
{
    for (size_t i = 0; i < offsets->count; i++) {
        if (values != NULL)
            values[i] = offsets->items[i].offset;
        if (codes != NULL)
            codes[i] = offsets->items[i].code;
    }
}

static int by_partition(const void *a, const void *b)
{
    const klient_offset_t *x = a, *y = b;
    int order = strcmp(x->topic, y->topic);

    return order != 0 ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

void offsets_sort(struct klient_offsets *offsets)
{
    if (offsets->count > 0)
        qsort(offsets->items, offsets->count, sizeof *offsets->items, by_partition);
}

size_t klient_offsets_count(const klient_offsets_t *offsets)
{
    return offsets->count;
}

klient_code_t klient_offsets_get(const klient_offsets_t *offsets, size_t index,
                                 klient_offset_t *out)
{
    if (index >= offsets->count || out == NULL || out->size < sizeof *out)
        return KLIENT_INVALID_ARGUMENT;
    *out = offsets->items[index];
    return KLIENT_OK;
}

void klient_offsets_free(klient_offsets_t *offsets)
{
    if (offsets == NULL)
        return;
    arena_fini(&offsets->arena);
    free(offsets);
}
