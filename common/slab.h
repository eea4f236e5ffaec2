/* slab.h - reference-counted bytes that may cross threads.
 *
 * A receive slab holds frames; whoever needs its bytes beyond the call takes a reference. Each
 * frame's bytes belong to whoever was handed the frame; the slab is filled anew only when nobody
 * else holds it. Counting is atomic; the rest is not. */
#ifndef COMMON_SLAB_H
#define COMMON_SLAB_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct slab {
    atomic_uint references;
    size_t size;                /* bytes of room */
    uint8_t bytes[];
};

/* A slab with one reference and `size` bytes of room, not cleared; pages of a large one are only
 * taken from the system as they are written. NULL when out of memory. */
struct slab *slab_new(size_t size);

struct slab *slab_ref(struct slab *slab);
void slab_unref(struct slab *slab);          /* NULL is allowed */
unsigned slab_references(const struct slab *slab);

#endif
