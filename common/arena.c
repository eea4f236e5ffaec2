#include "common/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = alignof(max_align_t), BLOCK_SIZE = 4096 - 64, BLOCK_SIZE_MAX = 256 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t size;
    alignas(max_align_t) char bytes[];
};

static char *aligned(char *at)
{
    return (char *)(((uintptr_t)at + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1));
}

void arena_init(struct arena *arena, void *memory, size_t size, size_t limit)
{
    *arena = (struct arena){ .own = memory, .own_size = memory != NULL ? size : 0, .limit = limit };
    arena->next = arena->own;
    arena->end = arena->own != NULL ? arena->own + arena->own_size : NULL;
}

void arena_reset(struct arena *arena)
{
    for (struct arena_block *block = arena->blocks, *next; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    arena_init(arena, arena->own, arena->own_size, arena->limit);
}

void arena_fini(struct arena *arena)
{
    arena_reset(arena);
}

/* A new block with room for `size` bytes; each is twice the last, so that many small requests
 * make few blocks. */
static bool grow(struct arena *arena, size_t size)
{
    size_t room = arena->blocks != NULL ? 2 * arena->blocks->size : BLOCK_SIZE;
    if (room > BLOCK_SIZE_MAX)
        room = BLOCK_SIZE_MAX;
    if (room < size)
        room = size;
    struct arena_block *block = malloc(sizeof *block + room);
    if (block == NULL)
        return false;
    block->next = arena->blocks;
    block->size = room;
    arena->blocks = block;
    arena->next = block->bytes;
    arena->end = block->bytes + room;
    return true;
}

/* Rounded up, so that the limit holds for many tiny requests too. */
static size_t taken_for(size_t size)
{
    return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

bool arena_allows(const struct arena *arena, size_t size)
{
    return size <= SIZE_MAX / 2 && taken_for(size) <= arena->limit - arena->used;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t taken = taken_for(size);

    if (!arena_allows(arena, size))
        return NULL;
    char *at = arena->next != NULL ? aligned(arena->next) : NULL;
    if (at == NULL || at > arena->end || (size_t)(arena->end - at) < size) {
        if (!grow(arena, taken))
            return NULL;
        at = arena->next;
    }
    arena->next = at + size;
    arena->used += taken;
    return at;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    void *memory = arena_alloc(arena, total);
    if (memory != NULL)
        memset(memory, 0, total);
    return memory;
}

void *arena_copy(struct arena *arena, const void *bytes, size_t size)
{
    void *copy = arena_alloc(arena, size);
    if (copy != NULL && size > 0)
        memcpy(copy, bytes, size);
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_copy(arena, text, strlen(text) + 1);
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = size >= 0 ? arena_alloc(arena, (size_t)size + 1) : NULL;
    if (text != NULL)
        vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    return text;
}
