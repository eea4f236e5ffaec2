/* rand.h - the only source of chance: a seeded generator (xoshiro256**). Not for secrets. */
#ifndef COMMON_RAND_H
#define COMMON_RAND_H

#include <stdint.h>

struct rand { uint64_t state[4]; };

void rand_seed(struct rand *rand, uint64_t seed);
void rand_seed_from_system(struct rand *rand);
uint64_t rand_u64(struct rand *rand);

/* Evenly from [0, bound); bound > 0. */
uint64_t rand_below(struct rand *rand, uint64_t bound);

#endif
