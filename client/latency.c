#include "client/latency.h"

/* Each power of two has LATENCY_PARTS buckets; the smallest values have one each. */
static unsigned bucket_of(uint32_t value)
{
    if (value < LATENCY_PARTS)
        return value;
    unsigned shift = 27 - (unsigned)__builtin_clz(value);
    return shift * LATENCY_PARTS + (value >> shift);
}

static uint64_t last_of(unsigned bucket)
{
    if (bucket < LATENCY_PARTS)
        return bucket;
    unsigned shift = bucket / LATENCY_PARTS - 1;
    return ((uint64_t)(LATENCY_PARTS + bucket % LATENCY_PARTS + 1) << shift) - 1;
}

void latency_record(struct latency *latency, int64_t value)
{
    uint32_t kept = value < 0 ? 0 : value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;

    latency->buckets[bucket_of(kept)]++;
    latency->count++;
    latency->max = kept > latency->max ? kept : latency->max;
}

uint64_t latency_quantile(const struct latency *latency, double q)
{
    double wanted = q * (double)latency->count;
    uint64_t seen = 0;

    for (unsigned b = 0; b < LATENCY_BUCKETS; b++) {
        seen += latency->buckets[b];
        if (latency->buckets[b] > 0 && (double)seen >= wanted)
            return last_of(b) < latency->max ? last_of(b) : latency->max;
    }
    return latency->max;
}
