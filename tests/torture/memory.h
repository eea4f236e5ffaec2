/* memory.h - allocations that fail: the n-th, or all from the n-th on.
 *
 * The linker sends the allocations of all our objects through memory.c (local.mk). What libraries
 * allocate for themselves (libevent, zstd, jansson, libc) is not ours to survive and does not fail.
 * Any thread. */
#ifndef TESTS_TORTURE_MEMORY_H
#define TESTS_TORTURE_MEMORY_H

#include <stdbool.h>

/* Which threads' allocations count, by their names; called once for each thread. */
void memory_set_threads(bool (*counts)(const char *thread));

/* From now on the n-th that counts fails; with `lasting` all later ones, too. */
void memory_fail_at(long n, bool lasting);
/* Who is told of the first failure, by the thread that meets with it. */
void memory_set_witness(void (*witness)(void));
/* All is well again, or not, without forgetting how far it was. */
void memory_pause(bool paused);
/* All is well again for good. Returns how many failed. */
long memory_heal(void);

#endif
