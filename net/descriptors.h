/* descriptors.h - which descriptors a loop owns, readable in a forked child.
 *
 * A child that was forked while the loop's thread ran must not trust lists or heaps: they may have
 * been in the middle of a change. A set of bits that each change by one atomic store is true at
 * every moment. */
#ifndef NET_DESCRIPTORS_H
#define NET_DESCRIPTORS_H

#include <stdatomic.h>
#include <stdint.h>

enum {
    DESCRIPTORS_PER_BLOCK = 1 << 14,
    DESCRIPTOR_BLOCKS = 64              /* a million descriptors; none above is remembered */
};

struct descriptors {
    atomic_uint_least64_t *_Atomic blocks[DESCRIPTOR_BLOCKS];   /* bits; NULL until needed */
};

void descriptors_init(struct descriptors *set);
void descriptors_fini(struct descriptors *set);

/* Remember an open descriptor; forget it before it is closed or given away. The loop's thread. A
 * descriptor that there is no memory for is not remembered. */
void descriptors_add(struct descriptors *set, int fd);
void descriptors_remove(struct descriptors *set, int fd);

/* Close all that are in the set. */
void descriptors_close(struct descriptors *set);

#endif
