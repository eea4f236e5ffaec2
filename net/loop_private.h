/* loop_private.h - what net's own files share with loop.c: the receive slab. */
#ifndef NET_LOOP_PRIVATE_H
#define NET_LOOP_PRIVATE_H

#include <stddef.h>

struct loop;
struct slab;

enum { LOOP_SLAB_SIZE = 256 * 1024, LOOP_TURN_BYTES_MAX = 4 << 20 };

/* The slab that all connections of the loop receive into, one at a time; fresh when somebody still
 * holds the last one. NULL when out of memory. */
struct slab *loop_slab(struct loop *loop);

/* May `bytes` more be moved in this turn? Counts them. */
int loop_may_move(struct loop *loop, size_t bytes);

/* Called first by every callback from libevent, so that a turn's duration leaves out the wait. */
void loop_in_turn(struct loop *loop);

#endif
