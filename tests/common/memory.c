/* memory.c - the linker sends every allocation of this program's own objects here (--wrap). */
#include "tests/common/memory.h"

#include <stdbool.h>
#include <stddef.h>

static int left = -1;           /* allocations that succeed; negative: all of them */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strndup(const char *text, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strndup(const char *text, size_t size);

void memory_fail_after(int count)
{
    left = count;
}

void memory_restore(void)
{
    left = -1;
}

static bool granted(void)
{
    if (left < 0)
        return true;
    if (left == 0)
        return false;
    left--;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return granted() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return granted() ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *memory, size_t size)
{
    return granted() ? __real_realloc(memory, size) : NULL;
}

char *__wrap_strndup(const char *text, size_t size)
{
    return granted() ? __real_strndup(text, size) : NULL;
}
