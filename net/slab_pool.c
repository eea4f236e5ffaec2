#include "net/slab_pool.h"

#include "common/slab.h"

void slab_pool_init(struct slab_pool *pool)
{
    *pool = (struct slab_pool){ 0 };
}

static bool is_free(const struct slab_pool_slot *slot)
{
    return slot->slab != NULL && slab_references(slot->slab) == 1;
}

static struct slab *empty_slot(struct slab_pool *pool, struct slab_pool_slot *slot)
{
    struct slab *slab = slot->slab;

    pool->bytes -= slab->size;
    *slot = (struct slab_pool_slot){ 0 };
    return slab;
}

void slab_pool_fini(struct slab_pool *pool)
{
    for (int i = 0; i < SLAB_POOL_SLOTS; i++)
        if (pool->slots[i].slab != NULL)
            slab_unref(empty_slot(pool, &pool->slots[i]));
}

/* The smallest free slab that fits. One more than twice too large is left alone: it would pin far
 * more memory than its user needs. */
static struct slab_pool_slot *find_fit(struct slab_pool *pool, size_t size)
{
    struct slab_pool_slot *best = NULL;

    for (int i = 0; i < SLAB_POOL_SLOTS; i++) {
        struct slab_pool_slot *slot = &pool->slots[i];
        if (is_free(slot) && slot->slab->size >= size && slot->slab->size / 2 <= size &&
            (best == NULL || slot->slab->size < best->slab->size))
            best = slot;
    }
    return best;
}

struct slab *slab_pool_take(struct slab_pool *pool, size_t size)
{
    if (size < SLAB_POOL_SIZE_MIN || size > SLAB_POOL_SIZE_MAX)
        return slab_new(size);

    struct slab_pool_slot *slot = find_fit(pool, size);
    if (slot != NULL)
        return empty_slot(pool, slot);
    /* Rounded up, so that frames of nearly equal size share slabs. */
    return slab_new((size + SLAB_POOL_SIZE_MIN - 1) / SLAB_POOL_SIZE_MIN * SLAB_POOL_SIZE_MIN);
}

static bool has_room(const struct slab_pool *pool, const struct slab_pool_slot *unused,
                     const struct slab *slab)
{
    return unused != NULL && pool->bytes + slab->size <= SLAB_POOL_BYTES_MAX;
}

void slab_pool_give(struct slab_pool *pool, struct slab *slab)
{
    struct slab_pool_slot *unused = NULL;

    if (slab == NULL)
        return;
    if (slab->size < SLAB_POOL_SIZE_MIN || slab->size > SLAB_POOL_SIZE_MAX) {
        slab_unref(slab);
        return;
    }
    for (int i = 0; i < SLAB_POOL_SLOTS && unused == NULL; i++)
        if (pool->slots[i].slab == NULL)
            unused = &pool->slots[i];
    /* Full: free slabs make way. Had they been of the size in use, this one would not exist. */
    for (int i = 0; i < SLAB_POOL_SLOTS && !has_room(pool, unused, slab); i++) {
        if (!is_free(&pool->slots[i]))
            continue;
        unused = &pool->slots[i];
        slab_unref(empty_slot(pool, unused));
    }
    if (!has_room(pool, unused, slab)) {
        slab_unref(slab);
        return;
    }
    *unused = (struct slab_pool_slot){ slab, true };
    pool->bytes += slab->size;
}

bool slab_pool_trim(struct slab_pool *pool)
{
    bool keeps = false;

    for (int i = 0; i < SLAB_POOL_SLOTS; i++) {
        struct slab_pool_slot *slot = &pool->slots[i];
        if (!slot->recent && is_free(slot))
            slab_unref(empty_slot(pool, slot));
        slot->recent = false;
        keeps = keeps || slot->slab != NULL;
    }
    return keeps;
}
