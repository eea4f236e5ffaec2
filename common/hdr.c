#include "common/hdr.h"

#include <stdlib.h>

/* Bits of HDR_HALF; a value with one bit more than that is still exact. */
enum { HALF_BITS = 10 };

struct hdr *hdr_new(void)
{
    struct hdr *hdr = calloc(1, sizeof *hdr);
    if (hdr != NULL)
        hdr->min = UINT64_MAX;
    return hdr;
}

void hdr_free(struct hdr *hdr)
{
    free(hdr);
}

/* Buckets of `shift` are 2^shift wide; 1024 to 2047 of them follow each other without a gap. */
static unsigned bucket_of(uint64_t value)
{
    if (value < 2 * HDR_HALF)
        return (unsigned)value;
    if (value > HDR_VALUE_MAX)
        value = HDR_VALUE_MAX;
    unsigned shift = 63 - (unsigned)__builtin_clzll(value) - HALF_BITS;
    return shift * HDR_HALF + (unsigned)(value >> shift);
}

static uint64_t last_of(unsigned bucket)
{
    if (bucket < 2 * HDR_HALF)
        return bucket;
    unsigned shift = bucket / HDR_HALF - 1;
    return ((uint64_t)(bucket - shift * HDR_HALF) + 1) * (UINT64_C(1) << shift) - 1;
}

void hdr_record(struct hdr *hdr, uint64_t value)
{
    hdr->counts[bucket_of(value)]++;
    hdr->count++;
    hdr->sum += (double)value;
    hdr->min = value < hdr->min ? value : hdr->min;
    hdr->max = value > hdr->max ? value : hdr->max;
}

void hdr_add(struct hdr *hdr, const struct hdr *other)
{
    for (unsigned i = 0; i < HDR_BUCKETS; i++)
        hdr->counts[i] += other->counts[i];
    hdr->count += other->count;
    hdr->sum += other->sum;
    hdr->min = other->min < hdr->min ? other->min : hdr->min;
    hdr->max = other->max > hdr->max ? other->max : hdr->max;
}

uint64_t hdr_quantile(const struct hdr *hdr, double q)
{
    double exact = q * (double)hdr->count + 1e-9;
    uint64_t rank = (uint64_t)exact, seen = 0;

    rank += (double)rank < exact - 1e-6;                /* the first sample that q reaches */
    rank = rank < 1 ? 1 : rank;
    for (unsigned i = 0; i < HDR_BUCKETS; i++) {
        seen += hdr->counts[i];
        if (seen >= rank && seen > 0)
            return last_of(i) < hdr->max ? last_of(i) : hdr->max;
    }
    return hdr->max;
}

bool hdr_supports(const struct hdr *hdr, double q)
{
    return (1 - q) * (double)hdr->count >= HDR_BEYOND_MIN - 1e-6;
}

double hdr_mean(const struct hdr *hdr)
{
    return hdr->count > 0 ? hdr->sum / (double)hdr->count : 0;
}
