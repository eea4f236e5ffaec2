/* rand.c - xoshiro256**, seeded through splitmix64 (Blackman and Vigna, public domain). */
#include "common/rand.h"

#include <sys/random.h>
#include <time.h>

static uint64_t rotate(uint64_t value, int by)
{
    return (value << by) | (value >> (64 - by));
}

void rand_seed(struct rand *rand, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15;
        uint64_t mixed = seed;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
        rand->state[i] = mixed ^ (mixed >> 31);
    }
}

void rand_seed_from_system(struct rand *rand)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        seed = (uint64_t)now.tv_nsec ^ ((uint64_t)now.tv_sec << 32) ^ (uint64_t)(uintptr_t)rand;
    }
    rand_seed(rand, seed);
}

uint64_t rand_u64(struct rand *rand)
{
    uint64_t *s = rand->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t rand_below(struct rand *rand, uint64_t bound)
{
    /* Values above the largest multiple of `bound` would favour small results. */
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    uint64_t value;
    do
        value = rand_u64(rand);
    while (value >= limit);
    return value % bound;
}
