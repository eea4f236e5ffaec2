/* hdr.h - a histogram of whole numbers with three significant digits, for latencies.
 *
 * Values below 2048 are kept exactly, larger ones to one part in 1024, up to HDR_VALUE_MAX; what
 * is larger counts as that. The unit is the caller's (microseconds: from 1 us to 71 minutes).
 * Recording is a few instructions and never fails. One thread at a time. */
#ifndef COMMON_HDR_H
#define COMMON_HDR_H

#include <stdbool.h>
#include <stdint.h>

enum {
    HDR_HALF = 1024,                    /* buckets of each power of two */
    HDR_SHIFT_MAX = 21,
    HDR_BUCKETS = (HDR_SHIFT_MAX + 2) * HDR_HALF,
    HDR_BEYOND_MIN = 100                /* samples above a quantile that may be told */
};
#define HDR_VALUE_MAX UINT32_MAX

struct hdr {
    uint64_t counts[HDR_BUCKETS];
    uint64_t count, min, max;           /* min and max exactly; min is UINT64_MAX when empty */
    double sum;
};

/* An empty one; NULL when out of memory. NULL is allowed in free. */
struct hdr *hdr_new(void);
void hdr_free(struct hdr *hdr);

void hdr_record(struct hdr *hdr, uint64_t value);
void hdr_add(struct hdr *hdr, const struct hdr *other);

/* The largest value that may stand in the bucket of quantile q (0 to 1), never above the largest
 * recorded one; 0 when empty. */
uint64_t hdr_quantile(const struct hdr *hdr, double q);

/* Whether at least HDR_BEYOND_MIN samples lie beyond quantile q: fewer say nothing about it. */
bool hdr_supports(const struct hdr *hdr, double q);

double hdr_mean(const struct hdr *hdr);

#endif
