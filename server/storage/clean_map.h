/* storage/clean_map.h - the last offset of every key, in bounded memory; for the cleaner only.
 *
 * A key is known by 128 bits of SipHash under a secret that is new for every map: two keys that
 * share them by chance are not to be expected in the age of the universe, and who does not know
 * the secret can not make any. An entry is 24 bytes, whatever the size of its key. Pure memory;
 * one thread. */
#ifndef STORAGE_CLEAN_MAP_H
#define STORAGE_CLEAN_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLEAN_MAP_ENTRY = 24 };

struct clean_hash {
    uint64_t low, high;
};

struct clean_map {
    struct clean_map_slot *slots;       /* owned */
    size_t slot_count;
    size_t count, limit;                /* keys in it; most that it takes */
    uint64_t secret[2];
};

/* A map in at most `bytes` of memory, filled up to `load_factor` (0 to 1). It takes at least one
 * key. The memory is only touched as it fills. 0 or K_NOMEM. */
int clean_map_init(struct clean_map *map, size_t bytes, double load_factor,
                   const uint64_t secret[2]);
void clean_map_fini(struct clean_map *map);

struct clean_hash clean_map_hash(const struct clean_map *map, const void *key, size_t size);

/* Bring the place of a key into the cache, some work before it is looked at. */
void clean_map_prefetch(const struct clean_map *map, struct clean_hash hash);

/* Remember `offset` (at least 0) for the key; a smaller one does not replace a larger one. False:
 * the key is new and the map is full. */
bool clean_map_put(struct clean_map *map, struct clean_hash hash, int64_t offset);

/* The offset of the key; -1: unknown. */
int64_t clean_map_get(const struct clean_map *map, struct clean_hash hash);

#endif
