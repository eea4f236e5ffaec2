/* memory.h - allocations that fail when a test wants them to. */
#ifndef TESTS_COMMON_MEMORY_H
#define TESTS_COMMON_MEMORY_H

/* Let `count` allocations of the code under test succeed and the later ones fail, until
 * memory_restore(). */
void memory_fail_after(int count);
void memory_restore(void);

#endif
