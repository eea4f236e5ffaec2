/* slab_pool.h - receive slabs used again and again, so that a steady flow allocates nothing.
 *
 * A slab may be given back while others still hold it: it is handed out again once they are done.
 * Belongs to one loop; the others may drop their references on any thread. */
#ifndef NET_SLAB_POOL_H
#define NET_SLAB_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct slab;

enum {
    SLAB_POOL_SLOTS = 32,
    SLAB_POOL_SIZE_MIN = 64 << 10,      /* smaller slabs come from malloc: it is good at them */
    SLAB_POOL_SIZE_MAX = 4 << 20,       /* larger ones are not worth keeping */
    SLAB_POOL_BYTES_MAX = 16 << 20
};

struct slab_pool {
    struct slab_pool_slot {
        struct slab *slab;              /* NULL: unused slot */
        bool recent;                    /* given back since the last trim */
    } slots[SLAB_POOL_SLOTS];
    size_t bytes;
};

void slab_pool_init(struct slab_pool *pool);
void slab_pool_fini(struct slab_pool *pool);

/* A slab of at least `size` bytes that nobody else holds. NULL when out of memory. */
struct slab *slab_pool_take(struct slab_pool *pool, size_t size);

/* Give the caller's reference away: kept for a later take, or dropped. NULL is allowed. */
void slab_pool_give(struct slab_pool *pool, struct slab *slab);

/* Free what lay unused since the last call. Returns whether the pool still keeps slabs. */
bool slab_pool_trim(struct slab_pool *pool);

#endif
