/* arena.h - memory that is freed all at once: that of one request.
 *
 * Not thread-safe. Blocks are kept until arena_reset() or arena_fini(); the first block may be
 * the caller's own, so that a small request allocates nothing. */
#ifndef COMMON_ARENA_H
#define COMMON_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks;     /* newest first; owned */
    char *next, *end;               /* free room of the newest block or of the caller's memory */
    char *own;                      /* the caller's memory, or NULL */
    size_t own_size;
    size_t used, limit;             /* bytes handed out, rounded up, and the most that may be */
};

/* `memory` (may be NULL) of `size` bytes is used first and stays the caller's. `limit` caps all
 * that the arena ever hands out until reset, each request rounded up to 16 bytes: beyond it
 * arena_alloc() returns NULL. */
void arena_init(struct arena *arena, void *memory, size_t size, size_t limit);
void arena_fini(struct arena *arena);
void arena_reset(struct arena *arena);

/* Does the limit allow so much more? Where it does, what arena_alloc() refuses there is no memory
 * for. */
bool arena_allows(const struct arena *arena, size_t size);

/* Aligned for any type; not cleared. NULL when out of memory or over the limit. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_calloc(struct arena *arena, size_t count, size_t size);
char *arena_strdup(struct arena *arena, const char *text);
void *arena_copy(struct arena *arena, const void *bytes, size_t size);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
