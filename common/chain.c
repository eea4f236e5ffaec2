#include "common/chain.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/slab.h"

void chain_init(struct chain *chain)
{
    chain->first = NULL;
    chain->last = &chain->first;
    chain->size = 0;
}

void chain_fini(struct chain *chain)
{
    for (struct chain_piece *piece; (piece = chain_pop(chain)) != NULL;)
        chain_piece_free(piece);
}

static struct chain_piece *add_piece(struct chain *chain, enum chain_kind kind, size_t size,
                                     size_t room)
{
    struct chain_piece *piece = malloc(sizeof *piece + room);
    if (piece == NULL)
        return NULL;
    *piece = (struct chain_piece){ .kind = kind, .size = size, .fd = -1 };
    *chain->last = piece;
    chain->last = &piece->next;
    chain->size += size;
    return piece;
}

uint8_t *chain_reserve(struct chain *chain, size_t size)
{
    struct chain_piece *piece = add_piece(chain, CHAIN_MEMORY, size, size);
    if (piece == NULL)
        return NULL;
    uint8_t *room = (uint8_t *)(piece + 1);
    piece->bytes = room;
    return room;
}

int chain_copy(struct chain *chain, const void *bytes, size_t size)
{
    uint8_t *room = chain_reserve(chain, size);
    if (room == NULL)
        return K_NOMEM;
    if (size > 0)
        memcpy(room, bytes, size);
    return 0;
}

static void release_slab(void *owner)
{
    slab_unref(owner);
}

int chain_slab(struct chain *chain, struct slab *slab, const uint8_t *bytes, size_t size)
{
    struct chain_piece *piece = add_piece(chain, CHAIN_MEMORY, size, 0);
    if (piece == NULL)
        return K_NOMEM;
    piece->bytes = bytes;
    piece->owner = slab_ref(slab);
    piece->release = release_slab;
    return 0;
}

int chain_file(struct chain *chain, int fd, off_t position, size_t size,
               void (*release)(void *owner), void *owner)
{
    struct chain_piece *piece = add_piece(chain, CHAIN_FILE, size, 0);
    if (piece == NULL)
        return K_NOMEM;
    piece->fd = fd;
    piece->position = position;
    piece->release = release;
    piece->owner = owner;
    return 0;
}

void chain_move(struct chain *target, struct chain *source)
{
    if (source->first == NULL)
        return;
    *target->last = source->first;
    target->last = source->last;
    target->size += source->size;
    chain_init(source);
}

struct chain_piece *chain_pop(struct chain *chain)
{
    struct chain_piece *piece = chain->first;
    if (piece == NULL)
        return NULL;
    chain->first = piece->next;
    if (chain->first == NULL)
        chain->last = &chain->first;
    chain->size -= piece->size;
    piece->next = NULL;
    return piece;
}

void chain_piece_free(struct chain_piece *piece)
{
    if (piece->release != NULL)
        piece->release(piece->owner);
    free(piece);
}
