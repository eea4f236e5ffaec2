/* forked.h - is this still the process that made an object? A page whose content does not survive
 * fork() tells parent from child by one load, where getpid() would be a system call. */
#ifndef CLIENT_FORKED_H
#define CLIENT_FORKED_H

#include <stdbool.h>
#include <stdint.h>

typedef const volatile uint8_t forked_page;     /* 1 in the parent, 0 in a child */

/* NULL when out of memory. */
forked_page *forked_page_new(void);
void forked_page_free(forked_page *page);       /* NULL is allowed */

/* One load; no system call. Any thread. */
static inline bool forked(forked_page *page) { return *page == 0; }

#endif
