#include "tests/torture/memory.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
FILE *__real_open_memstream(char **text, size_t *size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);
int __wrap_asprintf(char **text, const char *format, ...) __attribute__((format(printf, 2, 3)));
FILE *__wrap_open_memstream(char **text, size_t *size);

enum { NAME_SIZE = 32 };

static bool (*thread_counts)(const char *thread);
static void (*first_failed)(void);
static _Atomic bool armed, lasts;
static atomic_long left, failed;
static _Thread_local enum { UNKNOWN, COUNTS, DOES_NOT } mine;

void memory_set_threads(bool (*counts)(const char *thread))
{
    thread_counts = counts;
}

void memory_set_witness(void (*witness)(void))
{
    first_failed = witness;
}

void memory_fail_at(long n, bool lasting)
{
    left = n;
    failed = 0;
    lasts = lasting;
    armed = true;
}

void memory_pause(bool paused)
{
    armed = !paused;
}

long memory_heal(void)
{
    armed = false;
    return failed;
}

/* Threads take their names before they do anything. */
static bool counts(void)
{
    char name[NAME_SIZE] = "";

    if (mine == UNKNOWN) {
        pthread_getname_np(pthread_self(), name, sizeof name);
        mine = thread_counts(name) ? COUNTS : DOES_NOT;
    }
    return mine == COUNTS;
}

static bool fails_now(void)
{
    if (!armed || !counts())
        return false;
    long before = atomic_fetch_sub(&left, 1);
    if (before > 1 || (before < 1 && !lasts))
        return false;
    atomic_fetch_add(&failed, 1);
    if (before == 1 && first_failed != NULL)
        first_failed();
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails_now() ? NULL : __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text)
{
    return fails_now() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t size)
{
    return fails_now() ? NULL : __real_strndup(text, size);
}

int __wrap_asprintf(char **text, const char *format, ...)
{
    va_list arguments;

    if (fails_now())
        return -1;
    va_start(arguments, format);
    int size = vasprintf(text, format, arguments);
    va_end(arguments);
    return size;
}

FILE *__wrap_open_memstream(char **text, size_t *size)
{
    return fails_now() ? NULL : __real_open_memstream(text, size);
}
