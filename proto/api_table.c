#include "proto/api_table.h"

#define X(name_, body_, lowest_, highest_) \
    { .name = #name_, .body = (body_), .lowest = (lowest_), .highest = (highest_) },
static const struct api_row rows[] = { PROTO_API_TABLE(X) };
#undef X

const struct api_row *api_rows(size_t *count)
{
    *count = sizeof rows / sizeof rows[0];
    return rows;
}

const struct api_row *api_find(uint32_t body)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].body == body)
            return &rows[i];
    return NULL;
}

bool api_supported(uint32_t body, uint32_t version)
{
    const struct api_row *row = api_find(body);
    return row != NULL && row->lowest <= version && version <= row->highest;
}
