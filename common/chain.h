/* chain.h - an outgoing message as a list of pieces: own bytes, shared bytes, spans of files.
 *
 * Built by a codec or a storage reader, sent by a connection. Not thread-safe; may be moved to
 * another thread as a whole. Each piece is released exactly once, by whoever consumes it. */
#ifndef COMMON_CHAIN_H
#define COMMON_CHAIN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct slab;

enum chain_kind {
    CHAIN_MEMORY,      /* bytes[0..size), kept alive by `owner` through release() */
    CHAIN_FILE         /* bytes [position, position + size) of the open descriptor fd */
};

struct chain_piece {
    struct chain_piece *next;
    enum chain_kind kind;
    size_t size;
    const uint8_t *bytes;            /* CHAIN_MEMORY */
    int fd;                          /* CHAIN_FILE */
    off_t position;                  /* CHAIN_FILE */
    void (*release)(void *owner);    /* may be NULL */
    void *owner;
};

struct chain {
    struct chain_piece *first, **last;
    size_t size;                     /* bytes in all pieces */
};

void chain_init(struct chain *chain);

/* Release every piece; the chain is empty afterwards. */
void chain_fini(struct chain *chain);

/* Room for `size` contiguous bytes at the end, to be filled by the caller before the chain is
 * sent. The piece owns them. NULL when out of memory. */
uint8_t *chain_reserve(struct chain *chain, size_t size);

/* Append a copy of bytes. Returns 0 or K_NOMEM. */
int chain_copy(struct chain *chain, const void *bytes, size_t size);

/* Append bytes of a slab; takes a reference of its own. Returns 0 or K_NOMEM. */
int chain_slab(struct chain *chain, struct slab *slab, const uint8_t *bytes, size_t size);

/* Append a span of a file. `release(owner)` is called once when the piece is done with, and not
 * called on failure. Returns 0 or K_NOMEM. */
int chain_file(struct chain *chain, int fd, off_t position, size_t size,
               void (*release)(void *owner), void *owner);

/* Move all pieces of `source` to the end of `target`; `source` is empty afterwards. */
void chain_move(struct chain *target, struct chain *source);

/* Take the first piece out, or NULL. The caller releases it with chain_piece_free(). */
struct chain_piece *chain_pop(struct chain *chain);
void chain_piece_free(struct chain_piece *piece);

#endif
