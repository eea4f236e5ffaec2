/* Open addressing with linear probing; entries are never removed. A slot holds offset + 1, so that
 * memory that was never touched is a free slot and costs nothing. */
#include "server/storage/clean_map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"

struct clean_map_slot {
    struct clean_hash hash;
    uint64_t offset_after;              /* 0: free */
};

_Static_assert(sizeof(struct clean_map_slot) == CLEAN_MAP_ENTRY, "a slot is what is promised");

int clean_map_init(struct clean_map *map, size_t bytes, double load_factor,
                   const uint64_t secret[2])
{
    size_t slots = bytes / CLEAN_MAP_ENTRY;
    if (slots < 2)
        slots = 2;
    double wanted = (double)slots * load_factor;
    *map = (struct clean_map){ .slot_count = slots, .secret = { secret[0], secret[1] } };
    map->limit = wanted < 1 ? 1 : (size_t)wanted;
    if (map->limit >= slots)            /* one slot stays free: a search must end */
        map->limit = slots - 1;
    map->slots = calloc(slots, sizeof *map->slots);
    return map->slots == NULL ? K_NOMEM : 0;
}

void clean_map_fini(struct clean_map *map)
{
    free(map->slots);
    map->slots = NULL;
}

/* --- SipHash-1-3 with 128 bits ---------------------------------------------------------------- */

static inline uint64_t rotate(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

/* The last 0 to 7 bytes, and the size on top. */
static inline uint64_t last_word(const uint8_t *at, size_t size)
{
    uint64_t word = (uint64_t)size << 56;
    for (size_t i = 0; i < (size & 7); i++)
        word |= (uint64_t)at[i] << (8 * i);
    return word;
}

struct clean_hash clean_map_hash(const struct clean_map *map, const void *key, size_t size)
{
    const uint8_t *at = key, *end = at + (size & ~(size_t)7);
    uint64_t v[4] = { map->secret[0] ^ 0x736f6d6570736575u, map->secret[1] ^ 0x646f72616e646f83u,
                      map->secret[0] ^ 0x6c7967656e657261u, map->secret[1] ^ 0x7465646279746573u };
    struct clean_hash hash;

    for (; at < end; at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);           /* in the machine's order: the hash never leaves it */
        sip_word(v, word);
    }
    sip_word(v, last_word(at, size));
    v[2] ^= 0xee;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    hash.low = v[0] ^ v[1] ^ v[2] ^ v[3];
    v[1] ^= 0xdd;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    hash.high = v[0] ^ v[1] ^ v[2] ^ v[3];
    return hash;
}

/* --- the table -------------------------------------------------------------------------------- */

/* The hash's share of the table: as good as a remainder, without a division. */
static inline size_t home(const struct clean_map *map, struct clean_hash hash)
{
    return (size_t)(((unsigned __int128)hash.low * map->slot_count) >> 64);
}

/* The key's slot, or the free one where it belongs. */
static inline struct clean_map_slot *find(const struct clean_map *map, struct clean_hash hash)
{
    size_t i = home(map, hash);
    for (;;) {
        struct clean_map_slot *slot = &map->slots[i];
        if (slot->offset_after == 0 ||
            (slot->hash.low == hash.low && slot->hash.high == hash.high))
            return slot;
        if (++i == map->slot_count)
            i = 0;
    }
}

void clean_map_prefetch(const struct clean_map *map, struct clean_hash hash)
{
    __builtin_prefetch(&map->slots[home(map, hash)]);
}

bool clean_map_put(struct clean_map *map, struct clean_hash hash, int64_t offset)
{
    assert(offset >= 0);
    struct clean_map_slot *slot = find(map, hash);
    if (slot->offset_after == 0) {
        if (map->count == map->limit)
            return false;
        map->count++;
        slot->hash = hash;
    }
    if (slot->offset_after < (uint64_t)offset + 1)
        slot->offset_after = (uint64_t)offset + 1;
    return true;
}

int64_t clean_map_get(const struct clean_map *map, struct clean_hash hash)
{
    return (int64_t)find(map, hash)->offset_after - 1;
}
