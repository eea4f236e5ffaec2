/* allocations.h - the n-th allocation of a core fails. The linker sends all allocations of the
 * program through allocations.c (local.mk); only those between `inside` count. */
#ifndef TESTS_ALLOCATIONS_H
#define TESTS_ALLOCATIONS_H

#include <stdbool.h>

enum { ALLOCATIONS_NEVER = -1 };

/* until_failure: how many still succeed; below 0: all, or the failure is over. */
struct allocations { int until_failure; bool inside; };

struct allocations *allocations(void);

#endif
