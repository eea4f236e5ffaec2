/* latency.h - a small histogram of times, to one part in 16. Pure; one thread at a time. */
#ifndef CLIENT_LATENCY_H
#define CLIENT_LATENCY_H

#include <stdint.h>

enum {
    LATENCY_PARTS = 16,             /* of each power of two; below, values are kept exactly */
    LATENCY_BUCKETS = 29 * LATENCY_PARTS
};

struct latency {
    uint64_t count, max;
    uint32_t buckets[LATENCY_BUCKETS];
};

/* Negative counts as 0; what is larger than 2^32 as that. */
void latency_record(struct latency *latency, int64_t value);

/* The largest value that may stand in the bucket of quantile q (0 to 1), never above the largest
 * recorded one; 0 when empty. */
uint64_t latency_quantile(const struct latency *latency, double q);

#endif
