#include "server/runtime/throttled.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/pairs.h"

static int compare(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

    return (x > y) - (x < y);
}

int throttled_read(const char *text, int32_t broker, struct throttled *out)
{
    size_t size = strlen(text), most = 1;
    const char *at = text, *end = text + size;
    int32_t partition, of;

    *out = (struct throttled){ .all = pairs_is_all(text, size) };
    if (size == 0 || out->all)
        return 0;
    if (!pairs_is_list(text, size))
        return K_INVALID_CONFIG;
    for (size_t i = 0; i < size; i++)
        most += text[i] == ',';
    out->partitions = calloc(most, sizeof *out->partitions);
    if (out->partitions == NULL)
        return K_NOMEM;
    while (at < end && pairs_next(&at, end, &partition, &of))
        if (of == broker)
            out->partitions[out->count++] = partition;
    qsort(out->partitions, out->count, sizeof *out->partitions, compare);
    return 0;
}

void throttled_fini(struct throttled *throttled)
{
    free(throttled->partitions);
    *throttled = (struct throttled){ .all = false };
}

bool throttled_has(const struct throttled *throttled, int32_t partition)
{
    return throttled->all ||
           (throttled->count > 0 && bsearch(&partition, throttled->partitions, throttled->count,
                                            sizeof partition, compare) != NULL);
}
