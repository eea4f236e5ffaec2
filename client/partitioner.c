#include "client/partitioner.h"

#include "client/klient.h"

uint32_t murmur2(const void *bytes, size_t size)
{
    enum { SHIFT = 24 };
    const uint32_t factor = 0x5bd1e995, seed = 0x9747b28c;
    const uint8_t *at = bytes;
    uint32_t hash = seed ^ (uint32_t)size;

    for (; size >= 4; at += 4, size -= 4) {
        uint32_t word = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
                        (uint32_t)at[3] << 24;
        word *= factor;
        word ^= word >> SHIFT;
        word *= factor;
        hash = hash * factor ^ word;
    }
    if (size >= 3)
        hash ^= (uint32_t)at[2] << 16;
    if (size >= 2)
        hash ^= (uint32_t)at[1] << 8;
    if (size >= 1)
        hash = (hash ^ at[0]) * factor;
    hash = (hash ^ hash >> 13) * factor;
    return hash ^ hash >> 15;
}

int32_t klient_partition_for_key(const void *key, size_t key_size, int32_t partition_count)
{
    if (partition_count <= 0)
        return -1;
    return (int32_t)((murmur2(key, key_size) & 0x7fffffff) % (uint32_t)partition_count);
}

size_t partition_pick(const uint32_t *queues, size_t count, uint64_t chance)
{
    uint64_t total = 0;
    uint32_t longest = 0;

    if (queues == NULL)
        return (size_t)(chance % count);
    for (size_t i = 0; i < count; i++)
        longest = queues[i] > longest ? queues[i] : longest;
    for (size_t i = 0; i < count; i++)
        total += longest - queues[i] + 1;
    uint64_t left = chance % total;
    size_t i = 0;
    while (left >= longest - queues[i] + 1) {
        left -= longest - queues[i] + 1;
        i++;
    }
    return i;
}
