#include "common/slab.h"

#include <stdlib.h>

struct slab *slab_new(size_t size)
{
    struct slab *slab = malloc(sizeof *slab + size);
    if (slab == NULL)
        return NULL;
    atomic_init(&slab->references, 1);
    slab->size = size;
    return slab;
}

struct slab *slab_ref(struct slab *slab)
{
    atomic_fetch_add_explicit(&slab->references, 1, memory_order_relaxed);
    return slab;
}

void slab_unref(struct slab *slab)
{
    /* Whoever drops the last reference must see what all others wrote before dropping theirs. */
    if (slab != NULL && atomic_fetch_sub_explicit(&slab->references, 1, memory_order_acq_rel) == 1)
        free(slab);
}

unsigned slab_references(const struct slab *slab)
{
    return atomic_load_explicit(&slab->references, memory_order_acquire);
}
