/* map.c - open addressing with linear probing; a removed entry leaves a mark until the slots are
 * laid out anew. */
#include "common/map.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/rand.h"

struct map_slot {
    void *key;                  /* NULL: never used; &removed: deleted */
    size_t size;
    uint64_t hash;
    void *value;
};

static const char removed;      /* only its address is used */

static uint64_t hash_of(const struct map *map, const void *key, size_t size)
{
    const uint8_t *at = key;
    uint64_t hash = map->seed ^ (size * 0x9e3779b97f4a7c15);
    for (; size >= 8; at += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        hash = (hash ^ word) * 0xbf58476d1ce4e5b9;
        hash ^= hash >> 29;
    }
    for (; size > 0; at++, size--)
        hash = (hash ^ *at) * 0x100000001b3;
    hash = (hash ^ (hash >> 32)) * 0x94d049bb133111eb;
    return hash ^ (hash >> 29);
}

void map_init(struct map *map)
{
    struct rand rand;

    rand_seed_from_system(&rand);
    map_init_seeded(map, rand_u64(&rand));
}

void map_init_seeded(struct map *map, uint64_t seed)
{
    *map = (struct map){ .seed = seed };
}

static bool is_live(const struct map_slot *slot)
{
    return slot->key != NULL && slot->key != &removed;
}

void map_fini(struct map *map)
{
    for (size_t i = 0; i < map->capacity; i++)
        if (is_live(&map->slots[i]))
            free(map->slots[i].key);
    free(map->slots);
    map->slots = NULL;
    map->capacity = map->count = map->filled = 0;
}

static struct map_slot *find(const struct map *map, const void *key, size_t size)
{
    if (map->capacity == 0)
        return NULL;
    uint64_t hash = hash_of(map, key, size);
    size_t mask = map->capacity - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        struct map_slot *slot = &map->slots[at];
        if (slot->key == NULL)
            return NULL;
        if (slot->key != &removed && slot->hash == hash && slot->size == size &&
            (size == 0 || memcmp(slot->key, key, size) == 0))
            return slot;
    }
}

void *map_get(const struct map *map, const void *key, size_t size)
{
    struct map_slot *slot = find(map, key, size);
    return slot != NULL ? slot->value : NULL;
}

static void place(struct map_slot *slots, size_t capacity, struct map_slot entry)
{
    size_t at = entry.hash & (capacity - 1);
    while (slots[at].key != NULL)
        at = (at + 1) & (capacity - 1);
    slots[at] = entry;
}

static int make_room(struct map *map)
{
    if (4 * (map->filled + 1) <= 3 * map->capacity)
        return 0;
    size_t capacity = 16;
    while (2 * (map->count + 1) > capacity)
        capacity *= 2;
    struct map_slot *slots = calloc(capacity, sizeof *slots);
    if (slots == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < map->capacity; i++)
        if (is_live(&map->slots[i]))
            place(slots, capacity, map->slots[i]);
    free(map->slots);
    map->slots = slots;
    map->capacity = capacity;
    map->filled = map->count;
    return 0;
}

int map_put(struct map *map, const void *key, size_t size, void *value, void **old)
{
    struct map_slot *slot = find(map, key, size);
    if (slot != NULL) {
        if (old != NULL)
            *old = slot->value;
        slot->value = value;
        return 0;
    }
    if (make_room(map) != 0)
        return K_NOMEM;
    void *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL)
        return K_NOMEM;
    if (size > 0)
        memcpy(copy, key, size);
    place(map->slots, map->capacity,
          (struct map_slot){ copy, size, hash_of(map, key, size), value });
    map->count++;
    map->filled++;
    if (old != NULL)
        *old = NULL;
    return 0;
}

void *map_remove(struct map *map, const void *key, size_t size)
{
    struct map_slot *slot = find(map, key, size);
    if (slot == NULL)
        return NULL;
    void *value = slot->value;
    free(slot->key);
    slot->key = (void *)&removed;
    slot->value = NULL;
    map->count--;
    return value;
}

void *map_get_text(const struct map *map, const char *key)
{
    return map_get(map, key, strlen(key));
}

int map_put_text(struct map *map, const char *key, void *value, void **old)
{
    return map_put(map, key, strlen(key), value, old);
}

void *map_remove_text(struct map *map, const char *key)
{
    return map_remove(map, key, strlen(key));
}

bool map_next(const struct map *map, size_t *position, const void **key, size_t *size,
              void **value)
{
    for (; *position < map->capacity; ++*position) {
        const struct map_slot *slot = &map->slots[*position];
        if (!is_live(slot))
            continue;
        if (key != NULL)
            *key = slot->key;
        if (size != NULL)
            *size = slot->size;
        if (value != NULL)
            *value = slot->value;
        ++*position;
        return true;
    }
    return false;
}
