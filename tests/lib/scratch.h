/* scratch.h - a directory that a test makes for itself and removes.
 *
 * Not only for programs of Check. */
#ifndef TESTS_LIB_SCRATCH_H
#define TESTS_LIB_SCRATCH_H

#include <stddef.h>

/* A new directory, in memory where the machine has a place for that: `path`, of `room` bytes,
 * becomes "/dev/shm/kairn-NAME-XXXXXX", or the same below /tmp; below $KAIRN_SCRATCH where that is
 * set, for what would not fit. 0 or an errno. */
int scratch_make(char *path, size_t room, const char *name);
/* Remove all that is in it. What can not be removed stays. */
void scratch_clear(const char *path);
/* Remove it with all that is in it. 0 or an errno. */
int scratch_remove(const char *path);

#endif
