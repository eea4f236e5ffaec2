#include "proto/api_table.h"

#include "common/feature.h"

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

/* The numbers of the bodies, by name. */
enum {
#define X(name, body, lowest, highest) BODY_##name = (body),
    PROTO_API_TABLE(X)
#undef X
};

static const struct gate {
    uint32_t body, version;
    enum feature feature;
    int16_t level;
} gates[] = {
#define X(name, version, feature, level) { BODY_##name, version, FEATURE_##feature, level },
    PROTO_API_LEVEL_TABLE(X)
#undef X
};

/* Is this version of the body above these levels? */
static bool waits(const struct gate *gate, const struct api_row *row,
                  const struct feature_levels *levels)
{
    return gate->body == row->body && gate->level > levels->of[gate->feature];
}

bool api_served(const struct api_row *row, const struct feature_levels *levels)
{
    for (size_t i = 0; i < sizeof gates / sizeof gates[0]; i++)
        if (gates[i].version == row->lowest && waits(&gates[i], row, levels))
            return false;
    return true;
}

uint32_t api_highest(const struct api_row *row, const struct feature_levels *levels)
{
    uint32_t highest = row->highest;

    for (size_t i = 0; i < sizeof gates / sizeof gates[0]; i++)
        if (gates[i].version <= highest && gates[i].version > row->lowest &&
            waits(&gates[i], row, levels))
            highest = gates[i].version - 1;
    return highest;
}

bool api_supported(uint32_t body, uint32_t version, const struct feature_levels *levels)
{
    const struct api_row *row = api_find(body);
    return row != NULL && api_served(row, levels) && row->lowest <= version &&
           version <= api_highest(row, levels);
}
