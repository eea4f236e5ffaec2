/* map.h - hash map from byte strings to pointers.
 *
 * Keys are copied; values are borrowed. Not thread-safe. Seeded, so that hostile keys can not
 * choose their buckets. */
#ifndef COMMON_MAP_H
#define COMMON_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot;

struct map {
    struct map_slot *slots;         /* owned; NULL while empty */
    size_t capacity, count, filled; /* filled counts deleted slots too */
    uint64_t seed;
};

void map_init(struct map *map);         /* seeded by the system */
void map_init_seeded(struct map *map, uint64_t seed);
void map_fini(struct map *map);         /* frees keys, not values */

void *map_get(const struct map *map, const void *key, size_t size);

/* Set or replace. `old` (may be NULL) receives the former value or NULL. 0 or K_NOMEM. */
int map_put(struct map *map, const void *key, size_t size, void *value, void **old);

/* Remove; returns the value, NULL when there was none. */
void *map_remove(struct map *map, const void *key, size_t size);

/* The same with zero-terminated keys. */
void *map_get_text(const struct map *map, const char *key);
int map_put_text(struct map *map, const char *key, void *value, void **old);
void *map_remove_text(struct map *map, const char *key);

/* Walk in no particular order: start with *position = 0; false at the end. Removing the entry
 * just returned is allowed, adding is not. `key` and `size` may be NULL. */
bool map_next(const struct map *map, size_t *position, const void **key, size_t *size,
              void **value);

#endif
